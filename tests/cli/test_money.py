"""Money on the command line: what is said before the first call, what stops a run, and what a dead endpoint ends in."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from rightly.cli import main
from tests.fake_endpoint import FakeEndpoint, fixed, judge_like, matcher_like, served

ROOT = Path(__file__).parents[2]
PRICE = 1000.0
"""Dollars per million tokens: a tenth of a cent a token."""


def judge_or_grader(body):
    """An answer to whatever is asked: a judgment, points, or matches."""
    prompt = body["messages"][0]["content"]
    if "[reference points" in prompt:
        return matcher_like(body)
    if '"points"' in prompt:
        return '{"points": ["Response A cites 1998"]}'
    return judge_like(body)


@pytest.fixture
def endpoint(monkeypatch):
    """An endpoint that answers at once; the environment points at it."""
    with running(monkeypatch, FakeEndpoint(judge_or_grader)) as server:
        yield server


class running:
    """Serve an endpoint, and point the environment at it."""

    def __init__(self, monkeypatch, server):
        self.monkeypatch, self.server = monkeypatch, server

    def __enter__(self):
        self.context = served(self.server)
        self.context.__enter__()
        self.monkeypatch.setenv("OPENAI_BASE_URL", self.server.base_url)
        self.monkeypatch.setenv("OPENAI_API_KEY", "k")
        return self.server

    def __exit__(self, *error):
        return self.context.__exit__(*error)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "cache" / "answers.db"))


@pytest.fixture
def pairs(tmp_path):
    rows = [
        {
            "id": f"p{i}",
            "context": [{"role": "user", "content": f"question {i}"}],
            "responses": ["a long answer that cites 1998", "short"],
            "label": "A" if i % 3 else "B",
            "rationales": [{"text": "Response A cites 1998"}, {"text": "Response B is short and clear"}],
        }
        for i in range(30)
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def cli(*arguments, capsys):
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as done:
        code = done.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def worked(endpoint):
    """Dollars that the endpoint's provider may bill."""
    return sum(endpoint.worked.values()) * PRICE / 1e6


def judge(pairs, out, *more, budget=None, spec="openai:m?max_tokens=100"):
    money = [] if budget is None else ["--budget", budget, "--price", f"m={PRICE},{PRICE}"]
    return ["judge", pairs, "--judge", spec, "--out", out, *money, *more]


def test_budget_holds_with_sixty_calls_in_flight(monkeypatch, pairs, tmp_path, capsys):
    with running(monkeypatch, FakeEndpoint(judge_like, latency=fixed(0.05))) as endpoint:
        code, _, err = cli(*judge(pairs, tmp_path / "out", budget=10), capsys=capsys)
        assert code == 3
        assert worked(endpoint) <= 10
        last = err.strip().splitlines()[-1]
        assert "the budget of $10 does not cover the next call" in last
        assert "to resume, run the same command with a higher --budget" in last
        found = re.search(r"may cost \$([\d.]+): \$([\d.]+) is spent\.", last)
        assert found
        following, spent = map(float, found.groups())
        assert spent == pytest.approx(worked(endpoint), abs=1e-4)
        assert spent + following > 10, "no money is left that another call would fit into"
        assert endpoint.most_in_flight > 1


def test_resumed_run_counts_earlier_spending(endpoint, pairs, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli(*judge(pairs, out, budget=5), capsys=capsys)[0] == 3
    first = worked(endpoint)
    code, _, err = cli(*judge(pairs, out, budget=5), capsys=capsys)
    assert code == 3
    assert worked(endpoint) == first, "nothing fits any more"
    assert f"of which ${first:.4f} is spent" in err
    code, _, err = cli(*judge(pairs, out, budget=9), capsys=capsys)
    assert code == 3
    assert first < worked(endpoint) <= 9
    code, _, err = cli(*judge(pairs, out, budget=100), capsys=capsys)
    assert code == 0, err
    assert max(endpoint.asked.values()) == 1, "nothing is asked twice"
    booked = [json.loads(line) for line in (out / "spending.jsonl").read_text().splitlines()]
    assert sum(each["dollars"] for each in booked if each["event"] == "settle") == pytest.approx(worked(endpoint))


def test_fresh_run_has_new_spending_book(endpoint, pairs, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    assert cli(*judge(pairs, out, budget=5), capsys=capsys)[0] == 3
    first = worked(endpoint)
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "other.db"))
    assert cli(*judge(pairs, out, "--fresh", budget=5), capsys=capsys)[0] == 3
    assert first < worked(endpoint) <= 10


def test_spending_without_budget_counts_against_later_budget(endpoint, pairs, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli(*judge(pairs, out, "--judge", "openai:n"), capsys=capsys)[0] == 0
    first = worked(endpoint)
    code, _, err = cli(*judge(pairs, out, budget=100), capsys=capsys)
    assert code == 2
    assert "add --price n=IN,OUT" in err
    code, _, err = cli(*judge(pairs, out, "--price", f"n={PRICE},{PRICE}", budget=first + 1), capsys=capsys)
    assert code == 0, "everything is answered"
    assert f"${first:,.4f} is spent" in err


def test_answers_from_the_cache_cost_nothing(endpoint, pairs, tmp_path, capsys):
    assert cli(*judge(pairs, tmp_path / "one"), capsys=capsys)[0] == 0
    assert cli(*judge(pairs, tmp_path / "two", budget=0), capsys=capsys)[0] == 0
    assert max(endpoint.asked.values()) == 1


def test_audit_and_bench_exit_with_code_3_at_budget(endpoint, pairs, tmp_path, capsys):
    money = ["--budget", 2, "--price", f"m={PRICE},{PRICE}", "--price", f"n={PRICE},{PRICE}"]
    spec = "openai:m?max_tokens=100"
    asked = ["audit", pairs, "--judge", spec, "--matcher", "openai:n?max_tokens=50", "--out", tmp_path / "a", *money]
    code, _, err = cli(*asked, capsys=capsys)
    assert code == 3, err
    assert "the budget of $2 does not cover" in err
    assert worked(endpoint) <= 2
    code, _, err = cli(
        "bench", "pairs", "--data", pairs, "--model", spec, "--out", tmp_path / "b", *money, capsys=capsys
    )
    assert code == 3, err
    assert "the budget of $2 does not cover" in err


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["--judge", "openai:m?max_tokens=9", "--matcher", "openai:n?max_tokens=9"], "--price n=IN,OUT"),
        (
            ["--judge", "openai:m?max_tokens=9", "--matcher", "lexical", "--atomiser", "openai:n?max_tokens=9"],
            "--price n=",
        ),
        (["--judge", "panel:longer+openai:n?max_tokens=9", "--matcher", "lexical"], "--price n=IN,OUT"),
        (["--judge", "openai:m", "--matcher", "lexical"], "openai:m?max_tokens=4096"),
        (["--judge", "openai:m?max_tokens=9", "--matcher", "openai:m"], "openai:m?max_tokens=4096"),
    ],
)
def test_unenforceable_budget_is_refused_before_first_call(arguments, missing, endpoint, pairs, tmp_path, capsys):
    money = ["--budget", 100, "--price", "m=1,1"]
    code, _, err = cli("audit", pairs, *arguments, *money, "--out", tmp_path / "out", capsys=capsys)
    assert code == 2
    assert missing in err
    assert len(err.strip().splitlines()) == 1
    assert not endpoint.asked


def test_cost_of_every_role_is_estimated_and_reported(endpoint, pairs, tmp_path, capsys):
    out = tmp_path / "out"
    spec = [
        "--judge",
        "openai:m?max_tokens=100",
        "--matcher",
        "openai:n?max_tokens=50",
        "--atomiser",
        "openai:o?max_tokens=50",
    ]
    money = [text for name in "mno" for text in ("--price", f"{name}=1,2")]
    code, _, err = cli("audit", pairs, *spec, *money, "--budget", 7, "--out", out, capsys=capsys)
    assert code == 0, err
    before, _, after = err.partition("spent in this run folder:")
    for role, calls in (("judge openai:m", 60), ("atomiser openai:o", 30), ("matcher openai:n", 60)):
        line = next(line for line in before.splitlines() if line.startswith(role))
        assert f"about {calls} calls" in line
        assert re.search(r"about \$[\d.]+ and at most \$[\d.]+$", line)
    assert re.search(r"^all: about \$[\d.]+ and at most \$[\d.]+; the budget is \$7", before, re.MULTILINE)
    asked = Counter(body["model"] for body in endpoint.bodies)
    for role, model in (("judge", "m"), ("atomiser", "o"), ("matcher", "n")):
        assert re.search(
            rf"^{role} {model}: {asked[model]} calls billed, .* tokens in and .* out, \$", after, re.MULTILINE
        )
    assert set(asked) == {"m", "n", "o"}
    said = cli("report", out, capsys=capsys)[2]
    assert after.strip().splitlines()[:3] == said.split("spent in this run folder:")[1].strip().splitlines()[:3]


def subprocess_judge(endpoint, pairs, out, cache, budget, key="k", concurrency=8):
    spec = f"openai:m?max_tokens=100&concurrency={concurrency}"
    command = [sys.executable, "-m", "rightly", *judge(pairs, out, "--cache", cache, budget=budget, spec=spec)]
    environment = os.environ | {"OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": key}
    return subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


class WhenBothAsk(FakeEndpoint):
    """Answers nobody before two processes have asked."""

    async def _respond(self, request, body, key):
        self.headers.append(request.headers)
        while len({headers["Authorization"] for headers in self.headers}) < 2:
            await asyncio.sleep(0.01)
        return await super()._respond(request, body, key)


def test_two_concurrent_processes_share_one_budget(monkeypatch, pairs, tmp_path):
    with running(monkeypatch, WhenBothAsk(judge_like, latency=fixed(0.05))) as endpoint:
        both = [subprocess_judge(endpoint, pairs, tmp_path / "out", tmp_path / f"{i}.db", 18, str(i)) for i in range(2)]
        errors = [process.communicate(timeout=120)[1] for process in both]
        assert {process.returncode for process in both} <= {0, 3}, errors
        assert any("the budget of $18 does not cover" in error for error in errors)
        assert 16 < worked(endpoint) <= 18, "one call more would not fit"
    book = [json.loads(line) for line in (tmp_path / "out" / "spending.jsonl").read_text().splitlines()]
    assert len({entry["call"].split("-")[0] for entry in book}) == 2, "both have spent"
    assert {each["event"] for each in book if each["dollars"]} == {"reserve", "settle"}


def test_killed_and_resumed_run_stays_within_budget(monkeypatch, pairs, tmp_path):
    with running(monkeypatch, FakeEndpoint(judge_like, latency=fixed(0.1))) as endpoint:
        for _ in range(3):
            asked = sum(endpoint.asked.values())
            process = subprocess_judge(endpoint, pairs, tmp_path / "out", tmp_path / "c.db", 12, concurrency=2)
            deadline = time.monotonic() + 60
            while sum(endpoint.asked.values()) == asked and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        book = (tmp_path / "out" / "spending.jsonl").read_text().splitlines()
        lines = Counter(json.loads(line)["call"] for line in book)
        lost = [call for call, count in lines.items() if count == 1]
        assert len({call.split("-")[0] for call in lost}) == 3, "every kill met a call in flight"
        process = subprocess_judge(endpoint, pairs, tmp_path / "out", tmp_path / "c.db", 12, concurrency=2)
        said = process.communicate()[1]
        assert process.returncode == 3, said
        assert "of it reserved for calls whose bill never arrived" in said
        assert worked(endpoint) <= 12


@pytest.mark.parametrize("faults", [{"reset": 1.0}, {"500": 1.0}])
@pytest.mark.parametrize("verb", ["judge", "audit", "bench"])
def test_endpoint_without_answers_fails_with_last_error(verb, faults, monkeypatch, pairs, tmp_path, capsys):
    with running(monkeypatch, FakeEndpoint(faults=faults)):
        spec = "openai:m?max_attempts=2"
        arguments = {
            "judge": [pairs, "--judge", spec],
            "audit": [pairs, "--judge", spec, "--matcher", "lexical"],
            "bench": ["pairs", "--data", pairs, "--model", spec],
        }[verb]
        code, out, err = cli(verb, *arguments, "--out", tmp_path / "out", capsys=capsys)
    assert code == 1
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("rightly: ")
    assert ("connection broken" if "reset" in faults else "HTTP 500") in last
    assert "retrying: " in err, "the wait was not silent"
    assert "No pair has a side" not in err


def test_run_fails_if_all_of_few_requests_fail(monkeypatch, pairs, tmp_path, capsys):
    with running(monkeypatch, FakeEndpoint(faults={"500": 1.0})):
        spec = "openai:m?max_attempts=2"
        code, out, err = cli(*judge(pairs, tmp_path / "out", "--limit", 2, spec=spec), capsys=capsys)
    assert (code, out) == (1, "")
    assert "none of 4 judge requests was answered: HTTP 500" in err
    assert "to retry them, run the same command again" in err


def test_audit_fails_if_matcher_never_answers(monkeypatch, pairs, tmp_path, capsys):
    class NoMatcher(FakeEndpoint):
        def fault(self, key, attempt):
            return "500" if "[reference points" in self.bodies[-1]["messages"][0]["content"] else None

    audit = ["audit", pairs, "--limit", 2, "--judge", "openai:m", "--matcher", "openai:n?max_attempts=1"]
    with running(monkeypatch, NoMatcher(judge_or_grader)):
        code, _, err = cli(*audit, "--out", tmp_path / "out", capsys=capsys)
    assert code == 1
    assert re.search(r"none of \d matcher requests was answered: HTTP 500", err)


def test_some_failed_requests_are_counted_and_retried(monkeypatch, pairs, tmp_path, capsys):
    class Half(FakeEndpoint):
        broken = True

        def fault(self, key, attempt):
            return "500" if self.broken and "question 1" in self.bodies[-1]["messages"][0]["content"] else None

    with running(monkeypatch, Half(judge_like)) as endpoint:
        run = judge(pairs, tmp_path / "out", spec="openai:m?max_attempts=1")
        code, _, err = cli(*run, capsys=capsys)
        assert code == 0, err
        assert re.search(
            r"22 of 60 requests to judge m failed, the last one with: HTTP 500.*to retry them, run the same command again",
            err,
        )
        endpoint.broken = False
        asked = sum(endpoint.asked.values())
        code, _, err = cli(*run, capsys=capsys)
        assert code == 0, err
        assert "failed" not in err
        assert sum(endpoint.asked.values()) - asked == 22


def test_missing_api_key_is_reported_before_first_call(monkeypatch, pairs, tmp_path, capsys):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    code, _, err = cli(*judge(pairs, tmp_path / "out"), capsys=capsys)
    assert code == 2
    assert "OPENAI_API_KEY is not set" in err.strip().splitlines()[-1]


def test_matcher_api_key_is_checked_before_judge_is_called(monkeypatch, endpoint, pairs, tmp_path, capsys):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    matcher = "openai:n?base_url=https://api.example.com/v1"
    code, _, err = cli(
        "audit", pairs, "--judge", "openai:m", "--matcher", matcher, "--out", tmp_path / "out", capsys=capsys
    )
    assert code == 2
    assert "api.example.com needs a key" in err
    assert not endpoint.asked
