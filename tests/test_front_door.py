"""``import rightly``: the public names, and every job on objects in memory, on files, in a script and under a running loop."""

import ast
import asyncio
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import rightly
from rightly.errors import InputError
from tests import user_code
from tests.training.conftest import tiny_model  # noqa: F401 - a fixture

NAMES = """Audit Bench Judgment JudgmentReward Message PreferencePair Rationale RewardClient RewardModel RewardRule ServedReward
Strength __version__ aaudit abench ajudge audit bench compare iter_pairs judge load_pairs measure_strength repair score serve
train_judge train_reward_model"""


@pytest.fixture
def pairs():
    return rightly.load_pairs("sample:ukpconvarg1", limit=12)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "cache" / "answers.db"))


def test_public_names_have_docstrings():
    assert rightly.__all__ == dir(rightly) == NAMES.split()
    missing = [name for name in NAMES.split() if name != "__version__" and not getattr(rightly, name).__doc__]
    assert missing == []


def test_import_is_lazy_and_unknown_name_raises_attribute_error():
    code = (
        "import sys, rightly; print([m for m in ('click', 'pydantic', 'numpy', 'torch', 'scipy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    with pytest.raises(AttributeError, match="no attribute 'adit'"):
        rightly.adit  # noqa: B018


def test_without_torch_what_needs_it_names_the_extra_and_the_rest_works():
    code = (
        "import sys; sys.modules.update(torch=None, transformers=None)\n"
        "import rightly, rightly.errors\n"
        "rightly.audit, rightly.train_reward_model, rightly.RewardClient, rightly.JudgmentReward\n"
        "try: rightly.RewardModel\n"
        "except rightly.errors.MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.endswith("needs an optional dependency; run: pip install 'rightly[train]'\n")


def test_no_job_of_the_users_file_takes_more_than_eight_lines():
    tree = ast.parse(Path(user_code.__file__).read_text())
    bodies = {
        node.name: node.body[-1].end_lineno - node.body[0].lineno + 1
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(bodies) == 10
    assert max(bodies.values()) <= 8


@pytest.mark.parametrize("in_memory", [True, False])
def test_audit(pairs, in_memory, tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(pair.model_dump_json() + "\n" for pair in pairs))
    accuracy, consistency = user_code.audit(pairs if in_memory else str(file), tmp_path / "audit")
    stored = json.loads((tmp_path / "audit" / "audit.json").read_text())["judges"][0]
    assert (accuracy, consistency) == (stored["accuracy"]["value"], stored["consistency"]["value"])
    assert 0 <= accuracy <= 1
    assert "<html" in (tmp_path / "audit" / "page.html").read_text()


def test_an_audit_of_pairs_in_memory_can_be_scored_again_and_its_folder_refuses_other_pairs(pairs, tmp_path):
    from rightly.jobs.audit import rescore

    user_code.audit(pairs, tmp_path / "audit")
    before = (tmp_path / "audit" / "audit.json").read_bytes()
    rescore(tmp_path / "audit")
    assert (tmp_path / "audit" / "audit.json").read_bytes() == before
    with pytest.raises(InputError, match="the folder holds another run: pairs was '12 pairs in memory"):
        user_code.audit(pairs[:6], tmp_path / "audit")


def test_a_running_loop_as_in_a_notebook(pairs, tmp_path):
    assert asyncio.run(user_code.audit_in_a_loop(pairs, tmp_path)) == ["longer"] * 3


def test_judge(pairs, tmp_path):
    assert user_code.judge(pairs, tmp_path / "judge") <= {"A", "B", "tie"}


def test_ones_own_judge_and_matcher(pairs, tmp_path):
    from rightly.jobs.audit import rescore

    named = user_code.audit_of_ones_own_judge(pairs, tmp_path / "audit")
    assert named[:2] == ["polite", "longer"]
    assert sorted(named[2:]) == ["first", "longer", "polite", "shorter"]
    assert [each.judge for each in rescore(tmp_path / "audit").result.judges] == ["polite", "longer"]


def test_a_single_judge_is_not_read_letter_by_letter(pairs, tmp_path):
    judged = rightly.judge(pairs, judges="longer", out=tmp_path / "judge")
    assert [tally.judge for tally in judged.tallies.judges] == ["longer"]


def test_strength_and_repair(pairs, tiny_model, tmp_path):  # noqa: F811
    kept, changes = user_code.strength_and_repair(pairs, str(tiny_model), tmp_path / "strength")
    labelled = sum(pair.label not in (None, "tie") for pair in pairs)
    assert labelled - changes <= kept <= len(pairs)
    assert (tmp_path / "strength" / "report.html").exists()


def test_reward_model_bench_and_scores(pairs, tiny_model, tmp_path):  # noqa: F811
    single = user_code.reward_model(pairs, str(tiny_model), tmp_path / "rm")
    model = rightly.RewardModel.load(tmp_path / "rm")
    assert single == pytest.approx(model.rewards("a prompt", ["one", "another"])[:1], abs=1e-5)
    board = user_code.bench(pairs, str(tmp_path / "rm"), tmp_path / "bench")
    assert {f"rm:{tmp_path / 'rm'}", "longer", "shorter", "first"} == set(board)
    assert user_code.scores(pairs, str(tmp_path / "rm"), tmp_path / "scores").exists()


def test_judge_by_reinforcement_learning(pairs, tmp_path):
    base = files("rightly.synthetic") / "start"
    (tmp_path / "judge.toml").write_text('[matcher]\naccept_unfit = true\n[model]\ndtype = "float32"\n')
    assert user_code.judge_by_rl(pairs, str(base), tmp_path / "judge") == f"hf:{tmp_path / 'judge'}"
    assert (tmp_path / "judge" / "config.json").exists()


def test_unknown_option_is_named(pairs, tmp_path):
    with pytest.raises(InputError, match="--colums: is not an option"):
        rightly.audit(pairs, judges=["longer"], matcher="lexical", out=tmp_path / "a", colums="native")


def test_reward_of_a_server_takes_its_address():
    assert user_code.reward_function("http://127.0.0.1:1").__name__ == "served_reward"
