"""An audit whose judge and matcher answer by batches, killed while it waits: every batch is paid once."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rightly.inference.book import SpendingBook
from tests.cli.test_identity import audit_pairs
from tests.cli.test_killed_audit import judge_or_matcher
from tests.fake_batches import FakeBatches
from tests.fake_endpoint import served

ROOT = Path(__file__).parents[2]


@pytest.fixture
def endpoint():
    """The endpoint, served from a thread."""
    server = FakeBatches(judge_or_matcher)
    with served(server):
        yield server


def audit(endpoint, tmp_path, folder, batch):
    spec = f"openai:m?max_tokens=100{'&batch=true&poll_s=0.05' if batch else ''}"
    command = [sys.executable, "-m", "rightly", "audit", str(tmp_path / "pairs.jsonl"), "--json"]
    command += ["--judge", spec, "--matcher", spec, "--price", "m=1000,1000", "--budget", "100"]
    command += ["--out", str(tmp_path / folder), "--cache", str(tmp_path / folder) + ".db"]
    environment = os.environ | {"OPENAI_BASE_URL": endpoint.base_url, "OPENAI_API_KEY": "k"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def result(process):
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return json.loads(out)["judges"], said


def test_an_audit_by_batches_is_resumed_and_equals_one_without(endpoint, tmp_path):
    audit_pairs(tmp_path / "pairs.jsonl")
    for step, batches in (("finish", 1), ("create", 2)):
        endpoint.hold(step)
        with audit(endpoint, tmp_path, "killed", batch=True) as process:
            while len(endpoint.batches) < batches or not endpoint.holding[step]:
                assert process.poll() is None
                time.sleep(0.05)
            process.kill()
        endpoint.hold("")
    resumed, _ = result(audit(endpoint, tmp_path, "killed", batch=True))
    assert len(endpoint.batches) == 2, "one of the judge, one of the matcher"
    assert set(endpoint.billed.values()) == {1}
    assert sum(endpoint.asked.values()) == 0

    whole, said = result(audit(endpoint, tmp_path, "whole", batch=True))
    assert len(endpoint.batches) == 4
    assert resumed == whole
    assert "waiting for a batch of 16 requests at the provider" in said

    online, _ = result(audit(endpoint, tmp_path, "online", batch=False))
    assert without_names(online) == without_names(whole)
    by_batch, alone = (SpendingBook.read(tmp_path / name) for name in ("killed", "online"))
    assert by_batch.open == {}
    for role, one in alone.settled.items():
        assert by_batch.settled[role].usage == one.usage
        assert by_batch.settled[role].dollars == pytest.approx(one.dollars / 2)


def without_names(judges):
    """The rows without what a batch changes: the judge's name and what it cost."""
    return [{k: v for k, v in row.items() if k not in ("judge", "name", "cost")} for row in judges]
