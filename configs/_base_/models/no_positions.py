# For small pre-trained networks that learn from image tags: nothing else says where the objects are, so the network
# must not know where in the picture a pixel is. Zeros beyond the borders tell it, and pre-trained convolutions of
# stride 2 see blocks of pixels, which aligned corners (align_corners=True) move by up to half a cell. With both, masks
# of one of two seeds became the same disc at the upper left of every picture: docs/results.md.
same_beyond_borders = dict(type='Conv2d', padding_mode='replicate')
