"""Items of more than two responses on the command line: ``rightly bench rewardbench2``, ``judge``, ``audit``."""

import json
import re

import pytest

from rightly.cli import main
from tests.fake_endpoint import FakeEndpoint, served

SUBSETS = ("Factuality", "Focus")
RIGHT_FOR_FOUR = {"Factuality": 3, "Focus": 2}
"""Of how many of the four questions of a subset the endpoint names the right letter."""


def rows():
    """Two subsets of four questions, and three pairs of Ties prompts."""
    for subset in SUBSETS:
        for n in range(4):
            told = "good" if n < RIGHT_FOR_FOUR[subset] else "plain"
            wrong = [f"{'plain' if told == 'good' else 'good'} wrong {subset} {n} {i}" for i in range(3)]
            texts = {"chosen": [f"{told} {subset} {n}"], "rejected": wrong}
            yield {"id": str(n), "subset": subset, "prompt": f"{subset} {n}", **texts}
    for n in range(3):
        right, wrong = [f"good {n} {i}" for i in range(2)], [f"plain {n} {i}" for i in range(2)]
        yield {"id": f"ref:{n}", "subset": "Ties", "prompt": f"ref {n}", "chosen": right[:1], "rejected": wrong}
        yield {"id": f"tied:{n}", "subset": "Ties", "prompt": f"tied {n}", "chosen": right, "rejected": wrong}


def answer(body):
    """A letter of a good response where several are shown, else a rating: 9 if it is good, 2 if not."""
    prompt = body["messages"][-1]["content"]
    shown = re.findall(r"^\[Response (\w+) \w{8}\]\n(\w+)", prompt, re.MULTILINE)
    if shown:
        return f"Considered.\n[[{next(letter for letter, first in shown if first == 'good')}]]"
    return f"Considered.\n{9 if re.search(r'^good', prompt, re.MULTILINE) else 2}"


@pytest.fixture
def endpoint(monkeypatch, tmp_path):
    server = FakeEndpoint(answer)
    with served(server):
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "answers.db"))
        yield server


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    return path


def code(*arguments):
    """The exit code of a command."""
    try:
        main([str(each) for each in arguments])
    except SystemExit as ended:
        return ended.code
    return 0


def bench(data, tmp_path, capsys, *models, expect=0, options=()):
    arguments = ["bench", "rewardbench2", "--data", data, "--out", tmp_path / "run", "--json", *options]
    arguments += [part for model in models for part in ("--model", model)]
    capsys.readouterr()
    assert code(*arguments) == expect
    said = capsys.readouterr()
    return {each["model"]: each for each in json.loads(said.out)["models"]} if expect == 0 else None, said.err


def accuracies(model):
    return {name: row["accuracy"]["value"] for name, row in model["rows"].items()}


def test_a_four_way_judge_is_asked_once_for_each_item_and_rates_ties(endpoint, data, tmp_path, capsys):
    found, said = bench(data, tmp_path, capsys, "four=openai:m?format=rewardbench2")
    assert len(endpoint.bodies) == 8 + 3 * 3 + 3 * 4
    assert "openai:m?format=rewardbench2: about 8 calls" in said.replace(" (prompt ours)", "")
    assert "openai:m?format=rewardbench2-ties: about 21 calls" in said.replace(" (prompt ours)", "")
    four = found["four"]
    # Every Ties prompt is right with a gap of 7 and no spread: .3 + .3 + .2 + .2 + .01 tanh(infinity).
    assert accuracies(four)["Ties"] == pytest.approx(1.01)
    assert accuracies(four)["Factuality"] == 3 / 4
    assert accuracies(four)["Focus"] == 2 / 4
    assert accuracies(four)["overall"] == pytest.approx((3 / 4 + 2 / 4 + 1.01) / 3)
    assert four["note"] == ""
    again, _ = bench(data, tmp_path, capsys, "four=openai:m?format=rewardbench2")
    assert again["four"] == four
    assert len(endpoint.bodies) == 29


def test_two_modes_of_a_judge_share_the_ratings_of_ties(endpoint, data, tmp_path, capsys):
    models = ("four=openai:m?format=rewardbench2", "each=openai:m?format=rewardbench2-ratings")
    found, _ = bench(data, tmp_path, capsys, *models)
    assert len(endpoint.bodies) == 8 + 8 * 4 + 21
    assert accuracies(found["each"])["Ties"] == accuracies(found["four"])["Ties"]
    assert accuracies(found["each"])["Factuality"] == 3 / 4
    assert found["each"]["kind"] == "scores"


def test_a_panel_of_choosers_has_no_ties(endpoint, data, tmp_path, capsys):
    found, _ = bench(data, tmp_path, capsys, "p=panel:openai:m?format=rewardbench2+openai:n?format=rewardbench2")
    assert set(accuracies(found["p"])) == {*SUBSETS, "overall"}
    assert found["p"]["note"].startswith("no score on Ties")
    assert accuracies(found["p"])["overall"] == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert len(endpoint.bodies) == 16


def test_choosers_are_not_asked_about_ties_alone(endpoint, tmp_path, capsys):
    path = tmp_path / "test.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows() if row["subset"] == "Ties"))
    panel = "panel:openai:m?format=rewardbench2+openai:n?format=rewardbench2"
    _, said = bench(path, tmp_path, capsys, panel, expect=2)
    assert "chooses and scores nothing" in said
    assert len(endpoint.bodies) == 0


def test_a_format_for_several_must_score(endpoint, data, tmp_path, capsys):
    form = tmp_path / "mine.toml"
    message = '[[message]]\nrole = "user"\ntext = "{{context}} {{responses}}"\n'
    form.write_text(
        f'compares = "all"\nseveral = "rewardbench2"\n{message}[verdict]\nat = "brackets"\n[reasons]\nat = "none"\n'
    )
    _, said = bench(data, tmp_path, capsys, f"openai:m?format={form}", expect=2)
    assert "several = 'rewardbench2' scores nothing" in said


def wide(tmp_path):
    path = tmp_path / "wide.jsonl"
    responses = ["plain a", "plain b", "good c"]
    lines = [
        {"id": f"{n}", "context": [{"role": "user", "content": f"q {n}"}], "responses": responses, "label": label,
         "rationales": [{"text": "c is good"}]}
        for n, label in enumerate("CCA")
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_judge_counts_verdicts_on_three_responses(endpoint, tmp_path, capsys):
    spec = "openai:m?format=rewardbench2"
    out = ["--out", str(tmp_path / "run"), "--json"]
    assert code("judge", wide(tmp_path), "--judge", spec, "--judge", "longer", *out) == 0
    tallies = {each["judge"]: each for each in json.loads(capsys.readouterr().out)["judges"]}
    longer = tallies.pop("longer")
    (four,) = tallies.values()
    assert four["verdicts"] == {"tie": 0, "A": 0, "B": 0, "C": 3}
    assert (four["n_labelled"], four["accuracy"]) == (3, pytest.approx(2 / 3))
    assert longer["verdicts"] == {"tie": 3, "A": 0, "B": 0}
    assert len(endpoint.bodies) == 3


def test_audit_refuses_three_responses_in_one_line(endpoint, tmp_path, capsys):
    arguments = ["--judge", "openai:m?format=rewardbench2", "--matcher", "lexical", "--out", str(tmp_path / "run")]
    assert code("audit", wide(tmp_path), *arguments) == 2
    said = capsys.readouterr().err.strip()
    assert "pair '0' has 3 responses" in said
    assert "give pairs of two responses" in said
    assert "\n" not in said
    assert endpoint.bodies == []
