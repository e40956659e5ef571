"""Runs by the Batch API that are killed at every step: the next run gives the same answers, and one batch is paid."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from rightly.inference.batch_journal import batches_beside
from rightly.inference.book import SpendingBook

ROOT = Path(__file__).parents[2]
N = 40


@pytest.fixture
def endpoint():
    """A fake endpoint with batches in a process of its own; the fixture is its base URL."""
    command = [sys.executable, "-m", "tests.fake_batches"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


def start(base_url, cache, run, report):
    arguments = [base_url, str(cache), str(run), str(report), str(N)]
    return subprocess.Popen([sys.executable, "-m", "tests.inference.batch_run", *arguments], cwd=ROOT)


def finish(process):
    with process:
        assert process.wait() == 0


def stats(base_url):
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as answer:
        return json.load(answer)


def hold(base_url, step):
    request = urllib.request.Request(base_url.removesuffix("/v1") + "/hold", data=step.encode(), method="POST")
    urllib.request.urlopen(request).close()


def kill_at(endpoint, step, *arguments):
    """Kill a run as soon as this step is done at the endpoint and its response hangs."""
    hold(endpoint, step)
    with start(endpoint, *arguments) as process:
        while not stats(endpoint)["holding"].get(step):
            assert process.poll() is None, "the run reaches the step"
            time.sleep(0.02)
        process.kill()
    hold(endpoint, "")


def spending(run):
    book = SpendingBook.read(run)
    return book.settled, book.open


@pytest.mark.parametrize(
    "steps", [["upload"], ["create"], ["finish"], ["content"], ["upload", "create", "finish", "content"]]
)
def test_a_killed_run_is_resumed_with_one_batch_paid(endpoint, tmp_path, steps):
    cache, run, report = tmp_path / "cache.db", tmp_path / "run", tmp_path / "killed.txt"
    for step in steps:
        kill_at(endpoint, step, cache, run, report)
        assert not report.exists()
        assert len(list(batches_beside(cache).glob("*.json"))) == 1
        assert len(spending(run)[1]) == N, "every call is reserved"
    finish(start(endpoint, cache, run, report))
    found = stats(endpoint)
    assert (found["batches"], len(found["billed"]), set(found["billed"].values())) == (1, N, {1})
    assert list(batches_beside(cache).iterdir()) == []

    finish(start(endpoint, tmp_path / "other.db", tmp_path / "other", tmp_path / "whole.txt"))
    assert report.read_text() == (tmp_path / "whole.txt").read_text(), "as if nothing had been killed"
    assert spending(run) == spending(tmp_path / "other")
    assert spending(run)[1] == {}


def test_a_batch_that_another_run_collects_is_settled_where_it_was_reserved(endpoint, tmp_path):
    cache, first, second = tmp_path / "cache.db", tmp_path / "first", tmp_path / "second"
    kill_at(endpoint, "finish", cache, first, tmp_path / "killed.txt")
    finish(start(endpoint, cache, second, tmp_path / "whole.txt"))
    assert stats(endpoint)["batches"] == 1
    settled, still_open = spending(first)
    assert (settled["judge", "m"].calls, still_open) == (N, {})
    assert spending(second) == ({}, {}), "the second run paid nothing"
