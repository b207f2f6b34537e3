"""Promptable networks: the numbers of a direct call, in any group of prompts, one line for what cannot be loaded."""

import json
import shutil

import numpy as np
import pytest
import torch

from mmseg_wsss.labelling import promptable_model
from mmseg_wsss.labelling.promptable_model import Prompt, PromptableModel
from tests.helpers.promptable import SIDE, tiny_sam2, transformers, write_tiny_sam

IMAGE = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
BOX = np.array([3.0, 4.0, 20.0, 22.0])
PROMPTS = [
    Prompt(1, BOX),
    Prompt(2, None, np.array([[3.0, 4.0]]), np.array([1])),
    Prompt(2, None, np.array([[30.0, 14.0], [8.0, 2.0]]), np.array([1, 0])),
    Prompt(1, None, np.array([[11.0, 25.0]]), np.array([1])),
    Prompt(3, BOX + 5, np.array([[12.0, 12.0]]), np.array([1])),
]


@pytest.fixture(scope='module')
def sam(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sam')
    return folder, write_tiny_sam(folder)


@torch.no_grad()
def direct(folder, model, prompt, multimask):
    """The call of the documentation of transformers, for one prompt."""
    processor = transformers.SamProcessor.from_pretrained(folder)
    given = {}
    if len(prompt.points):
        given = {'input_points': [[prompt.points.tolist()]], 'input_labels': [[prompt.positive.tolist()]]}
    if prompt.box is not None:
        given['input_boxes'] = [[prompt.box.tolist()]]
    inputs = processor(images=IMAGE, return_tensors='pt', **given)
    sizes = inputs.pop('original_sizes'), inputs.pop('reshaped_input_sizes')
    inputs = {k: v.float() if v.dtype == torch.float64 else v for k, v in inputs.items()}
    output = model(**inputs, multimask_output=multimask)
    masks = processor.post_process_masks(output.pred_masks, *sizes, binarize=False)[0][0]
    scores = output.iou_scores[0, 0]
    return masks[scores.argmax()].sigmoid().numpy(), float(scores.max())


@pytest.mark.parametrize(('multimask', 'batch'), [(True, 16), (False, 16), (True, 1)])
def test_masks_are_those_of_a_direct_call(sam, multimask, batch):
    folder, model = sam
    found = list(PromptableModel(str(folder), multimask=multimask, batch=batch).masks(IMAGE, PROMPTS))
    assert sorted(map(id, PROMPTS)) == sorted(id(prompt) for prompt, _, _ in found)
    for prompt, mask, score in found:
        expected, expected_score = direct(folder, model, prompt, multimask)
        np.testing.assert_allclose(mask, expected, atol=1e-5)
        assert score == pytest.approx(expected_score, abs=1e-5)
        assert mask.shape == IMAGE.shape[:2]
    spread = np.ptp([mask for _, mask, _ in found], axis=0).max()
    assert spread > 0.1  # the masks depend on the prompts


def test_an_image_is_encoded_once(sam, monkeypatch):
    model = PromptableModel(str(sam[0]), batch=1)
    calls = []
    encode = model.model.get_image_embeddings
    monkeypatch.setattr(model.model, 'get_image_embeddings', lambda pixels: calls.append(pixels) or encode(pixels))
    assert len(list(model.masks(IMAGE, PROMPTS))) == 5
    assert [tuple(pixels.shape) for pixels in calls] == [(1, 3, SIDE, SIDE)]
    assert list(model.masks(IMAGE, [])) == []


def test_scores_are_shares(sam, tmp_path):
    shutil.copytree(sam[0], tmp_path, dirs_exist_ok=True)
    model = transformers.SamModel.from_pretrained(tmp_path)
    model.mask_decoder.iou_prediction_head.proj_out.bias.data.add_(5)
    model.save_pretrained(tmp_path)
    assert [score for _, _, score in PromptableModel(str(tmp_path)).masks(IMAGE, PROMPTS[:2])] == [1, 1]


def test_weights_of_half_precision_are_used_in_full(sam, tmp_path):
    """Image processors give float32, and what was saved in bfloat16 would not take it."""
    shutil.copytree(sam[0], tmp_path, dirs_exist_ok=True)
    transformers.SamModel.from_pretrained(tmp_path).bfloat16().save_pretrained(tmp_path)
    (_, mask, _), *_ = PromptableModel(str(tmp_path)).masks(IMAGE, PROMPTS[:1])
    expected, _ = direct(*sam, PROMPTS[0], True)
    assert mask.dtype == np.float32
    np.testing.assert_allclose(mask, expected, atol=0.2)


class Sam2Images:
    """What ``Sam2Processor`` does, whose pictures need torchvision: a square picture, scaled coordinates."""

    def __call__(self, images, input_points=None, input_labels=None, input_boxes=None, **_):
        scale = torch.tensor([SIDE / images.shape[1], SIDE / images.shape[0]])
        pixels = torch.from_numpy(images).movedim(2, 0)[None].float() / 255
        pixels = torch.nn.functional.interpolate(pixels, (SIDE, SIDE), mode='bilinear')
        inputs = {'pixel_values': pixels, 'original_sizes': torch.tensor([images.shape[:2]])}
        if input_points is not None:
            inputs['input_points'] = torch.tensor(input_points) * scale
            inputs['input_labels'] = torch.tensor(input_labels)
        if input_boxes is not None:
            inputs['input_boxes'] = torch.tensor(input_boxes) * scale.repeat(2)
        return inputs

    def post_process_masks(self, masks, original_sizes, binarize):
        assert binarize is False
        return [torch.nn.functional.interpolate(masks[0], original_sizes[0].tolist(), mode='bilinear')]


@pytest.mark.parametrize('multimask', [True, False])
def test_sam2_has_the_same_calls(monkeypatch, multimask):
    network = tiny_sam2()
    monkeypatch.setattr(promptable_model, '_load', lambda name: (network, Sam2Images()))
    found = list(PromptableModel('sam2', multimask=multimask).masks(IMAGE, PROMPTS))
    inputs = Sam2Images()(IMAGE, [[PROMPTS[1].points.tolist()]], [[[1]]])
    with torch.no_grad():
        given = {key: value for key, value in inputs.items() if key != 'original_sizes'}
        output = network(**given, multimask_output=multimask)
    best = output.iou_scores[0, 0].argmax()
    logits = torch.nn.functional.interpolate(output.pred_masks[0, :, best][None], (30, 40), mode='bilinear')
    mask, score = next((mask, score) for prompt, mask, score in found if prompt is PROMPTS[1])
    np.testing.assert_allclose(mask, logits[0, 0].sigmoid().numpy(), atol=1e-5)
    assert score == pytest.approx(float(output.iou_scores.max()), abs=1e-6)
    assert len(found) == 5


def test_what_cannot_be_loaded_is_one_line(sam, tmp_path, monkeypatch):
    def message(folder):
        with pytest.raises(ValueError, match='none|config|SAM|weights') as error:
            PromptableModel(str(folder))
        assert '\n' not in str(error.value)
        return str(error.value)

    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    assert message(tmp_path).endswith(' has no config.json: expected a folder that save_pretrained wrote')
    bert = transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    bert.save_pretrained(tmp_path / 'bert')
    assert "its model_type is 'bert', expected one of sam, sam2" in message(tmp_path / 'bert')
    assert 'cannot be loaded as a SAM model of transformers' in message(tmp_path / 'none')
    pickled = tmp_path / 'pickled'
    shutil.copytree(sam[0], pickled)
    (pickled / 'model.safetensors').unlink()
    torch.save(sam[1].state_dict(), pickled / 'pytorch_model.bin')
    assert 'model.safetensors' in message(pickled)
    partial = tmp_path / 'partial'
    weights = {key: value for key, value in sam[1].state_dict().items() if 'upscale_conv1' not in key}
    shutil.copytree(sam[0], partial)
    sam[1].save_pretrained(partial, state_dict=weights)
    assert 'lacks 2 weights of its network, such as mask_decoder.upscale_conv1.bias' in message(partial)
    own_code = tmp_path / 'own_code'
    shutil.copytree(sam[0], own_code)
    config = json.loads((own_code / 'config.json').read_text())
    config.update(model_type='mine', auto_map={'AutoConfig': 'evil.Config'})
    (own_code / 'config.json').write_text(json.dumps(config))
    (own_code / 'evil.py').write_text('raise SystemExit("code of the weights was run")')
    assert 'own_code cannot be loaded as a SAM model' in message(own_code)


def test_missing_packages_are_named(sam, monkeypatch):
    def no_torchvision(*args, **kwargs):
        raise ImportError('Sam2ImageProcessor requires\nthe Torchvision library')

    with monkeypatch.context() as patch:
        patch.setattr(transformers.AutoProcessor, 'from_pretrained', no_torchvision)
        with pytest.raises(ImportError, match='needs a package that is missing: Sam2ImageProcessor requires the Torch'):
            PromptableModel(str(sam[0]))
    monkeypatch.setattr(promptable_model, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match=r'SAM needs the library transformers: pip install "mmseg-wsss\[sam\]"'):
        PromptableModel(str(sam[0]))
