"""Processes that share a cache, and are killed: nothing that had arrived is asked again."""

import json
import random
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.fake_endpoint import key_of

ROOT = Path(__file__).parents[2]
IN_FLIGHT = 4
KILLS = 20


@pytest.fixture
def endpoint():
    """A fake endpoint in a process of its own; the fixture is its base URL."""
    command = [sys.executable, "tests/fake_endpoint.py", "--latency", "0.03", "--faults", "truncated=0.1,refusal=0.1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


def start(base_url, cache, report, first, last):
    """The run of ``cached_run.py``, once it is about to ask."""
    arguments = [base_url, str(cache), str(report), str(first), str(last)]
    command = [sys.executable, "-m", "tests.inference.cached_run", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(*processes):
    for process in processes:
        with process:
            assert process.wait() == 0


def stats(base_url):
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as answer:
        return json.load(answer)


def reported(path):
    """Completions by the server's key, as the runs had them; whole lines only, and equal where a number repeats."""
    found = {}
    for line in path.read_text().split("\n")[:-1] if path.exists() else []:
        number, _, completion = line.partition(" ")
        message = {"role": "user", "content": f"question {number}"}
        key = key_of({"model": "m", "messages": [message], "max_tokens": 100})
        assert found.setdefault(key, completion) == completion
    return found


def test_no_answer_is_requested_again_after_twenty_kills(endpoint, tmp_path):
    rng, total, kills = random.Random(0), 500, 0
    cache, report = tmp_path / "cache.sqlite", tmp_path / "killed.txt"
    asked_when_reported: dict[str, int] = {}
    asked = 0
    while kills < KILLS:
        with start(endpoint, cache, report, 0, total) as process:
            time.sleep(rng.uniform(0.0, 0.2))
            assert process.poll() is None, "the run is long enough to be killed"
            process.kill()
        counts = stats(endpoint)["asked"]
        kills += sum(counts.values()) > asked
        asked = sum(counts.values())
        for key in reported(report):
            asked_when_reported.setdefault(key, counts[key])
    assert 0 < len(asked_when_reported) < total, "the kills met a run at work"

    finish(start(endpoint, cache, report, 0, total))
    after = stats(endpoint)
    assert {key: after["asked"][key] for key in asked_when_reported} == asked_when_reported
    assert len(after["sent"]) == total
    sent_again = sum(after["sent"].values()) - total
    assert sent_again <= kills * IN_FLIGHT, "at most what was under way at a kill"

    finish(start(endpoint, tmp_path / "other.sqlite", tmp_path / "whole.txt", 0, total))
    assert reported(tmp_path / "whole.txt") == reported(report), "as if nothing had been killed"
    assert sum(stats(endpoint)["asked"].values()) == sum(after["asked"].values()) + total


def test_processes_share_a_cache(endpoint, tmp_path):
    cache = tmp_path / "cache.sqlite"
    ranges = [(0, 100), (50, 150), (100, 200), (0, 200)]
    finish(*[start(endpoint, cache, tmp_path / f"{i}.txt", *each) for i, each in enumerate(ranges)])
    asked = sum(stats(endpoint)["asked"].values())
    assert 200 <= asked < sum(last - first for first, last in ranges), "they answer for one another"

    finish(start(endpoint, cache, tmp_path / "again.txt", 0, 200))
    again = reported(tmp_path / "again.txt")
    assert len(again) == 200
    for i in range(len(ranges)):
        assert reported(tmp_path / f"{i}.txt").items() <= again.items()
    assert sum(stats(endpoint)["asked"].values()) == asked, "nothing is asked again"
