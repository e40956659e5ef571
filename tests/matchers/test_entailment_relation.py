"""A trained matcher asked for entailment in both directions, with logits that the test decides."""

import asyncio

import numpy as np
import pytest

from rightly.errors import InputError
from rightly.matchers import trained
from rightly.matchers.bases import N_LOGITS
from rightly.matchers.cross_encoder import Calibration, MatcherCard, mutual_entailment
from rightly.matchers.trained import ENTAILED, LocalMatcher

LOGITS = {
    ("dog", "poodle"): (4.0, 0.0, 0.0, -9.0, 2.0),
    ("poodle", "dog"): (0.0, 4.0, 0.0, -9.0, -9.0),
    ("dog", "hound"): (2.0, 0.0, 0.0, 3.0, -9.0),
    ("hound", "dog"): (1.0, 0.0, 0.0, 3.0, -9.0),
}
"""Logits by point and reason: a poodle is a dog, and not the reverse."""


class Encoder:
    def logits(self, pairs):
        return np.array([LOGITS.get(pair, (0.0,) * N_LOGITS) for pair in pairs])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    one = Calibration(weights=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0), operating_point=0.7)
    covers = Calibration(weights=(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0), operating_point=0.6)
    MatcherCard(base="base", made_from="base's", same=one, covers=covers).save(tmp_path)
    monkeypatch.setattr(trained, "model_fingerprint", lambda path: f"{path}'s")
    monkeypatch.setattr(trained.CrossEncoder, "load", lambda path: Encoder())
    return tmp_path


def score(folder, point, reason, relation):
    links = asyncio.run(LocalMatcher(folder, relation).graded([point], [reason])).links
    return links[0].score if links else 0.0


def share(first, others):
    return np.exp(first) / (np.exp(first) + others)


def test_entailment_is_the_smaller_of_both_directions(folder):
    # A poodle entails a dog; a dog does not entail a poodle: softmax of (0, 4, 0) is 1 / (2 + e^4) = .018, below the floor.
    assert score(folder, "dog", "poodle", "entails") == 0.0
    assert score(folder, "dog", "hound", "entails") == pytest.approx(share(1.0, 2), abs=1e-3)
    assert score(folder, "hound", "dog", "entails") == pytest.approx(share(1.0, 2), abs=1e-3)


def test_mutual_entailment_of_rows_computed_by_hand():
    forward = np.array([[4.0, 0, 0, 0, 0], [2.0, 0, 0, 0, 0], [900.0, 0, 0, 0, 0]])
    backward = np.array([[0.0, 4, 0, 0, 0], [1.0, 0, 0, 0, 0], [900.0, 0, 0, 0, 0]])
    expected = [1 / (2 + np.exp(4)), share(1.0, 2), 1.0]
    assert mutual_entailment(forward, backward) == pytest.approx(expected)


def test_entailment_has_no_rules_and_its_own_operating_point_and_identity(folder):
    entails, same = LocalMatcher(folder, "entails"), LocalMatcher(folder)
    assert (entails.operating_point, same.operating_point) == (ENTAILED, 0.7)
    assert entails.name == f"local:{folder}?relation=entails"
    assert len({LocalMatcher(folder, each).fingerprint for each in ("same", "covers", "entails")}) == 3
    # Without a known pair all logits are 0: one third each, whatever numbers the texts state.
    assert score(folder, "3 dogs", "4 cats", "entails") == pytest.approx(1 / 3, abs=1e-3)
    assert score(folder, "3 dogs", "4 cats", "same") == pytest.approx(0.5 * 0.2, abs=1e-3)
    with pytest.raises(InputError, match="relation=neutral is unknown; use one of same, covers, entails"):
        LocalMatcher(folder, "neutral")
