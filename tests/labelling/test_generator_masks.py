import numpy as np
import pytest
import torch

from mmseg_wsss.labelling.generator_masks import (
    generator_label,
)
from mmseg_wsss.structures import WeakAnnotations


class HalfGenerator:
    """Says that the left half of what it sees is an object, whatever the class."""

    use_probability = False

    def data_preprocessor(self, batch, training):
        (image,) = batch['inputs']
        return {'inputs': torch.nn.functional.pad(image.float()[None], (0, 6, 0, 4))}

    def generate(self, image, box_maps, probabilities):
        self.seen = box_maps
        score = torch.full_like(box_maps, -3.0)
        score[..., :10] = 1.0
        return torch.cat([torch.zeros_like(score), score], dim=1)


def test_labels_of_one_image_by_hand():
    """The network sees 20 x 12 pixels and padding, the file has 40 x 24."""
    sample = {
        'inputs': torch.zeros(3, 12, 20, dtype=torch.uint8),
        'data_samples': type('Sample', (), {'metainfo': {'ori_shape': (24, 40), 'img_shape': (12, 20)}})(),
    }
    boxes = WeakAnnotations(boxes=[[4, 4, 29, 19], [0, 0, 9, 9]], box_labels=[2, 5])
    model = HalfGenerator()
    labels, confidence = generator_label(model, sample, boxes)
    assert model.seen.shape == (2, 1, 16, 26)
    assert model.seen[0, 0].nonzero().amin(0).tolist() == [2, 2]
    assert model.seen[0, 0].nonzero().amax(0).tolist() == [9, 14]
    expected = np.zeros((24, 40), dtype=int)
    expected[4:20, 4:20] = 2
    expected[:10, :10] = 5  # the smaller mask
    edge = np.s_[:, 19:21]  # where two pixels of the network meet
    labels[edge] = expected[edge] = 0
    assert np.array_equal(labels, expected)
    sure = torch.sigmoid(torch.tensor([1.0, -3.0])).tolist()
    assert confidence[12, 12] == pytest.approx(sure[0])
    assert confidence[12, 25] == pytest.approx(1 - sure[1])
    assert confidence[22, 35] == 1
    labels, confidence = generator_label(model, sample, WeakAnnotations())
    assert (labels.max(), confidence.min()) == (0, 1)
