"""The experiments run: small sets, tiny models, and the lines that they promise. No figure is checked here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "experiments"


def run(script, *arguments):
    done = subprocess.run(
        [sys.executable, str(next(FOLDER.glob(f"*/{script}"))), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("rm_training.py", ["--quick", "--only", "TRL bf16", "Rightly bf16"], "Rightly bf16"),
        (
            "rm_scoring.py",
            ["--quick", "--sets", "short prompts", "--only", "batch 1 | float32", "Rightly | float32"],
            "Rightly",
        ),
        ("matcher_evidence.py", ["--matcher", "lexical", "--lists", 8], "Written probes: near misses"),
        ("matcher_as_reward.py", ["--matcher", "lexical", "--pairs", 6, "--steps", 0], "| the statement, copied |"),
        ("genrm_reward.py", ["--prompts", 4, "--samples", 2, "--steps", 1], "| product |"),
        ("tournaments.py", ["--groups", 3, "--players", 4], "| 4 | 0 | round robin | 6 | 1.00 [1.00, 1.00] |"),
        ("genrm_attacks.py", ["--pairs", 8], "| honest, then all else | **1.00** | **1.00** |"),
        ("genrm_evidence.py", ["--quick"], "| AP x outcome | 1 |"),
        ("strength_evidence.py", ["stream", "--rows", 20000], "20,000 pairs, 5 models"),
    ],
)
def test_experiment_runs(script, arguments, said, tmp_path):
    where = () if script in ("genrm_reward.py", "genrm_attacks.py", "tournaments.py") else ("--work", tmp_path)
    assert said in run(script, *arguments, *where)


def test_public_benchmarks_run_on_available_data(tmp_path):
    rows = [
        {"input": f"question {n}", "output_1": "yes, it is", "output_2": "no", "label": 1 + n % 2} for n in range(4)
    ]
    folder = tmp_path / "data" / "llmbar" / "LLMBar" / "Natural"
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps(rows))
    said = run("public_benchmarks.py", tmp_path / "data", "--quick", "--work", tmp_path / "work")
    assert "## LLMBar (modified)" in said
    assert "| MiniLM on UKPConvArg1 |" in said
    assert "| (longer) | 50.0" in said
