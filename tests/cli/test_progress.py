import io
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from rightly.cli import progress as module
from rightly.cli.progress import progress
from rightly.inference.account import Account
from rightly.inference.generator import Completion


@pytest.fixture
def screen(monkeypatch):
    """What is drawn on a terminal, or printed to a log when ``terminal`` is false."""

    def drawn(terminal):
        text = io.StringIO()
        console = Console(file=text, force_terminal=terminal, width=160)
        monkeypatch.setattr(module, "Console", lambda **_: console)
        return text

    return drawn


def drawn_soon(text, words):
    """Whether the display, which draws itself four times a second, comes to show these words."""
    deadline = time.monotonic() + 30
    while words not in text.getvalue() and time.monotonic() < deadline:
        time.sleep(0.02)
    return words in text.getvalue()


def test_progress_shows_retries_until_an_answer_arrives(screen):
    text, account = screen(True), Account()
    with progress(account) as stage:
        step = stage("judging", 6)
        for _ in range(12):
            account.retrying("connection refused")
        assert drawn_soon(text, "0/6")
        assert drawn_soon(text, "retrying: connection refused, 12 retries")
        account.enter("judge", "m", Completion(text="x"))
        step(None)
    assert "retrying" not in text.getvalue()[text.getvalue().rindex("1/6") :]


def test_log_reports_first_retry_and_then_every_half_minute(screen, monkeypatch):
    text, account, now = screen(False), Account(), [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with progress(account):
        account.retrying("connection refused")
        account.retrying("connection refused")
        now[0] = 31.0
        account.retrying("HTTP 500")
    assert text.getvalue().split("\n")[:2] == [
        "retrying: connection refused, 1 retry",
        "retrying: HTTP 500, 3 retries",
    ]
