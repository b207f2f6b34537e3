"""The benchmarks measure what they say: both implementations of a case come to the same number."""

import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmseg_wsss.functional import point_blots

ROOT = Path(__file__).parents[1]
UNET = 'configs/gated_crf/unet_shapes_clicks.py'


def run(script, *arguments):
    command = [sys.executable, str(ROOT / 'tools/benchmark' / script), *map(str, arguments)]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


@pytest.fixture
def load(monkeypatch):
    """Import a module of the benchmarks, which are scripts."""
    monkeypatch.syspath_prepend(ROOT / 'tools/benchmark')
    return importlib.import_module


HERE = SimpleNamespace(device='cpu', threads=1, repeats=1)


@pytest.mark.parametrize('case', ['gated_crf:1x3x16x12:2', 'pamr:1x5x16x12:2:3', 'feature_similarity:1x3x9x8:all'])
def test_implementations_of_a_case_compute_the_same(load, case):
    ops = load('ops')
    expected, value = (
        ops.measure_here(f'{case}@{implementation}@float32', 'cpu', repeats=1, threads=1)['value']
        for implementation in ('reference', 'torch')
    )
    assert value == pytest.approx(expected, rel=1e-5)
    assert expected != 0


def test_ops(tmp_path):
    case = 'pamr:1x5x16x12:2:3'
    done = run('ops.py', '--cases', case, '--repeats', 1, '--output', tmp_path / 'ops.json')
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / 'ops.json').read_text())
    assert record['environment']['threads'] == 1
    values = {(r['case'], r['implementation']): r['value'] for r in record['results']}
    assert set(values) == {(case, 'reference'), (case, 'torch')}  # on a GPU, Triton's kernel, too
    assert values[case, 'torch'] == pytest.approx(values[case, 'reference'], rel=1e-5)
    assert f'| {case} | torch |' in done.stdout


def test_ops_says_why_a_backend_cannot_serve(load):
    ops, case = load('ops'), 'feature_similarity:1x3x9x8:4'
    result = ops.measure_apart(ops.__file__, f'{case}@triton@float32', HERE)
    row = ops.markdown([{'case': case, 'implementation': 'triton', **result}]).splitlines()[-1]
    assert "| triton | failed: exit 1: ValueError: backend 'triton' cannot serve: this op has no" in row


@pytest.mark.parametrize(
    'text',
    [
        'pamr:1x3x16:2',
        'pamr:1x3x16x16:7',
        'pamr:1x3x16x16:0',
        'pamr:1x3x16x16:2:0',
        'gated_crf:1x3x16x16:0',
        'gated_crf:1x3x16x16:2:3',
        'gated_crf:1x3x16x16:all',
        'gated_crf:0x3x16x16:2',
        'feature_similarity:1x3x16x1²:2',
        'crf:1x3x16x16:2',
    ],
)
def test_other_forms_of_a_case_are_refused(load, text):
    with pytest.raises(ValueError, match=f'a case is OP:BxCxHxW:REACH, such as gated_crf:8x21x64x64:5.* got {text}$'):
        load('_cases').Case.parse(text)


def test_cases(load):
    for text in (*load('ops').CASES, 'pamr:1x3x8x8:2:3'):
        assert str(load('_cases').Case.parse(text)) == text
    grown = load('ops').growing_cases()
    assert [load('ops').position(case, 'reach') for case in grown['feature_similarity', 'reach']] == [5, 10, 20, 40, 56]
    with pytest.raises(ValueError, match='no more than all 3 channels can be present, got pamr:1x3x8x8:2:4'):
        load('_cases').Case.parse('pamr:1x3x8x8:2:4')


@pytest.mark.parametrize(
    ('case', 'flops', 'moved'),
    [
        # 12 pixels with 8 neighbours; 2 * 3 + 12 operations; 3 probabilities, 3 gradients, 3 colours, 2 gates
        ('gated_crf:1x3x3x4:1', 12 * 8 * 18, 4 * 12 * 11),
        # 12 pixels with 16 neighbours, 12 + 10 * 2 * 3 operations; 3 + 16 numbers once, 10 times 3 + 3 + 16
        ('pamr:1x3x3x4:2', 12 * 16 * 72, 4 * 12 * (19 + 220)),
        ('pamr:1x3x3x4:2:1', 12 * 16 * 32, 4 * 12 * (19 + 180)),
        # 2 images with 15 pairs in 6 pixels; 9 + 4 * 3 operations; 3 probabilities, 3 gradients, 3 colours
        ('feature_similarity:2x3x2x3:all', 2 * 15 * 21, 4 * 12 * 9),
        # 7 pairs of direct neighbours
        ('feature_similarity:2x3x2x3:1', 2 * 7 * 21, 4 * 12 * 9),
    ],
)
def test_work_counted_by_hand(load, case, flops, moved):
    cases = load('_cases')
    case = cases.Case.parse(case)
    assert cases.work(case) == (flops, moved)
    assert cases.roofline(case, 1e-6, peak_tflops=1e-3, peak_tbps=1.0) == pytest.approx(flops / 1e3)
    assert cases.roofline(case, 1e-6, peak_tflops=1.0, peak_tbps=1e-6) == pytest.approx(moved)


def test_triton_is_asked_for_where_there_is_a_kernel(load, monkeypatch, capsys):
    ops = load('ops')
    asked = []
    monkeypatch.setattr(ops, 'measure_apart', lambda script, what, args: asked.append(what) or {'failed': 'no'})
    args = SimpleNamespace(device='cuda', dtype='bfloat16')
    cases = [ops.Case.parse(f'{op}:1x3x8x8:2') for op in ('pamr', 'feature_similarity')]
    ops.measure_all(cases, None, args)
    served = [('pamr', 'reference'), ('pamr', 'torch'), ('pamr', 'triton')]
    served += [('feature_similarity', 'reference'), ('feature_similarity', 'torch')]
    assert asked == [f'{op}:1x3x8x8:2@{implementation}@bfloat16' for op, implementation in served]
    asked.clear()
    ops.measure_all(cases[1:], ['triton'], args)
    assert asked == ['feature_similarity:1x3x8x8:2@triton@bfloat16']


def test_table_of_a_gpu(load):
    ops = load('ops')
    figures = {'case': 'pamr:1x3x8x8:2', 'device': 'cuda', 'extra_mib': 3.0, 'cpu_s': 1.0, 'cpu_spread_s': 0.5}
    slow = {**figures, 'implementation': 'reference', 'wall_s': 0.8, 'wall_spread_s': 0.25, 'roofline': 0.01}
    fast = {**slow, 'implementation': 'triton', 'wall_s': 0.1, 'extra_mib': 1.5, 'roofline': 0.125}
    failed = {'case': 'pamr:1x3x8x8:2', 'implementation': 'torch', 'failed': 'exit -9: killed, probably for memory'}
    assert ops.markdown([slow, fast, failed]).splitlines()[2:] == [
        '| pamr:1x3x8x8:2 | reference | 1.0000 (0.5000) | 0.8000 (0.2500) | 3.0 |  |  | 1.0% |',
        '| pamr:1x3x8x8:2 | triton | 1.0000 (0.5000) | 0.1000 (0.2500) | 1.5 | 8.0 | 2.0 | 12.5% |',
        '| pamr:1x3x8x8:2 | torch | failed: exit -9: killed, probably for memory |  |  |  |  |  |',
    ]


@pytest.mark.parametrize(
    ('script', 'arguments', 'message'),
    [
        ('ops.py', ['--cases', 'pamr:1x3x16:2'], 'a case is OP:BxCxHxW:REACH'),
        ('ops.py', ['--output', 'missing/ops.json'], '--output missing/ops.json: there is no folder missing'),
        ('ops.py', ['--grow', '--plot', 'missing/a.png'], '--plot missing/a.png: there is no folder missing'),
        ('ops.py', ['--peak-tflops', '0'], '--peak-tflops and --peak-tbps must be above 0'),
        ('step.py', [UNET, 'configs/missing.py'], 'no such config: configs/missing.py'),
        ('step.py', [UNET, '--batch-size', '0'], '--batch-size must be at least 1, got 0'),
        ('precision.py', [UNET, 'configs/missing.py'], 'no such config: configs/missing.py'),
        ('precision.py', [], 'name at least one config'),
        ('freed_memory.py', [UNET, 'configs/missing.py'], 'no such config: configs/missing.py'),
        ('freed_memory.py', [UNET, '--rounds', '0'], 'expected at least one round on a CPU, got --rounds 0'),
        ('blots.py', ['--config', 'missing.py'], 'no such config: missing.py'),
    ],
)
def test_arguments_are_checked_before_anything_is_measured(load, monkeypatch, capsys, script, arguments, message):
    module = load(script.removesuffix('.py'))
    monkeypatch.setattr(module, 'measure_apart', None)
    monkeypatch.setattr(sys, 'argv', [script, *arguments])
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 2
    assert message in ' '.join(capsys.readouterr().err.split())


def test_steps_are_measured_in_turns(load):
    calls = []
    first, second = load('_measuring').measure([lambda: calls.append('a'), lambda: calls.append('b')], 'cpu', 3)
    assert calls == ['a', 'b'] * 4
    assert len(first['cpu_each_s']) == len(second['wall_each_s']) == 3


def test_what_a_recipe_adds_is_compared_step_by_step(load):
    added = load('step').added
    base = {'device': 'cpu', 'cpu_each_s': [1.0, 4.0, 2.0], 'extra_mib': 10.0}
    assert added({**base, 'cpu_each_s': [1.1, 4.8, 2.0], 'extra_mib': 11.0}, base) == [
        '+10.0 % (+0.0 to +20.0), within the noise',
        '+10.0 %',
    ]
    assert added({**base, 'cpu_each_s': [1.1, 4.8, 2.1]}, base) == ['+10.0 % (+5.0 to +20.0)', '+0.0 %']
    assert added({'failed': 'exit 1'}, base) == ['', '']


def test_samples_have_clicks_tags_and_a_box(load):
    batch = load('step').random_batch(2, (32, 48), 21)
    sample = batch['data_samples'][1]
    assert (sample.gt_sem_seg.data != 255).sum() == 3
    x1, y1, x2, y2, label = sample.gt_boxes[0]
    assert 0 <= x1 < x2 <= 48
    assert 0 <= y1 < y2 <= 32
    assert label in sample.gt_tags


def test_step(tmp_path):
    done = run('step.py', UNET, '--batch-size', 1, '--repeats', 1, '--output', tmp_path / 'step.json')
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / 'step.json').read_text())['results']
    assert [r['variant'] for r in results] == ['partial cross-entropy', 'recipe']
    assert all(r['cpu_s'] > 0 for r in results)
    assert '| unet_shapes_clicks | recipe |' in done.stdout


def test_step_of_a_network_for_grey_images(load):
    what = {'config': str(ROOT / 'configs/gated_crf/unet_acdc_scribbles.py'), 'batch_size': 1, 'amp': False}
    results = load('step').measure_here(json.dumps(what), HERE)
    assert list(results) == ['partial cross-entropy', 'recipe']


def test_precision(tmp_path):
    done = run('precision.py', UNET, '--batch-size', 1, '--repeats', 1, '--output', tmp_path / 'precision.json')
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / 'precision.json').read_text())['results']
    assert [r['variant'] for r in results] == ['float32', 'mixed', 'mixed, channels last']
    assert '| unet_shapes_clicks | mixed, channels last |' in done.stdout


def test_shares_of_time_are_those_of_each_round(load):
    share, base = load('precision').share, {'device': 'cpu', 'cpu_each_s': [1.0, 4.0, 2.0]}
    assert share({**base, 'cpu_each_s': [0.5, 1.0, 1.2]}, base) == ['0.50 (0.25 to 0.60)']
    assert share({'failed': 'exit 1'}, base) == ['']


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='only glibc has the options of malloc')
def test_freed_memory(tmp_path):
    options = '--batch-size', 1, '--repeats', 1, '--rounds', 2, '--output', tmp_path / 'freed.json'
    done = run('freed_memory.py', UNET, *options)
    assert done.returncode == 0, done.stderr
    returned, kept = json.loads((tmp_path / 'freed.json').read_text())['results']
    assert (returned['memory'], kept['memory']) == ('returned', 'kept')
    assert len(kept['shares']) == 2
    assert '| unet_shapes_clicks | kept |' in done.stdout


def test_blots(tmp_path):
    done = run('blots.py', '--sizes', 48, '--num-images', 1, '--repeats', 1, '--output', tmp_path / 'blots.json')
    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / 'blots.json').read_text())['results']
    assert all(result[cache]['cpu_s'] > 0 for cache in ('made', 'cached'))
    assert '| 48 x 36 |' in done.stdout


def test_blots_are_made_every_time_or_read_from_the_cache(load, monkeypatch, tmp_path):
    make, read = load('blots').make_loads(size=48, num_images=2, max_side=48, folder=str(tmp_path))
    counted, totals = [], []
    module = 'mmseg_wsss.datasets.transforms.load_point_blots'
    monkeypatch.setattr(
        f'{module}.point_blots', lambda *args, **chosen: counted.append(1) or point_blots(*args, **chosen)
    )
    for load_all in (make, make, read, read):
        load_all()
        totals.append(len(counted))
    assert totals == [2, 4, 6, 6]  # the first reading fills the cache


def test_blots_table(load):
    made, cached = ({'device': 'cpu', 'cpu_s': seconds} for seconds in (3.0, 0.03))
    rows = load('blots').markdown([{'size': 160, 'num_images': 3, 'made': made, 'cached': cached}], 0.5)
    assert rows.splitlines()[-1] == '| 160 x 120 | 1.0000 | 0.01000 | 2.000 | 0.020 |'


@pytest.mark.slow  # nine processes, one after the other, that import torch
def test_label_sets(tmp_path):
    arguments = ('--images', 300, '--rows', 200, '--pictures', '--output', tmp_path / 'sets.json', '--folder', tmp_path)
    done = run('label_sets.py', *arguments)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / 'sets.json').read_text())
    assert record['environment']['clicks'] == 6
    assert [result['images'] for result in record['results']] == [100, 300]
    found = record['results'][1]
    assert all(found[name]['rows_per_s'] > 0 and found[name]['anonymous_mib'] > 0 for name in ('json', 'first'))
    assert '| 300 | 0 | later |' in done.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / 'sets.json']


def test_writers(tmp_path):
    sizes = ('--num-images', 2, '--size', 32, '--repeats', 1, '--only', 'simulate')
    done = run('writers.py', *sizes, '--output', tmp_path / 'writers.json')
    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / 'writers.json').read_text())['results']
    assert all(seconds > 0 for seconds in result['seconds'][0])
    assert '| wsss simulate |' in done.stdout


def test_writers_of_other_files_are_told(load, tmp_path):
    def write(folder, workers):
        folder.mkdir(parents=True)
        (folder / 'a.txt').write_text(str(workers))

    with pytest.raises(RuntimeError, match='the files of 1 and of 2 workers differ'):
        load('writers').measure(write, tmp_path, 2, 1)


def test_writers_table(load):
    rows = load('writers').markdown([{'writer': 'x', 'seconds': [(4.0, 2.0), (6.0, 2.0), (9.0, 3.6)]}], 2)
    assert rows.splitlines()[-1] == '| x | 6.00 | 2.00 | 2.50 (2.00 to 3.00) |'
