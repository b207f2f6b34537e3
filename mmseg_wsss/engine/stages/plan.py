"""The unfinished stages, and the comparison of stages on disk with the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...checkpoints.run import relevant_settings
from ...checkpoints.work_dir import StageMarker, StageSources, is_cut, read_marker
from .config import OtherStage, Stage, refers
from .marker import (
    changes,
    describe_file,
    describe_folder,
    digest,
    input_files,
    read_begun_marker,
    sha256,
)

SHOWN_CHANGES = 8


def plan(stages: Mapping[str, Stage], only: Sequence[str]) -> list[str]:
    """Compare stages with those on disk before the first one starts, and return the names of the unfinished ones.

    Args:
        stages: All stages in order.
        only: Names of the stages to run; finished stages that they depend on are compared, too.

    Raises:
        ValueError: If a stage on disk was made from something else, or an input of a stage cannot be made.
    """
    unfinished: list[str] = []
    problems: list[str] = []
    sources = _sources(stages, only)
    for stage in stages.values():
        if stage.name not in only:
            marker = read_marker(stage.work_dir) if stage.name in sources else None
            if marker is not None and marker['done']:
                reasons = changes(marker['made_from'], made_from(stage, stages, marker))
                problems += [_misfit(stage, stages, True, reasons)] if reasons else []
            continue
        marker = read_begun_marker(stage.work_dir)
        done = marker is not None and marker['done']
        lacking = [name for name in stage.references if name in unfinished or not is_done(stages[name])]
        if marker is None:
            problems += _unfinished(stage, [name for name in lacking if name not in unfinished])
            problems += _unfinished_others(stage)
            problems += _missing_inputs(stage)
        else:
            reasons = changes(marker['made_from'], made_from(stage, stages, marker))
            reasons += [f'the result of stage {name!r} that it was made from is gone' for name in lacking]
            problems += [] if done else _unfinished_others(stage)
            if reasons:
                problems.append(_misfit(stage, stages, done, reasons))
        if not done:
            reader = stages[stage.reader] if stage.reader else None
            # the config of the reader, with what it refers to, is resolved when the task runs
            beside = [name for name in (reader.references if reader else ()) if name not in stage.references]
            problems += _unfinished(stage, [n for n in beside if n not in unfinished and not is_done(stages[n])])
            problems += _spoilt(stage, stages)
            unfinished.append(stage.name)
    if problems:
        raise ValueError('\n\n'.join(problems))
    return unfinished


def made_from(stage: Stage, stages: Mapping[str, Stage], marker: StageMarker | None = None) -> StageSources:
    """Return the current settings, files and results of other stages that a stage depends on.

    Args:
        stage: The stage.
        stages: All stages.
        marker: Its marker, if it was started: the files are those in it, and a missing file counts as unchanged.
    """
    settings = relevant_settings(stage.config)
    if stage.reader is not None:  # the pipeline of its test data reads the images of the task
        settings |= relevant_settings(stages[stage.reader].config, ['test_dataloader'])
    if marker is None:
        files = {str(path): describe_file(path) for path in input_files([settings, *stage.inputs])}
    else:
        known = marker['made_from']['files']
        files = {path: describe_file(Path(path)) if Path(path).is_file() else known[path] for path in known}
    results: dict[str, str | None] = {}
    for name in stage.references:
        other = read_marker(stages[name].work_dir)
        if other is not None and other['done']:
            results[name] = digest(other)
        elif marker is not None:  # reported elsewhere
            results[name] = marker['made_from']['stages'].get(name)
    for source in stage.others:  # a missing stage, or one that is being made again, counts as unchanged
        other = read_marker(source.work_dir)
        if other is not None and other['done']:
            results[source.key] = digest(other)
        elif marker is not None:
            results[source.key] = marker['made_from']['stages'].get(source.key)
    return {'settings': settings, 'files': files, 'stages': results}


def is_done(stage: Stage | OtherStage) -> bool:
    """Whether a stage is finished."""
    marker = read_marker(stage.work_dir)
    return marker is not None and marker['done']


def result_of(stage: Stage | OtherStage) -> Path:
    """Return the checkpoint of a finished training, or the folder of a finished task.

    Raises:
        ValueError: If the stage is not finished.
    """
    marker = read_marker(stage.work_dir)
    if marker is None or not marker['done']:
        raise ValueError(f'{stage.title} is not finished')
    return stage.work_dir / marker['result'].get('checkpoint', '')


def _sources(stages: Mapping[str, Stage], only: Sequence[str]) -> set[str]:
    """Return all stages that those in ``only`` depend on, directly or indirectly."""
    found: set[str] = set()
    for stage in reversed([*stages.values()]):
        if stage.name in only or stage.name in found:
            found.update(stage.references)
    return found


def _misfit(stage: Stage, stages: Mapping[str, Stage], done: bool, reasons: list[str]) -> str:
    folders = [stage.work_dir]
    for later in stages.values():
        if any(stages[name].work_dir in folders for name in later.references) and read_marker(later.work_dir):
            folders.append(later.work_dir)
    shown = reasons[:SHOWN_CHANGES]
    shown += [f'and {len(reasons) - SHOWN_CHANGES} more'] if len(reasons) > SHOWN_CHANGES else []
    return '\n'.join(
        [
            f'{stage.title} is {"finished" if done else "begun"}, but differs from the current config:',
            *(f'  {reason}' for reason in shown),
            f'Nothing was overwritten. To run it again: rm -r {" ".join(map(str, folders))}',
            'To keep it: restore the old settings and files, or choose another --work-dir',
        ]
    )


def _unfinished(stage: Stage, names: list[str]) -> list[str]:
    return [
        f'{stage.title} needs the result of stage {name!r}, which is not finished: run that one first '
        f'(--cfg-options only={name}), or remove only'
        for name in names
    ]


def _unfinished_others(stage: Stage) -> list[str]:
    return [
        f'{stage.title} needs the result of {other.title}, which is not finished: run that one first, or correct the '
        'work dir'
        for other in stage.others
        if not is_done(other)
    ]


def _missing_inputs(stage: Stage) -> list[str]:
    problems = []
    for path in stage.inputs:
        if refers(path):
            continue
        if not Path(path).exists():
            problems.append(f'{stage.title}: its input {path} is missing: make it, or correct the inputs of the stage')
        elif is_cut(Path(path)):
            problems.append(f'{stage.title}: its input {path} is a stage that is not finished: finish that one first')
    return problems


def _spoilt(stage: Stage, stages: Mapping[str, Stage]) -> list[str]:
    """Report results that a stage depends on and that have changed since their stage ended."""
    problems = []
    sources: list[Stage | OtherStage] = [*(stages[name] for name in stage.references), *stage.others]
    for other in sources:
        marker = read_marker(other.work_dir)
        if marker is None or not marker['done']:
            continue
        made = marker['result']
        path = result_of(other)
        again = f'though {other.title} is finished. To make it again: rm -r {other.work_dir}'
        if not path.exists():
            problems.append(f'{stage.title} needs {path}, which is gone {again}')
        elif 'checkpoint' in made and sha256(path) != made['sha256']:
            problems.append(
                f'{stage.title} needs {path}, which has other content than at the end of its training {again}'
            )
        elif 'checkpoint' not in made and describe_folder(path) != made['files']:
            problems.append(
                f'{stage.title} needs {path}, where files were added, lost or changed {again}, or remove the '
                'added files'
            )
    return problems
