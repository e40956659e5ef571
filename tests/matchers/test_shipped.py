"""The shipped weights: they fit the installed base, and what they say of some probes."""

import asyncio

import pytest

from rightly.matchers.base import graded
from rightly.matchers.cross_encoder import read_card
from rightly.matchers.trained import SHIPPED, LocalMatcher, matcher_folder
from rightly.matchers.validation.probes import NEAR_MISSES, load_probes
from rightly.matchers.weight_changes import FILE

SHARE = 5
"""One in this many open points is asked."""


def scores(matcher, probes):
    async def ask():
        return await asyncio.gather(*(graded(matcher, [probe.human], [probe.judge]) for probe in probes))

    return [match.links[0].score if match.links else 0.0 for match in asyncio.run(ask())]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_small_and_say_what_they_were_trained_on(name):
    folder = matcher_folder(name)
    assert (folder / FILE).stat().st_size < 4_000_000
    card = read_card(folder)
    assert {source.partition(":")[0] for source in card.sources} >= {"snli", "perspectrum", "written", "comve", "votes"}
    assert "summhay: news" in card.held_out
    listed = (folder.parent / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for data in (
        "SNLI",
        "ConjNLI",
        "Breaking NLI",
        "MED",
        "Perspectrum",
        "ArgKP",
        "ComVE",
        "UKPConvArg1",
        "CC-BY-SA-4.0",
    ):
        assert data in listed


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_accept_the_same_text_and_reject_near_misses(name):
    matcher = LocalMatcher(name)
    probes = [p for p in load_probes("open") if int(p.id.partition("-")[0]) % SHARE == 0]
    found = list(zip(probes, scores(matcher, probes), strict=True))

    def accepted(*categories):
        own = [score >= matcher.operating_point for probe, score in found if probe.category in categories]
        assert len(own) >= 3
        return sum(own) / len(own)

    assert accepted("identical") == 1
    assert accepted(*NEAR_MISSES) <= 0.1
    light = [s for p, s in found if p.category == "paraphrase" and p.wording == "light"]
    assert sum(s >= matcher.operating_point for s in light) / len(light) >= 0.5
