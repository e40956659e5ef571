"""Votes of a judge from the command line to the page, with answers that are known beforehand."""

import json
from collections import Counter

import pytest

from tests.cli.test_identity import cli  # noqa: F401 - a fixture
from tests.fake_endpoint import FakeEndpoint, served

N = 4
VOTES = ("A", "A", "B", "A")
"""Answers to the samples of every question in the stored order; in the swapped order "B" always."""


@pytest.fixture
def asked(monkeypatch, tmp_path):
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "cache.db"))
    monkeypatch.setenv("OPENAI_API_KEY", "k")

    def answer(body):
        said = body["messages"][0]["content"]
        swapped = said.index("right answer") > said.index("wrong answer")
        verdict = "B" if swapped else VOTES[body["seed"]]
        return json.dumps({"reasons": ["Response A cites the law"], "verdict": verdict})

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
            "rationales": [{"text": "Response A cites the law"}],
        }
        for i in range(N)
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


SPEC = "openai:m?votes=4&temperature=1&seed=0"
BY_VOTES = [(1, 3 / 4), (2, 1.0), (4, 1.0)]
"""One vote in each order: right unless the third one is drawn, as the swapped order is always right and A, B ties."""


def test_audit_gives_accuracy_by_votes_and_calibration(cli, asked, pairs, tmp_path):  # noqa: F811
    out = tmp_path / "audit"
    code, _, err = cli("audit", pairs, "--judge", SPEC, "--matcher", "lexical", "--out", out)
    assert code == 0, err
    assert Counter(body["seed"] for body in asked) == dict.fromkeys(range(4), 2 * N)
    found = json.loads((out / "audit.json").read_text())["judges"][0]
    confidence = found["confidence"]
    assert [(each["votes"], each["accuracy"]) for each in confidence["by_votes"]] == BY_VOTES
    assert confidence["coverage"] == [{"confidence": 0.875, "n": N, "coverage": 1.0, "accuracy": 1.0}]
    assert confidence["calibration_error"] == pytest.approx(0.125)
    assert found["accuracy"]["value"] == 1.0
    assert cli("report", out)[0] == 0
    page = (out / "report.html").read_text()
    assert "Accuracy against coverage" in page
    assert "1: 0.750, 2: 1.000, 4: 1.000" in page.replace("\n", "")


def test_bench_gives_the_same_and_asks_nothing_twice(cli, asked, pairs, tmp_path):  # noqa: F811
    assert cli("audit", pairs, "--judge", SPEC, "--matcher", "lexical", "--out", tmp_path / "audit")[0] == 0
    before = len(asked)
    code, out, err = cli("bench", "pairs", "--data", pairs, "--model", SPEC, "--out", tmp_path / "bench")
    assert code == 0, err
    assert len(asked) == before
    assert "accuracy by votes 1: 0.750, 2: 1.000, 4: 1.000" in " ".join((out + err).split())
    found = json.loads((tmp_path / "bench" / "bench.json").read_text())
    judge = next(model for model in found["models"] if model["model"] == SPEC)
    assert [(each["votes"], each["accuracy"]) for each in judge["confidence"]["by_votes"]] == BY_VOTES
    assert all(model["confidence"] is None for model in found["models"] if model["model"] != SPEC)
