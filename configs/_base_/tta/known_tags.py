# Parts of pipelines in which the tags of an image are known to the network, for pseudo-labels of such images.
read = [dict(type='LoadImageFromFile'), dict(type='LoadImageTags')]
pack = dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'flip', 'flip_direction', 'gt_tags'))
