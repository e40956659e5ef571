"""A judge that writes prose, audited: its text is split by the atomiser's model, once, and only where it is matched."""

import json
import re

import pytest

from tests.cli.test_identity import cli  # noqa: F401 - a fixture
from tests.fake_endpoint import FakeEndpoint, served

JUDGE = "openai:m?format=rm-r1"


def answer(body):
    said = body["messages"][-1]["content"]
    if "split what a judge wrote" in said:
        side = "A" if "Response A cites the law in detail" in said else "B"
        return json.dumps({"reasons": [f"Response {side} cites the law"]})
    if "split what human annotators wrote" in said:
        points = ["Response A cites the law"] if "law" in said.split("[feedback")[1] else []
        return json.dumps({"points": points, "dropped": []})
    better = "A" if said.index("right answer") < said.index("wrong answer") else "B"
    number = re.search(r"question (\d)", said)[1]
    return f"<eval>On {number}: Response {better} cites the law in detail.</eval>\n<answer>[[{better}]]</answer>"


@pytest.fixture
def asked(monkeypatch, tmp_path):
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "cache.db"))
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with served(endpoint := FakeEndpoint(answer)):
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        yield endpoint.bodies


@pytest.fixture
def pairs(tmp_path):
    rows = [
        {
            "id": f"p{i}",
            "context": [{"role": "user", "content": f"question {i}"}],
            "responses": ["right answer", "wrong answer"],
            "label": "A",
            "rationales": [{"text": "Response A cites the law" if i else "no point"}],
        }
        for i in range(3)
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def audited(cli, pairs, out, *more):  # noqa: F811
    code, _, err = cli("audit", pairs, "--judge", JUDGE, "--matcher", "lexical", "--out", out, *more)
    assert code == 0, err
    return json.loads((out / "audit.json").read_text())["judges"][0], err


def splits(asked):
    return sum("split what a judge wrote" in body["messages"][-1]["content"] for body in asked)


def test_prose_is_split_once_and_only_where_people_made_points(cli, asked, pairs, tmp_path):  # noqa: F811
    judge, err = audited(cli, pairs, tmp_path / "run", "--atomiser", "openai:s")
    assert "judges' prose openai:s" in err
    assert judge["judge"] == f"{JUDGE} (prompt ours)"
    assert (judge["consistency"]["value"], judge["consistency"]["n"], judge["unread"]) == (1.0, 2, {})
    assert splits(asked) == 4, "two orders of two pairs; the third pair has no points"
    before = len(asked)
    again, _ = audited(cli, pairs, tmp_path / "run", "--atomiser", "openai:s")
    assert (again, len(asked)) == (judge, before)


def test_without_an_atomiser_prose_is_named_as_unread_and_never_zero(cli, asked, pairs, tmp_path):  # noqa: F811
    judge, _ = audited(cli, pairs, tmp_path / "run")
    assert judge["accuracy"]["value"] == 1.0
    assert judge["consistency"] == {"value": None, "low": None, "high": None, "n": 0}
    assert judge["unread"] == {"prose; to split it into reasons, give --atomiser MODEL": 6}
    _, shown, _ = cli("report", tmp_path / "run")
    assert "could not be read" in " ".join(shown.split())
