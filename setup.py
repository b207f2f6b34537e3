"""Packaging: ``pip install .[onedl]`` or ``pip install .[openmmlab]``."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = re.search(r"__version__ = '(.+)'", (ROOT / 'mmseg_wsss' / '__init__.py').read_text()).group(1)


class BuildWithConfigs(build_py):
    """Puts configs and tools into the wheel, where ``mim`` and ``wsss config`` look for them."""

    def run(self):
        super().run()
        target = Path(self.build_lib) / 'mmseg_wsss' / '.mim'
        for folder in ('configs', 'tools'):
            shutil.copytree(ROOT / folder, target / folder, dirs_exist_ok=True)
        shutil.copy(ROOT / 'model-index.yml', target)


setup(
    name='mmseg-wsss',
    version=VERSION,
    description='Weakly supervised semantic segmentation for MMSegmentation: clicks, scribbles, boxes, tags, or a mix',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmseg_wsss', 'mmseg_wsss.*']),
    python_requires='>=3.10',
    install_requires=['numpy', 'scipy', 'scikit-image', 'pillow', 'tqdm', 'rich', 'filelock'],
    extras_require={
        'onedl': [
            'torch>=2.6',
            'onedl-mmengine>=0.10.12',
            'onedl-mmcv>=2.3.6',
            'onedl-mmsegmentation>=1.4.2',
            'onedl-mmdetection>=3.5.1',
            'ftfy',
            'regex',
        ],
        'openmmlab': [
            'torch>=2.0',
            'mmengine>=0.10.7,<0.11',
            'mmcv>=2.0.0rc4,<2.2.0',
            'mmsegmentation>=1.2.2,<2',
            'mmdet>=3.3.0,<3.4',
            'setuptools<80',
            'ftfy',
            'regex',
        ],
        'crf': ['pydensecrf2'],  # DenseCRF; is compiled when it is installed
        # torch for CUDA brings Triton; torch for the CPU does not, and the kernels are tested in Triton's interpreter
        'dev': ['pytest', 'pytest-xdist', 'hypothesis', 'ruff', 'mypy', 'triton; platform_system == "Linux"'],
    },
    entry_points={'console_scripts': ['wsss = mmseg_wsss.cli.main:main']},
    cmdclass={'build_py': BuildWithConfigs},
    zip_safe=False,
)
