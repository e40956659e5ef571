"""Examples run, and the README says what they print."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_run_and_stay_short(example, tmp_path):
    done = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert len(example.read_text().splitlines()) < 60


def test_the_readme_shows_the_example_and_its_real_output(tmp_path):
    readme = (ROOT / "README.md").read_text()
    example = ROOT / "examples" / "audit.py"
    code = example.read_text().split("\n", 2)[2].strip()
    printed = subprocess.run(
        [sys.executable, str(example)], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    assert f"```python\n{code}\n```" in readme
    assert f"```\n{printed}```" in readme
