"""Packaging beside ``pyproject.toml``: configs and tools go where ``mim`` and ``wsss config`` look for them."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

ROOT = Path(__file__).parent
SHARED = ('configs', 'tools', 'model-index.yml', 'dataset-index.yml')


class BuildWithConfigs(build_py):
    """Copies them into ``mmseg_wsss/.mim`` of a wheel."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'mmseg_wsss' / '.mim'
        target.mkdir(parents=True, exist_ok=True)
        for name in SHARED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns('__pycache__')
                shutil.copytree(source, target / name, dirs_exist_ok=True, ignore=ignored)
            else:
                shutil.copy(source, target)


class EditableWithConfigs(editable_wheel):
    """Links them into ``mmseg_wsss/.mim`` of the checkout."""

    def run(self):
        target = ROOT / 'mmseg_wsss' / '.mim'
        target.mkdir(exist_ok=True)
        for name in SHARED:
            link = target / name
            if not link.exists():
                link.unlink(missing_ok=True)  # a link to a checkout that has moved
                link.symlink_to(Path('..') / '..' / name)
        super().run()


setup(cmdclass={'build_py': BuildWithConfigs, 'editable_wheel': EditableWithConfigs})
