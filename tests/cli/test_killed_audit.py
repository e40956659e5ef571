"""A whole audit against an endpoint that misbehaves, killed over and over: the same bytes as one that was left alone."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fake_endpoint import FakeEndpoint, heavy_tailed, judge_like, served

ROOT = Path(__file__).parents[2]
KILLS = 20
# Not "empty": an empty answer is billed and asked again, so how many there were is part of what a run cost.
FAULTS = {
    "429": 0.06,
    "429_retry_after": 0.04,
    "500": 0.04,
    "hang": 0.01,
    "reset": 0.03,
    "garbage": 0.03,
    "wrong_shape": 0.03,
    "truncated": 0.04,
    "refusal": 0.03,
}


def judge_or_matcher(body):
    """A judge's answer to a judge's prompt, a matcher's to a matcher's; one in ten is no answer at all."""
    prompt = body["messages"][0]["content"]
    draw = random.Random(prompt)
    if draw.random() < 0.1:
        return "I would rather talk about the weather."
    if "[reference points" not in prompt:
        return judge_like(body)
    points = re.findall(r"^R(\d+):", prompt, re.MULTILINE)
    lines = [f"R{point} @ S1: {draw.random():.2f}" if draw.random() < 0.5 else f"R{point} @ none" for point in points]
    return "<matches>\n" + "\n".join(lines) + "\n</matches>"


@pytest.fixture
def endpoint():
    """The endpoint, served from a thread."""
    server = FakeEndpoint(judge_or_matcher, latency=heavy_tailed(0.03), faults=FAULTS, seed=1)
    with served(server):
        yield server


def audit(endpoint, folder, tmp_path):
    spec = "openai:m?concurrency=8&timeout_s=2&max_attempts=12&max_tokens=100"
    command = [sys.executable, "-m", "rightly", "audit", str(tmp_path / "pairs.jsonl"), "--json"]
    command += ["--judge", spec, "--judge", "longer", "--matcher", spec]
    command += ["--out", str(folder / "out"), "--cache", str(folder / "cache.db")]
    environment = os.environ | {"OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": "k"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def write_pairs(path):
    rows = [
        {
            "id": f"p{i}",
            "context": [{"role": "user", "content": f"question {i}"}],
            "responses": [f"answer {i} that is longer", f"answer {i}"],
            "label": random.Random(i).choice("AB"),
            "rationales": [{"text": f"Response A cites {i}"}, {"text": f"Response B is short, {i} words"}],
        }
        for i in range(50)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_killed_twenty_times_the_audit_ends_with_the_same_bytes(endpoint, tmp_path):
    write_pairs(tmp_path / "pairs.jsonl")
    whole = audit(endpoint, tmp_path / "whole", tmp_path)
    expected, said = whole.communicate()
    assert whole.returncode == 0, said
    judged = json.loads(expected)["judges"][0]
    assert sum(judged["failures"].values()) > 0, "some answers fail, and are named"
    assert "provider" not in judged["failures"]
    assert judged["n_judgments"] == 100
    endpoint.asked.clear()
    endpoint.sent.clear()

    rng, kills = random.Random(0), 0
    while kills < KILLS:
        asked = sum(endpoint.asked.values())
        process = audit(endpoint, tmp_path / "killed", tmp_path)
        deadline = time.monotonic() + 30
        while sum(endpoint.asked.values()) == asked and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
    last = audit(endpoint, tmp_path / "killed", tmp_path)
    found, said = last.communicate()
    assert last.returncode == 0, said
    assert found == expected
    for name in ("audit.json", "scores.jsonl", "items.jsonl"):
        assert (tmp_path / "killed" / "out" / name).read_bytes() == (tmp_path / "whole" / "out" / name).read_bytes()

    # An answer may be sent twice only if a kill met it between the wire and the disk: the calls in flight, eight a kill.
    repeats = sum(count - 1 for count in endpoint.sent.values())
    assert repeats <= KILLS * 8
    before = dict(endpoint.asked)
    again = audit(endpoint, tmp_path / "killed", tmp_path)
    assert again.communicate()[0] == expected
    assert endpoint.asked == before, "a finished audit asks nothing"
