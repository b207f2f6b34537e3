"""The benchmarks measure what they say: both implementations of a case come to the same number."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(script, *arguments):
    command = [sys.executable, str(ROOT / 'tools/benchmark' / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_ops(tmp_path):
    cases = ['gated_crf:1x3x16x12:2', 'pamr:1x3x16x12:2', 'feature_similarity:1x3x9x8:all']
    done = run('ops.py', '--cases', *cases, '--repeats', 1, '--output', tmp_path / 'ops.json')
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / 'ops.json').read_text())
    assert record['environment']['threads'] == 1
    values = {(r['case'], r['implementation']): r['value'] for r in record['results']}
    assert len(values) == 6
    for case in cases:
        assert values[case, 'torch'] == pytest.approx(values[case, 'reference'], rel=1e-5)
        assert f'| {case} | torch |' in done.stdout


def test_ops_says_why_a_backend_cannot_serve():
    done = run('ops.py', '--cases', 'feature_similarity:1x3x9x8:4', '--repeats', 1, '--implementations', 'triton')
    assert done.returncode == 0
    assert "backend 'triton' cannot serve: this op has no Triton kernel" in done.stdout


def test_ops_refuses_another_form_of_case():
    done = run('ops.py', '--cases', 'pamr:1x3x16:2')
    assert done.returncode == 2
    assert 'a case is OP:BxCxHxW:REACH, such as gated_crf:8x21x64x64:5, got pamr:1x3x16:2' in done.stderr


def test_step(tmp_path):
    config = 'configs/gated_crf/unet_shapes_clicks.py'
    done = run('step.py', config, '--batch-size', 1, '--repeats', 1, '--output', tmp_path / 'step.json')
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / 'step.json').read_text())['results']
    assert [r['variant'] for r in results] == ['partial cross-entropy', 'recipe']
    assert all(r['cpu_s'] > 0 for r in results)
    assert '| unet_shapes_clicks | recipe |' in done.stdout
