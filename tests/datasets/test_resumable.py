import pytest
import torch
from mmseg.registry import DATASETS

from mmseg_wsss.datasets.resumable import ResumableInfiniteSampler, SeededDataset, SeededItems, seed_everything


def test_sampler_goes_on_where_it_was_told_to():
    class Five(SeededItems, list):
        pass

    numbers = Five(range(5))
    items = ResumableInfiniteSampler(numbers, seed=1)
    whole = [item for item, _ in zip(items, range(20), strict=False)]
    skipped = ResumableInfiniteSampler(numbers, seed=1)
    skipped.skip(7)
    assert [item for item, _ in zip(skipped, range(13), strict=False)] == whole[7:]
    assert len({seed for _, seed in whole}) == 20
    assert sorted(index for index, _ in whole[:5]) == [0, 1, 2, 3, 4]


def test_sampler_names_the_wrapper_of_data_sets_that_take_no_seeds():
    with pytest.raises(TypeError, match=r"list does not support: wrap it as dataset=dict\(type='SeededDataset'"):
        ResumableInfiniteSampler([1, 2, 3])


def test_seeded_dataset_draws_by_position():
    class Draws:
        metainfo = {'classes': ('a',)}

        def __getitem__(self, index):
            return index, float(torch.rand(()))

        def __len__(self):
            return 3

    dataset = SeededDataset(Draws())
    first = dataset[1, 99]
    seed_everything(0)
    assert dataset[1, 99] == first
    assert dataset[1, 98] != first
    assert len(dataset) == 3
    assert 'SeededDataset' in DATASETS
