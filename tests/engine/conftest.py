import pytest
from mmengine.runner import Runner


@pytest.fixture(autouse=True, scope='module')
def _quick_runner():
    """Runner without what takes most of the time of a tiny one: asking compilers for versions, indenting its config."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, '_log_env', lambda self, env_cfg: None)
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **style: (f'{text}\n', True))
        yield
