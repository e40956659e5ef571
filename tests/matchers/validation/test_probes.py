"""The written probes, and matchers whose figures on them are known."""

import asyncio
from statistics import fmean

import pytest

from rightly.matchers.base import Link, Match
from rightly.matchers.lexical import content_words, overlap
from rightly.matchers.validation import probes as probe
from rightly.matchers.validation.probes import NEAR_MISSES, SAME, check_probes, load_probes


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


def test_probes_have_nine_categories_of_164_points_in_two_halves():
    probes = load_probes()
    points = {half: {each.human for each in load_probes(half)} for half in ("open", "held")}
    assert {half: len(humans) for half, humans in points.items()} == {"open": 104, "held": 60}
    assert not points["open"] & points["held"]
    by_category = {name: {p.human for p in probes if p.category == name} for name in (*SAME, *NEAR_MISSES)}
    counts = dict.fromkeys((*SAME, *NEAR_MISSES), 164) | {"edit": 120, "swap": 137}
    assert {name: len(humans) for name, humans in by_category.items()} == counts
    assert {each.category for each in probes} == {*SAME, *NEAR_MISSES}
    assert all(each.same == (each.category in SAME) for each in probes)
    assert all((each.human == each.judge) == (each.category == "identical") for each in probes)


def test_light_wording_shares_more_words_than_heavy_wording():
    for category in ("paraphrase", "polarity", "number"):
        shares = {
            wording: fmean(
                overlap(content_words(each.human), content_words(each.judge))
                for each in load_probes()
                if (each.category, each.wording) == (category, wording)
            )
            for wording in ("light", "heavy")
        }
        assert shares["light"] > shares["heavy"] + 0.3


def test_probe_check_of_perfect_and_of_constant_matcher():
    truth = {(each.human, each.judge): each.same for each in load_probes()}
    knows = check(lambda human, judge: 1.0 if truth[human, judge] else 0.25)
    assert knows.auc.value == 1.0
    assert {name: share.value for name, share in knows.accepted.items()} == {
        name: float(name in SAME) for name in knows.accepted
    }
    blind = check(lambda human, judge: 1.0)
    assert blind.auc.value == 0.5
    assert {share.value for share in blind.accepted.values()} == {1.0}


def test_shares_by_wording_are_apart():
    worded = {(each.human, each.judge): each.wording for each in load_probes()}
    found = check(lambda human, judge: float(worded[human, judge] == "light"))
    assert {name: share.value for name, share in found.by_wording.items()} == {
        f"{category}, {wording}": float(wording == "light")
        for category in ("paraphrase", "polarity", "number", "general")
        for wording in ("light", "heavy")
    }


def test_auc_leaves_identical_and_edited_points_out():
    kinds = {(each.human, each.judge): each.category for each in load_probes()}
    easy = check(lambda human, judge: float(kinds[human, judge] in ("identical", "edit")))
    assert easy.auc.value == 0.5


def test_probe_threshold_is_inclusive_and_failures_are_excluded():
    found = check(lambda human, judge: None if "17" in human else 0.75, half="open")
    at = check(lambda human, judge: 0.75, half="held")
    below = check(lambda human, judge: 0.74, half="held")
    assert (at.accepted["swap"].value, below.accepted["swap"].value) == (1.0, 0.0)
    assert found.n + found.n_failed == len(load_probes("open"))
    assert found.n_failed == sum("17" in each.human for each in load_probes("open")) > 0
    assert at.n == len(load_probes("held"))


def test_modified_probe_file_is_refused(monkeypatch):
    monkeypatch.setattr(probe, "CHECKSUM", "0" * 64)
    load_probes.cache_clear()
    with pytest.raises(RuntimeError, match="not the frozen file"):
        load_probes()
    load_probes.cache_clear()
