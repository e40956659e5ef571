"""Both checks of a matcher, measured once and kept."""

import asyncio

import pytest

from rightly.errors import InputError
from rightly.matchers.base import Match
from rightly.matchers.lexical import LexicalMatcher
from rightly.matchers.validation.trust import known, measure, trust_in, unmeasured


class WatchedMatcher(LexicalMatcher):
    """Word overlap that counts its calls, notes its closing, and fails the calls it is told to."""

    def __init__(self, failing=0):
        super().__init__()
        self.calls, self.closed, self._failing = 0, 0, failing

    async def match(self, reference, candidate):
        self.calls += 1
        return Match(failure="unparsed") if self.calls <= self._failing else await super().match(reference, candidate)

    async def aclose(self):
        self.closed += 1


def test_trust_measurement_is_stored_and_reused(tmp_path):
    first, second = WatchedMatcher(), WatchedMatcher()
    trust = asyncio.run(trust_in(first, tmp_path))
    assert (first.calls, first.closed) == (988, 1)
    assert asyncio.run(trust_in(second, tmp_path)) == trust
    assert second.calls == 0
    assert len(trust.lines()) == 6
    assert "Not fit as a training reward: it accepts" in trust.lines()[-1]


@pytest.mark.parametrize(("failing", "kept"), [(3, True), (60, False)])
def test_trust_with_many_failures_is_not_stored(failing, kept, tmp_path):
    trust = asyncio.run(measure(WatchedMatcher(failing=failing), tmp_path))
    assert trust.n_failed == failing
    assert f"{failing} more failed" in trust.lines()[0]
    assert known(LexicalMatcher().fingerprint, tmp_path) == (trust if kept else None)


def test_measure_closes_matcher_when_every_match_fails(tmp_path):
    matcher = WatchedMatcher(failing=1000)
    with pytest.raises(InputError, match="every match of lexical failed"):
        asyncio.run(measure(matcher, tmp_path))
    assert matcher.closed == 1


def test_trust_in_does_not_call_a_paid_matcher(tmp_path):
    matcher = WatchedMatcher()
    matcher.free = False
    assert asyncio.run(trust_in(matcher, tmp_path)) is None
    assert matcher.calls == 0
    assert "rightly matcher-check --matcher lexical" in unmeasured(matcher.name)


def test_broken_trust_file_is_measured_again(tmp_path):
    trust = asyncio.run(trust_in(WatchedMatcher(), tmp_path))
    (path,) = (tmp_path / "matchers").iterdir()
    path.write_text("{", encoding="utf-8")
    assert asyncio.run(trust_in(WatchedMatcher(), tmp_path)) == trust


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matcher = WatchedMatcher()
    assert asyncio.run(trust_in(matcher, None)).n_matched == matcher.calls
    assert list(tmp_path.iterdir()) == []
