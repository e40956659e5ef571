"""Both checks of a matcher, measured once and kept."""

import asyncio

import pytest

from rightly.errors import InputError
from rightly.matchers.base import Match
from rightly.matchers.lexical import LexicalMatcher
from rightly.matchers.validation.probes import NEAR_MISSES, SAME, load_probes
from rightly.matchers.validation.trust import known, measure, trust_in, unmeasured
from rightly.metrics.estimate import Estimate


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
    assert (first.calls, first.closed) == (200 + 480 + len(load_probes()), 1)
    assert asyncio.run(trust_in(second, tmp_path)) == trust
    assert second.calls == 0
    assert len(trust.lines()) == 6
    assert "Not fit as a training reward: it accepts" in trust.lines()[-1]


@pytest.mark.parametrize(("failing", "kept"), [(3, True), (150, False)])
def test_trust_with_many_failures_is_not_stored(failing, kept, tmp_path):
    trust = asyncio.run(measure(WatchedMatcher(failing=failing), tmp_path))
    assert trust.n_failed == failing
    assert f"{failing} more failed" in trust.lines()[0]
    assert known(LexicalMatcher().fingerprint, tmp_path) == (trust if kept else None)


def test_measure_closes_matcher_when_every_match_fails(tmp_path):
    matcher = WatchedMatcher(failing=5000)
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


@pytest.fixture(scope="module")
def trust():
    return asyncio.run(measure(LexicalMatcher(), None))


def with_accepted(trust, **shares):
    """A trust with these accepted shares, and otherwise those of a matcher that is just fit."""
    fit = dict.fromkeys(NEAR_MISSES, 0.1) | {"paraphrase": 0.8, "identical": 0.95, "edit": 0.9}
    accepted = {name: Estimate(value=share) for name, share in (fit | shares).items()}
    return trust.model_copy(update={"probes": trust.probes.model_copy(update={"accepted": accepted})})


def test_limits_of_a_training_reward_are_inclusive(trust):
    assert with_accepted(trust).unfit_for_reward == ()
    assert with_accepted(trust).lines()[-1] == "Fit as a training reward."


@pytest.mark.parametrize("kind", [*SAME, *NEAR_MISSES])
def test_every_category_beyond_its_limit_makes_a_matcher_unfit(kind, trust):
    share = 0.101 if kind in NEAR_MISSES else {"paraphrase": 0.799, "identical": 0.949, "edit": 0.899}[kind]
    (why,) = with_accepted(trust, **{kind: share}).unfit_for_reward
    assert f"{kind} {100 * share:.1f}%" in why
    assert ("too many" if kind in NEAR_MISSES else "too few") in why
    (why,) = with_accepted(trust, **{kind: None}).unfit_for_reward
    assert f"{kind} unknown" in why


def test_all_failings_are_named_in_one_line(trust):
    line = with_accepted(trust, polarity=0.5, number=0.25, paraphrase=0.2).lines()[-1]
    assert line == (
        "Not fit as a training reward: it accepts too many near misses: polarity 50.0%, number 25.0% (at most 10% of each); "
        "it accepts too few of the same points: paraphrase 20.0% (at least 80%)."
    )
