"""A trained matcher in matcher-check: what it learned from is marked, and left out where it would be the same rows."""

import numpy as np
import pytest

from rightly.errors import InputError
from rightly.jobs.matcher_check import MatcherCheckConfig, run
from rightly.matchers import trained
from rightly.matchers.bases import N_LOGITS
from rightly.matchers.cross_encoder import MatcherCard
from rightly.matchers.trained import LocalMatcher
from rightly.matchers.validation.summhay import load_summhay
from tests.matchers.validation.scripted import Scripted

HELD = ("summhay: news", "votes: tv-is-better-than-books")


class Blind:
    """All logits are 0."""

    def logits(self, pairs):
        return np.zeros((len(pairs), N_LOGITS))


def matcher(folder, monkeypatch, held=HELD):
    sources = {"comve: confusing reason": 9, "snli: entailment": 9}
    MatcherCard(base="base", made_from="base's", sources=sources, held_out=held).save(folder)
    monkeypatch.setattr(trained, "model_fingerprint", lambda path: f"{path}'s")
    monkeypatch.setattr(trained.CrossEncoder, "load", lambda path: Blind())
    return LocalMatcher(folder)


def test_a_trained_matcher_is_checked_on_what_it_did_not_see_and_marked(tmp_path, monkeypatch):
    own = matcher(tmp_path, monkeypatch)
    found = run(MatcherCheckConfig(matchers=(own,), cache=tmp_path / "answers.db"))
    (trust,), (wide,) = found.matchers, found.wide
    n_points = sum(len(case.points) for case in load_summhay() if case.topic == "news")
    assert (trust.reliability.n_points, trust.voters.n_pairs, trust.probes.half) == (n_points, 40, "held")
    assert {check.data: check.trained_on for check in wide.orders} == {
        "ComVE": True,
        "WinoWhy": False,
        "Perspectrum": False,
    }
    assert [check.trained_on for check in wide.atoms] == [False]
    assert wide.orders[1].above["invalid"].value == pytest.approx(0.5, abs=0.05)


def test_a_matcher_without_anything_held_out_is_an_error(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="was trained on all of SummHay"):
        run(MatcherCheckConfig(matchers=(matcher(tmp_path, monkeypatch, held=()),), cache=tmp_path / "answers.db"))


def test_another_file_than_metacritiques_is_named(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('[{"index": 1}]')
    own = Scripted(lambda *_: 0.0)
    config = MatcherCheckConfig(matchers=(own,), metacritique=path, cache=tmp_path / "answers.db")
    with pytest.raises(InputError, match=r"other\.json: is not MetaCritique's annotation"):
        run(config)
    assert own.shown == []
