"""Jobs are usable without the command line: neither click nor rich is needed, and nothing is printed."""

import subprocess
import sys
from pathlib import Path

import pytest

import rightly.jobs

MODULES = sorted(path.stem for path in Path(rightly.jobs.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_a_job_needs_neither_click_nor_rich_nor_torch(name):
    code = f"import sys\nsys.modules.update(click=None, rich=None, torch=None)\nimport rightly.jobs.{name}\n".replace(
        ".__init__", ""
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_a_job_runs_with_click_and_rich_blocked(tmp_path):
    code = (
        "import sys\n"
        "sys.modules.update(click=None, rich=None)\n"
        "import rightly\n"
        f"options = dict(limit=4, matcher='lexical', out={str(tmp_path / 'a')!r})\n"
        "found = rightly.audit('sample:ukpconvarg1', judges=['longer'], **options)\n"
        "assert found.judges[0].n_judgments == 4\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
