"""``rightly bench``, ``leaderboard`` and ``compare`` from files to pages."""

import json

import pytest
from click.testing import CliRunner

from rightly.cli import bench, compare, leaderboard
from rightly.errors import InputError
from tests.training.conftest import tiny_model, write_pairs  # noqa: F401 - a fixture


def run(verb, *arguments):
    result = CliRunner().invoke(verb.command, [str(a) for a in arguments])
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == 0, result.output + str(result.exception)
    return result


@pytest.fixture
def trained(tiny_model, tmp_path):  # noqa: F811
    """The tiny model with a head that counts as trained."""
    from rightly.reward_models.model import RewardModel

    folder = tmp_path / "trained"
    RewardModel.load(tiny_model, new_head=True, max_length=64).save(folder)
    return folder


@pytest.fixture
def data(tmp_path):
    return write_pairs(tmp_path / "pairs.jsonl", 40)


def options(tmp_path, name):
    return ["--out", tmp_path / name, "--cache", tmp_path / "cache.db"]


def test_bench_table_of_reward_model_judge_and_stored_run(trained, data, tmp_path):
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    stored = tmp_path / "stored.jsonl"
    stored.write_text("".join(json.dumps({"id": row["id"], "scores": [1.0, 0.0]}) + "\n" for row in rows))
    result = run(
        bench, "pairs", "--data", data, "--model", f"mine=rm:{trained}", "--model", f"theirs=stored:{stored}",
        "--model", "panel=panel:longer+first", "--json", *options(tmp_path, "run"),
    )  # fmt: skip
    found = json.loads(result.stdout)
    by_name = {model["model"]: model for model in found["models"]}
    assert set(by_name) == {"longer", "shorter", "first", "mine", "theirs", "panel"}
    assert by_name["longer"]["kind"] == "rule"
    assert by_name["mine"]["kind"] == "scores"
    assert by_name["panel"]["kind"] == "verdicts"
    assert by_name["longer"]["headline"]["value"] + by_name["shorter"]["headline"]["value"] == pytest.approx(
        1 - by_name["longer"]["ties"]
    )
    values = [model["headline"]["value"] for model in found["models"]]
    assert values == sorted(values, reverse=True)
    assert len(found["gaps"]) == 15
    page = (tmp_path / "run" / "report.html").read_text()
    assert "mine" in page
    assert "http" not in page.split("<body>")[1].split("<script>")[0]


def test_bench_killed_and_resumed_gives_the_same_table(trained, data, tmp_path):
    arguments = [
        "pairs",
        "--data",
        data,
        "--model",
        f"mine=rm:{trained}",
        "--model",
        "panel=panel:longer+first",
        "--json",
    ]
    whole = json.loads(run(bench, *arguments, *options(tmp_path, "whole")).stdout)
    run(bench, *arguments, *options(tmp_path, "cut"))
    folder = tmp_path / "cut"
    scores = folder / "scores" / "scores" / "rank-0.jsonl"
    for records in (scores, folder / "judgments.jsonl"):  # as a kill leaves them: some lines and half of one
        content = records.read_bytes()
        records.write_bytes(content[: len(content) // 2])
    for derived in ("answers.jsonl", "bench.json", "report.html"):
        (folder / derived).unlink()
    assert json.loads(run(bench, *arguments, *options(tmp_path, "cut")).stdout) == whole


def test_leaderboard_merges_runs_on_the_same_items(trained, data, tmp_path):
    run(bench, "pairs", "--data", data, "--model", f"one=rm:{trained}", *options(tmp_path, "a"))
    run(bench, "pairs", "--data", data, "--model", "two=panel:longer+first", *options(tmp_path, "b"))
    run(leaderboard, tmp_path / "a", tmp_path / "b", "--out", tmp_path / "board")
    text = (tmp_path / "board" / "leaderboard.md").read_text()
    assert text.count("## own pairs") == 1
    assert "| one |" in text
    assert "| two |" in text
    shown = run(compare, tmp_path / "a", tmp_path / "b", "--json").stdout
    pairs = {(gap["first"], gap["second"]) for gap in json.loads(shown)["gaps"]}
    assert any({"one", "two"} == set(pair) for pair in pairs)


def test_leaderboard_shows_name_clash_twice_and_equal_answers_once(data, tmp_path):
    for folder, spec in (("a", "longer"), ("b", "first"), ("c", "longer")):
        named = f"mine=panel:{spec}+{spec}"
        run(bench, "pairs", "--data", data, "--model", named, *options(tmp_path, folder))
    run(leaderboard, *(tmp_path / name for name in "abc"), "--out", tmp_path / "board")
    lines = (tmp_path / "board" / "leaderboard.md").read_text().splitlines()
    names = {line.split("|")[1].strip() for line in lines if line.startswith("| mine")}
    assert names == {f"mine ({tmp_path / 'a'})", f"mine ({tmp_path / 'b'})"}


def test_other_data_in_the_same_folder_are_refused(data, tmp_path):
    run(bench, "pairs", "--data", data, *options(tmp_path, "run"))
    with pytest.raises(InputError, match="the folder holds another run: data"):
        run(bench, "pairs", "--data", data, "--limit", 7, *options(tmp_path, "run"))


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("rm:x?lenght=3", "lenght: Extra inputs are not permitted; known: dtype, max_length, revision"),
        ("rm:x?max_length=long", "max_length: Input should be a valid integer"),
        ("rm:x?dtype=int3", "dtype: Input should be 'auto'"),
        ("longest", "'longest' is not a known judge"),
        ("stored:missing.jsonl", "missing.jsonl: no such file"),
    ],
)
def test_bench_invalid_spec_gives_one_line_error(model, problem, data, tmp_path):
    with pytest.raises(InputError, match=problem):
        run(bench, "pairs", "--data", data, "--model", model, *options(tmp_path, "run"))


@pytest.mark.parametrize(("limit", "kept"), [(3, ["0", "13", "26"]), (40, None), (500, None)])
def test_a_limit_spreads_over_the_items(limit, kept, data, tmp_path):
    run(bench, "pairs", "--data", data, "--limit", limit, *options(tmp_path, "run"))
    answers = [json.loads(line) for line in (tmp_path / "run" / "answers.jsonl").read_text().splitlines()]
    longer = [answer["item_id"] for answer in answers if answer["model"] == "longer"]
    assert longer == (kept or [str(n) for n in range(40)])


def test_a_name_used_twice_is_refused(data, tmp_path):
    with pytest.raises(InputError, match="given twice"):
        run(bench, "pairs", "--data", data, "--model", "a=longer", "--model", "a=first", *options(tmp_path, "run"))


def test_bench_reports_pairs_without_a_difference(trained, data, tmp_path):
    """Identical responses, and responses that differ behind the 64 tokens that the model reads."""
    long = "good bad fine poor " * 40
    with data.open("a") as file:
        for name, chosen, rejected in (("same", "is good", "is good"), ("late", long + "right", long + "wrong wrong")):
            file.write(json.dumps({"id": name, "prompt": "this", "chosen": chosen, "rejected": rejected}) + "\n")
    result = run(bench, "pairs", "--data", data, "--model", f"mine=rm:{trained}", *options(tmp_path, "run"))
    found = {model["model"]: model for model in json.loads((tmp_path / "run" / "bench.json").read_text())["models"]}
    assert {name: model["no_difference"] for name, model in found.items()} == {
        "mine": 2, "longer": 0, "shorter": 0, "first": 0,
    }  # fmt: skip
    assert found["mine"]["ties"] == 2 / 42
    said = "Comparisons without a difference to mine: 2 (the same tokens"
    assert said in " ".join(result.stdout.split())
    assert said in (tmp_path / "run" / "leaderboard.md").read_text()
