"""Against a recorder everywhere, and against the library's own CRF of images where it is installed."""

import sys
import types
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

INSTALLED = find_spec('pydensecrf') is not None


class Recorder:
    """Keeps what it is given and answers with the unary's own probabilities, reversed."""

    made = ()

    def __init__(self, pixels, labels):
        self.shape, self.energies = (labels, pixels), []
        Recorder.made = (*Recorder.made, self)

    def setUnaryEnergy(self, unary):
        assert unary.dtype == np.float32
        assert unary.flags.c_contiguous
        self.unary = unary

    def addPairwiseEnergy(self, features, compat):
        assert features.dtype == np.float32
        assert features.flags.c_contiguous
        self.energies.append((features, compat))

    def inference(self, steps):
        self.steps = steps
        return np.exp(-self.unary)[::-1]


@pytest.fixture
def recorder(monkeypatch):
    package, module = types.ModuleType('pydensecrf'), types.ModuleType('pydensecrf.densecrf')
    package.__spec__ = ModuleSpec('pydensecrf', None)
    module.DenseCRF = Recorder
    monkeypatch.setitem(sys.modules, 'pydensecrf', package)
    monkeypatch.setitem(sys.modules, 'pydensecrf.densecrf', module)
    monkeypatch.setattr(Recorder, 'made', ())
    return Recorder


def inputs(batch=1, classes=3, size=(5, 7)):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(batch, classes, *size, generator=generator), torch.rand(batch, 3, *size, generator=generator)


def test_published_setting_reaches_the_library(recorder):
    masks, image = inputs()
    masks[0, 1, 0, 0] = 0
    refined = MODELS.build({'type': 'DenseCRF'})(masks, image)
    (crf,) = recorder.made
    assert crf.shape == (3, 35)
    assert crf.steps == 10
    expected = -np.log(masks[0].reshape(3, 35).numpy().clip(1e-5, 1))
    np.testing.assert_allclose(crf.unary, expected, rtol=1e-6)
    (smoothness, weight), (appearance, other_weight) = crf.energies
    assert (weight, other_weight) == (3, 10)
    colours = (image[0] * 255).round().numpy()
    for place, (row, column) in enumerate((r, c) for r in range(5) for c in range(7)):
        np.testing.assert_allclose(smoothness[:, place], [row / 3, column / 3], rtol=1e-6)
        wanted = [row / 80, column / 80, *(colours[:, row, column] / 13)]
        np.testing.assert_allclose(appearance[:, place], wanted, rtol=1e-6)
    torch.testing.assert_close(refined, masks.flip(1).clamp(1e-5, 1))


def test_settings_of_ones_own(recorder):
    masks, image = inputs()
    settings = {'smoothness_xy': 1.0, 'smoothness_weight': 2.0, 'appearance_xy': 32.0, 'appearance_rgb': 5.0}
    MODELS.build({'type': 'DenseCRF', 'num_iters': 4, 'appearance_weight': 7.0, **settings})(masks, image)
    (crf,) = recorder.made
    assert crf.steps == 4
    assert [weight for _, weight in crf.energies] == [2.0, 7.0]
    np.testing.assert_allclose(
        crf.energies[1][0][:, -1], [4 / 32, 6 / 32, *(image[0, :, 4, 6] * 255).round() / 5], rtol=1e-6
    )


def test_pixels_outside_and_absent_classes_take_no_part(recorder):
    masks, image = inputs(batch=2)
    inside = torch.ones(2, 1, 5, 7)
    inside[0, :, 3:] = 0
    inside[1] = 0
    present = torch.tensor([[1, 0, 1], [1, 1, 1]])
    masks[0, :, 3:], image[0, :, 3:], masks[:, 1] = torch.nan, torch.nan, torch.nan
    refined = MODELS.build({'type': 'DenseCRF'})(masks, image, mask=inside, present=present)
    (crf,) = recorder.made  # nothing is left of the second image
    assert crf.shape == (2, 21)
    assert all(np.isfinite(features).all() for features, _ in crf.energies)
    torch.testing.assert_close(refined[0, 0, :3], masks[0, 2, :3])
    assert refined[0, 1].eq(0).all()
    assert refined[0, :, 3:].eq(0).all()
    assert refined[1].eq(0).all()


def test_image_is_brought_to_the_masks(recorder):
    masks, _ = inputs(size=(4, 6))
    image = torch.full((1, 3, 8, 12), 0.4)
    MODELS.build({'type': 'DenseCRF'})(masks, image)
    np.testing.assert_allclose(recorder.made[0].energies[1][0][2:], 102 / 13, rtol=1e-6)


def test_a_mask_of_the_size_of_the_image(recorder):
    masks, _ = inputs(size=(4, 6))
    image, inside = torch.full((1, 3, 8, 12), 0.4), torch.ones(1, 1, 8, 12)
    image[..., 7:], inside[..., 7:] = torch.nan, 0
    refined = MODELS.build({'type': 'DenseCRF'})(masks, image, mask=inside)
    assert recorder.made[0].shape == (3, 12)  # the fourth column has a pixel outside
    np.testing.assert_allclose(recorder.made[0].energies[1][0][2:], 102 / 13, rtol=1e-6)
    assert refined[..., 3:].eq(0).all()


def test_a_picture_that_is_too_large_is_refused(recorder, monkeypatch):
    monkeypatch.setattr('mmseg_wsss.models.refiners.dense_crf.MOST_PIXELS', 35)
    refine = MODELS.build({'type': 'DenseCRF'})
    refine(*inputs(size=(5, 7)))
    with pytest.raises(ValueError, match=r'a dense CRF of 6 x 6 pixels needs more memory .*: cut the images'):
        refine(*inputs(size=(6, 6)))


def test_the_library_itself_or_how_to_get_it():
    if not INSTALLED:
        with pytest.raises(ImportError, match='DenseCRF needs the module pydensecrf: pip install pydensecrf2'):
            MODELS.build({'type': 'DenseCRF'})
        return
    from pydensecrf.densecrf import DenseCRF2D

    masks, _ = inputs(size=(24, 31))
    image = torch.zeros(1, 3, 24, 31)
    image[..., 12:] = 0.8
    masks = (masks + 2 * torch.nn.functional.one_hot((torch.arange(31) > 11).long(), 3).T[None, :, None]).softmax(1)
    reference = DenseCRF2D(31, 24, 3)
    reference.setUnaryEnergy(-np.log(masks[0].numpy()).reshape(3, -1))
    colours = np.ascontiguousarray((image[0] * 255).round().byte().permute(1, 2, 0).numpy())
    reference.addPairwiseGaussian(sxy=3, compat=3)
    reference.addPairwiseBilateral(sxy=80, srgb=13, rgbim=colours, compat=10)
    expected = torch.from_numpy(np.array(reference.inference(10)).reshape(1, 3, 24, 31))
    refined = MODELS.build({'type': 'DenseCRF'})(masks, image)
    torch.testing.assert_close(refined, expected, rtol=1e-3, atol=1e-4)
    assert (refined.argmax(1) == (torch.arange(31) > 11).long()).all()
    torch.testing.assert_close(refined.sum(1), torch.ones(1, 24, 31))


def test_missing_library_is_named_when_the_model_is_built(monkeypatch):
    monkeypatch.setattr('mmseg_wsss.models.refiners.dense_crf.find_spec', lambda name: None)
    with pytest.raises(ImportError, match='needs the module pydensecrf: pip install pydensecrf2'):
        MODELS.build({'type': 'DenseCRF'})


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'num_iters': 0}, 'num_iters must be a positive integer, got 0'),
        ({'appearance_rgb': -1.0}, 'appearance_rgb must be a finite number above 0'),
        ({'smoothness_weight': 0}, 'smoothness_weight'),
    ],
)
def test_bad_settings(recorder, settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({'type': 'DenseCRF', **settings})
