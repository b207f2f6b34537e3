from mmseg_wsss.datasets.class_sets import CLASS_SETS, VOC_CLASSES
from mmseg_wsss.structures.class_names import other_classes, plain_name


def test_coco_has_60_classes_that_voc_has_not():
    names = CLASS_SETS['coco60']['classes']
    assert len(names) == 61
    assert len(CLASS_SETS['coco60']['palette']) == 61
    assert len(CLASS_SETS['coco']['classes']) == 81
    # By ascending id of COCO: 8 truck, 10 traffic light, ..., 90 toothbrush.
    assert names[:4] == ('background', 'truck', 'traffic light', 'fire hydrant')
    assert names[-1] == 'toothbrush'
    assert other_classes(names[1:], VOC_CLASSES) == names[1:]
    shared = {plain_name(name) for name in CLASS_SETS['coco']['classes']} - {plain_name(name) for name in names}
    assert shared == set(VOC_CLASSES) - {'background'}
