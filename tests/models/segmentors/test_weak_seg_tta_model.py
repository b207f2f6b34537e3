"""Test-time augmentation: the mean of all views is decided."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmcv.transforms import Compose
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from mmseg.registry import MODELS, TRANSFORMS
from torch import nn

from mmseg_wsss.models.segmentors import WeakSegTTAModel
from tests.helpers.colour_network import CLASSES, Pixels, batch_of, build, maps_of, predict
from tests.helpers.models import assert_are_highest, model_config


def pipeline(scales, flips, **resize):
    """The pipeline of test-time augmentation, on an image that is at hand."""
    keys = ('img_path', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor', 'flip', 'flip_direction')
    steps = {
        'type': 'TestTimeAug',
        'transforms': [
            [{'type': 'Resize', 'scale_factor': scale, 'keep_ratio': True, **resize} for scale in scales],
            [{'type': 'RandomFlip', 'prob': float(flip), 'direction': 'horizontal'} for flip in flips],
            [{'type': 'PackSegInputs', 'meta_keys': keys}],
        ],
    }
    return Compose([TRANSFORMS.build(steps)])


def augmented(image, scales, flips):
    """One image, (h, w, 3) uint8, as the data loader of test-time augmentation gives it."""
    mask = np.zeros(image.shape[:2], dtype=np.uint8)
    results = {'img': image, 'img_path': 'a.jpg', 'ori_shape': image.shape[:2], 'img_shape': image.shape[:2]}
    views = pipeline(scales, flips)({**results, 'gt_seg_map': mask, 'seg_fields': []})
    return pseudo_collate([views])


def merge(model, image, scales, flips):
    with torch.no_grad():
        return WeakSegTTAModel(model).test_step(augmented(image, scales, flips))[0]


def smooth_image(size=(24, 40), seed=0):
    coarse = np.random.default_rng(seed).uniform(0, 255, (4, 5, 3))
    image = F.interpolate(torch.from_numpy(coarse).permute(2, 0, 1)[None], size, mode='bicubic', align_corners=False)
    return image[0].permute(1, 2, 0).clamp(0, 255).round().byte().numpy()


@pytest.mark.parametrize('scales', [(1.0,), (0.5, 1.0), (1.0, 0.5, 1.5, 2.0), (2.0, 0.75)])
def test_flips_change_nothing_for_a_network_that_does_not_mind(scales):
    image = smooth_image()
    for model in (build(), build(model={'decision': None}), build(model={'decision': {'type': 'ArgmaxDecision'}})):
        plain, mirrored, both = (merge(model, image, scales, flips) for flips in ([False], [True], [False, True]))
        for other in (mirrored, both):
            torch.testing.assert_close(other.seg_logits.data, plain.seg_logits.data, rtol=1e-4, atol=1e-5)
            agree = (other.pred_sem_seg.data == plain.pred_sem_seg.data).float().mean()
            assert agree > 0.999
        if model.decision is not None:
            assert both.inference_switches['views'] == 2 * len(scales)
        if 'class_scores' in plain:
            torch.testing.assert_close(both.class_scores, plain.class_scores)


def test_merged_sample_is_the_mean_of_all_views_and_the_largest_score():
    image = smooth_image(seed=1)
    model = build(stride=4, score_threshold=0.4, background_power=2.0)
    scales = (1.0, 0.5, 2.0)
    merged = merge(model, image, scales, [False, True])
    maps, scores = [], []
    for scale in scales:
        for flip in (False, True):
            view = augmented(image, [scale], [flip])['inputs'][0][0]
            _, probs, score = maps_of(model, view)
            probs = F.interpolate(probs, view.shape[1:], mode='bilinear', align_corners=True)
            probs = probs.flip(3) if flip else probs
            maps.append(F.interpolate(probs, image.shape[:2], mode='bilinear', align_corners=False)[0])
            scores.append(score)
    mean, largest = torch.stack(maps).mean(0), torch.stack(scores).amax(0)
    torch.testing.assert_close(merged.seg_logits.data.exp(), mean, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(merged.class_scores, largest)
    mean[0] = mean[0] ** 2
    mean[1:][largest <= 0.4] = 0
    assert_are_highest(merged.pred_sem_seg.data[0], mean)


def test_every_view_counts_the_same_in_any_order():
    image = smooth_image(seed=2)
    first = merge(build(), image, (1.0, 0.5), [False, True])
    second = merge(build(), image, (0.5, 1.0), [True, False])
    torch.testing.assert_close(first.seg_logits.data, second.seg_logits.data)
    single = merge(build(), image, (1.0,), [False])
    assert not torch.allclose(first.seg_logits.data, single.seg_logits.data)


def test_a_wrong_merge_is_seen_with_a_network_that_does_mind():
    """A network that looks at columns: the mean of both views is symmetric, one view is not."""

    class Columns(Pixels):
        def forward(self, x):
            ramp = torch.linspace(-2, 2, x.shape[3]).view(1, 1, 1, -1)
            return (x * 0 + ramp,)

    model = build(model={'backbone': {'type': Columns}})
    image = smooth_image()
    one = merge(model, image, (1.0,), [False]).seg_logits.data
    mirrored = merge(model, image, (1.0,), [True]).seg_logits.data
    both = merge(model, image, (1.0,), [False, True]).seg_logits.data
    torch.testing.assert_close(mirrored, one.flip(2))
    torch.testing.assert_close(both, both.flip(2))
    assert not torch.allclose(one, one.flip(2))


def test_ground_truth_stays_on_the_merged_sample():
    image = smooth_image()
    data = augmented(image, (1.0,), [False, True])
    for views in data['data_samples']:
        views[0].set_data({'gt_sem_seg': PixelData(data=torch.zeros(1, 24, 40))})
    merged = WeakSegTTAModel(build()).test_step(data)[0]
    assert merged.gt_sem_seg.data.shape == (1, 24, 40)
    assert merged.img_path == 'a.jpg'


class Negative(nn.Module):
    """A refiner that reverses the masks and remembers its picture."""

    calls = ()

    def forward(self, masks, image):
        self.calls = (*self.calls, (masks, image))
        return 1 - masks


def test_refiner_sees_the_pruned_masks_and_the_picture_of_the_file_once():
    image = smooth_image(seed=4)
    model = build(refiner={'type': Negative}, stride=2)
    merged = merge(model, image, (0.5, 1.0, 2.0), [False, True])
    ((masks, picture),) = model.decision.refiner.calls
    assert np.abs(picture[0].permute(1, 2, 0).numpy()[..., ::-1] * 255 - image).max() < 1e-3
    assert torch.equal(merged.pred_sem_seg.data, (1 - masks).argmax(1))
    assert masks.shape == (1, CLASSES, 24, 40)
    absent = (merged.class_scores <= 0.1).nonzero().flatten() + 1
    assert (masks[0, absent] == 0).all()
    assert merged.inference_switches['refiner'] == 'Negative'
    batch = batch_of(((24, 40),)) | {'inputs': [torch.from_numpy(image).permute(2, 0, 1)]}
    (alone,) = predict(model, batch)
    assert len(model.decision.refiner.calls) == 2
    assert alone.inference_switches['views'] == 1


def test_tta_refuses_other_segmentors():
    cfg = model_config('fcn', type='EncoderDecoder')
    del cfg['losses']
    with pytest.raises(TypeError, match='WeakSegTTAModel merges the views of a WeakEncoderDecoder; for EncoderDecoder'):
        WeakSegTTAModel(MODELS.build(cfg))
