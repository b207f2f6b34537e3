"""The configs that README and docs show are run as they stand."""

import itertools
import json
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.models.backbones import MobileNetV2
from mmseg.registry import DATASETS, MODELS, TASK_UTILS
from PIL import Image

from mmseg_wsss.cli.main import COMMANDS, main
from mmseg_wsss.datasets.formats.registry import FORMATS, READERS, read_labels
from mmseg_wsss.engine.own_data import fill_own_data
from mmseg_wsss.engine.run_facts import read_run
from mmseg_wsss.engine.stages.config import listed_stages
from mmseg_wsss.models.segmentors.renamed import OF_DECISION, OF_VIEWS
from mmseg_wsss.structures import LossInputs
from tests.helpers.models import model_config

ROOT = Path(__file__).parents[1]
_numbers = itertools.count()
CLASSES = [
    {'name': 'background', 'color': [0, 0, 0]},
    {'name': 'crop', 'color': [0, 160, 0]},
    {'name': 'weed', 'color': [200, 0, 0]},
]
CONFIGS = sorted((ROOT / 'configs').rglob('*.py'))
BASE = ROOT / 'configs/gated_crf/deeplabv3plus_r34_voc_clicks.py'


def block(page, word):
    """The one Python block of a page that has a word in it."""
    (found,) = [
        text for text in re.findall(r'```python\n(.*?)```', (ROOT / page).read_text(), re.DOTALL) if word in text
    ]
    return found


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder as docs/your_own_data.md asks for."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for folder in ('images', 'masks'):
        (tmp_path / 'my_data' / folder).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(f'my_data/images/{number}.jpg')
        Image.fromarray(rng.integers(0, 3, (40, 50), dtype=np.uint8)).save(f'my_data/masks/{number}.png')
    click = {'x': 3, 'y': 4, 'class': 2}
    labels = {
        'version': 1,
        'classes': CLASSES,
        'images': [{'file_name': f'{i}.jpg', 'points': [click]} for i in (0, 1)],
    }
    Path('my_data/weak_labels.json').write_text(json.dumps(labels))
    Path('my_data/train.txt').write_text('0\n1\n')
    Path('my_data/val.txt').write_text('2\n')
    Config.fromfile(BASE).dump('base.py')
    return tmp_path


@pytest.mark.parametrize('page', ['README.md', 'docs/your_own_data.md'])
def test_config_for_ones_own_data(project, page):
    recipe = re.search(r"_base_ = './base.py'  # (own_data/\w+)", (ROOT / page).read_text())[1]
    assert main(['config', recipe, '-o', 'base.py', '--force']) == 0
    Path('my_config.py').write_text(block(page, "_base_ = './base.py'") + "weak_labels = 'my_data/weak_labels.json'\n")
    for split in ('train', 'val'):
        Path(f'my_data/{split}.txt').rename(f'{split}.txt')
    cfg = Config.fromfile('my_config.py')
    fill_own_data(cfg)
    train, val = (DATASETS.build(cfg[f'{name}_dataloader'].dataset) for name in ('train', 'val'))
    assert (len(train), len(val)) == (2, 1)
    assert tuple(train.metainfo['classes']) == tuple(val.metainfo['classes']) == ('background', 'crop', 'weed')
    assert train[0]['data_samples'].gt_points[0].tolist()[2] == 2
    assert val[0]['data_samples'].gt_sem_seg.data.max() == 2
    assert (cfg.train_cfg.max_iters, cfg.model.decode_head.num_classes) == (cfg.iterations, 3)


def commands(page):
    """The commands of wsss in the Bash blocks of a page."""
    text = (ROOT / page).read_text().split('## PASCAL VOC')[0]
    blocks = ''.join(re.findall(r'```bash\n(.*?)```', text, re.DOTALL))
    lines = [line.split('  #')[0].strip() for line in blocks.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith('wsss ')]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """MobileNetV2 without training, in the place of the weights that the recipes download."""
    file = tmp_path / 'mobilenet_v2.pth'
    torch.save(MobileNetV2().state_dict(), file)
    monkeypatch.setenv('MBV2_CHECKPOINT', str(file))


def test_the_way_to_masks_of_new_photos(project, weights):
    """The commands of the page, as they stand; the trainings are shortened."""
    for name in ('base.py', 'my_data/train.txt', 'my_data/val.txt'):
        Path(name).unlink()
    Path('photos').mkdir()
    Image.open('my_data/images/2.jpg').save('photos/new.jpg')
    init, train, predict, label, again = commands('docs/your_own_data.md')
    assert main(init) == 0
    text = Path('config.py').read_text()
    text = re.sub('iterations = .*', 'iterations = 2', re.sub('crop = .*', 'crop = 32', text))
    Path('config.py').write_text(text)
    settings = ['--cfg-options', f'experiment_name=docs_{next(_numbers)}', 'log_level=ERROR']
    assert main([*train, *settings]) == 0
    assert main(predict) == 0
    with Image.open('out/masks/new.png') as mask:
        assert mask.size == (50, 40)
    assert sorted(path.name for path in Path('out').iterdir()) == ['confidence', 'masks', 'overlays']
    label[label.index('0.5')] = '0'  # two iterations are sure of nothing
    assert main(label) == 0
    assert main([*again, *settings[1:]]) == 0
    assert read_run(Path('work_dirs/second')).labels == {'images': 2, 'dense masks': 2}
    assert list(Path('work_dirs/second').glob('best_*.pth'))


def test_commands_of_the_pages_are_those_of_the_parser():
    for page in ('README.md', 'docs/your_own_data.md'):
        text = (ROOT / page).read_text()
        blocks = ''.join(re.findall(r'```bash\n(.*?)```', text, re.DOTALL))
        found = set(re.findall(r'^wsss ([\w-]+)|`wsss ([\w-]+)', blocks + text, re.MULTILINE))
        assert {first or second for first, second in found} <= set(COMMANDS)


@pytest.mark.parametrize(
    'command',
    re.findall(r'\| `(wsss init [^`]*)`', (ROOT / 'docs/your_own_data.md').read_text()),
)
def test_commands_of_the_table(project, weights, command):
    """With the data that their row names; those without it say what is missing."""
    (project / 'my_data/painted').mkdir()
    painted = np.full((40, 50), 255, np.uint8)
    painted[3, 4] = 2
    for number in (0, 1):
        Image.fromarray(painted).save(f'my_data/painted/{number}.png')
    Path('base.py').unlink()
    assert main(shlex.split(command)[1:]) == 0
    assert len(Path('config.py').read_text().splitlines()) <= 12


def test_a_promptable_model_in_the_place_of_grabcut(project):
    """The block of the page, below the line that names the recipe."""
    pytest.importorskip('transformers')
    text = f"_base_ = {str(ROOT / 'configs/own_data/boxes_cpu.py')!r}\ndata_root = 'my_data'\n"
    Path('prompted.py').write_text(text + block('docs/stages.md', 'WritePromptedLabels'))
    cfg = Config.fromfile('prompted.py')
    fill_own_data(cfg)
    task = TASK_UTILS.build(listed_stages(cfg)['boxes']['task'])
    assert (task.settings.model, task.settings.empty_images) == ('facebook/sam-vit-base', 'skip')
    assert len(DATASETS.build({**task.dataset, 'test_mode': True, 'pipeline': []})) > 0


def test_changes_to_a_config_of_mmseg(project):
    cfg = Config.fromstring(block('README.md', "dataset=dict(\n        type='WeakSegDataset'"), '.py')
    sample = DATASETS.build(cfg.train_dataloader.dataset)[0]
    assert sample['data_samples'].metainfo['num_classes'] == 3
    model = Config.fromstring(block('README.md', "type='WeakEncoderDecoder'"), '.py').model
    plain = Config.fromfile(BASE).model
    del plain['losses']
    built = MODELS.build({**plain, **model})
    assert list(built.losses) == ['loss_ce', 'loss_gated_crf']


def module_of(monkeypatch, name, code):
    """A module that a page writes, which other code of the page can import."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(code, name, 'exec'), vars(module))
    return module


def test_the_loss_of_add_a_loss(monkeypatch):
    """The function, the class, the config and the tests of the page, run as they stand."""
    blocks = re.findall(r'```python\n(.*?)```', (ROOT / 'docs/add_a_loss.md').read_text(), re.DOTALL)
    function, part, config, tests = blocks
    with MODELS.switch_scope_and_registry('mmseg'):
        module_of(monkeypatch, 'mmseg_wsss.functional.entropy', function)
        module_of(monkeypatch, 'mmseg_wsss.models.losses.entropy_loss', part)
    try:
        page = vars(module_of(monkeypatch, 'test_entropy', tests))
        for name in [name for name in page if name.startswith('test_')]:
            page[name]()
        settings = Config.fromstring(config, '.py').model.losses
        losses = MODELS.build(model_config(losses=settings)).losses
        logits = torch.zeros(1, 3, 2, 2)
        labels = torch.tensor([[[0, 255], [255, 255]]])
        batch = LossInputs(logits=logits, image=torch.zeros(1, 3, 2, 2), labels=labels, valid=torch.ones(1, 1, 2, 2))
        torch.testing.assert_close(losses['loss_entropy'](batch), 0.05 * torch.tensor(3.0).log())
    finally:
        MODELS.module_dict.pop('EntropyLoss')


def test_the_format_of_add_a_format(tmp_path, monkeypatch):
    """The reader and the tests of the page, run as they stand; also as a format of a data set and of wsss convert."""
    reader, tests = re.findall(r'```python\n(.*?)```', (ROOT / 'docs/add_a_format.md').read_text(), re.DOTALL)
    form = module_of(monkeypatch, 'mmseg_wsss.datasets.formats.points_csv', reader).FORMAT
    page = vars(module_of(monkeypatch, 'test_points_csv', tests))
    for number, name in enumerate([name for name in page if name.startswith('test_')]):
        folder = tmp_path / str(number)
        for case in getattr(page[name], 'pytestmark', [None]):
            for arguments in [()] if case is None else case.args[1]:
                folder.mkdir(exist_ok=True)
                page[name](folder, *arguments)
    monkeypatch.setitem(FORMATS, form.name, form)
    monkeypatch.setitem(READERS, form.name, form.read)
    clicks, out = tmp_path / '0' / 'clicks.csv', tmp_path / 'weak_labels.json'
    labels = read_labels({'format': form.name, 'path': str(clicks)}, ('background', 'weed'))
    assert list(labels.images) == ['field/1']
    for name in (form.name, 'auto'):
        arguments = ['convert', name, str(clicks), '--classes', 'background,weed', '-o', str(out), '--force']
        assert main([*arguments, '--delimiter', ',']) == 0
        assert list(read_labels(str(out)).images) == ['field/1']


def test_docs_and_headers_do_not_name_settings_that_moved():
    """``model.refiner`` and the like, which are errors now."""
    moved = re.compile(rf'\bmodel\.({"|".join([*OF_DECISION, *OF_VIEWS])})\b')
    pages = [ROOT / 'README.md', *(ROOT / 'docs').rglob('*.md'), *(ROOT / 'configs').rglob('*.md'), *CONFIGS]
    found = [f'{page}: {text}' for page in pages for text in moved.findall(page.read_text(encoding='utf-8'))]
    assert found == []
