"""The written probes, and matchers whose figures on them are known."""

import asyncio
from collections import Counter

import pytest

from rightly.matchers.base import Link, Match
from rightly.matchers.validation import probes as probe
from rightly.matchers.validation.probes import check_probes, load_probes


class Oracle:
    """Scores by a function of the two sentences."""

    name, concurrency, smoke_only = "oracle", 4, False
    free, operating_point, held_out = True, 0.75, None

    def __init__(self, score):
        self._score = score

    async def match(self, reference, candidate):
        score = self._score(reference[0], candidate[0])
        if score is None:
            return Match(failure="provider", detail="down")
        return Match(links=(Link(reference=0, candidate=0, score=score),) if score else ())

    async def aclose(self):
        pass


def check(score, **options):
    return asyncio.run(check_probes(Oracle(score), lambda _: None, **options))


def test_probes_have_seven_categories_of_44_points_in_two_halves():
    probes = load_probes()
    assert Counter(each.category for each in probes) == dict.fromkeys(
        ("paraphrase", "polarity", "swap", "same topic", "vague", "number", "general"), 44
    )
    halves = {half: {each.human for each in load_probes(half)} for half in ("open", "held")}
    assert [len(humans) for humans in halves.values()] == [22, 22]
    assert not halves["open"] & halves["held"]
    assert all(each.same == (each.category == "paraphrase") for each in probes)
    assert all(each.human != each.judge for each in probes)


def test_probe_check_of_perfect_and_of_constant_matcher():
    truth = {(each.human, each.judge): each.same for each in load_probes()}
    knows = check(lambda human, judge: 1.0 if truth[human, judge] else 0.25)
    assert knows.auc.value == 1.0
    assert {name: share.value for name, share in knows.accepted.items()} == {
        name: float(name == "paraphrase") for name in knows.accepted
    }
    blind = check(lambda human, judge: 1.0)
    assert blind.auc.value == 0.5
    assert {share.value for share in blind.accepted.values()} == {1.0}


def test_probe_threshold_is_inclusive_and_failures_are_excluded():
    found = check(lambda human, judge: None if "17" in human else 0.75, half="open")
    at = check(lambda human, judge: 0.75, half="held")
    below = check(lambda human, judge: 0.74, half="held")
    assert (at.accepted["swap"].value, below.accepted["swap"].value) == (1.0, 0.0)
    assert found.n + found.n_failed == 22 * 7
    assert found.n_failed == 7 * sum("17" in human for human in {each.human for each in load_probes("open")})
    assert at.n == 22 * 7


def test_modified_probe_file_is_refused(monkeypatch):
    monkeypatch.setattr(probe, "CHECKSUM", "0" * 64)
    load_probes.cache_clear()
    with pytest.raises(RuntimeError, match="not the frozen file"):
        load_probes()
    load_probes.cache_clear()
