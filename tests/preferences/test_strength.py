from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.errors import InputError
from rightly.preferences.adjust import PRESETS, AdjustRule, Suspects, adjust, suspects
from rightly.preferences.evidence import LabelEvidence
from rightly.preferences.pair_classes import CLASSES, ClassRule, classify, diagnose
from rightly.preferences.quality import LabelQuality
from rightly.preferences.strength import agreement_with_whole, assign_folds, preference_strength


def test_mean_and_population_spread_as_in_the_paper():
    found = preference_strength([[1.0, -2.0], [3.0, 2.0]], normalise=False)
    assert found.mean.tolist() == [2.0, 0.0]
    assert found.std.tolist() == [1.0, 2.0]
    assert found.count.tolist() == [2, 2]


def test_no_model_outvotes_another_by_its_scale():
    margins = np.array([[1.0, -1.0, 2.0], [100.0, 100.0, -200.0]])
    found = preference_strength(margins)
    assert found.mean.tolist() == [1.0, 0.0, 0.0]


def test_models_that_did_not_score_a_pair_are_left_out():
    found = preference_strength([[1.0, np.nan], [3.0, 4.0]], normalise=False)
    assert found.mean.tolist() == [2.0, 4.0]
    assert found.std.tolist() == [1.0, 0.0]
    assert found.count.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("margins", "said"),
    [
        ([[1.0, np.nan]], "pair 1 has no score"),
        ([[1.0, np.inf]], "model 0 gives pair 1 an infinite score"),
        ([[1.0, 2.0], [0.0, 0.0]], "model 1 gives half of the pairs a difference of 0"),
    ],
)
def test_unusable_scores(margins, said):
    with pytest.raises(InputError, match=said):
        preference_strength(margins)


@given(st.lists(st.integers(0, 12), min_size=30, max_size=80), st.integers(0, 5))
def test_folds_never_part_a_group_and_are_even(groups, seed):
    folds = min(3, len(set(groups)))
    if folds < 2:
        return
    found = assign_folds(groups, folds, seed)
    assert all(len({f for f, g in zip(found, groups, strict=True) if g == key}) == 1 for key in set(groups))
    sizes = np.bincount(found, minlength=folds)
    largest = max(np.bincount(groups))
    assert sizes.max() - sizes.min() <= largest
    assert (sizes > 0).all()


def test_fewer_groups_than_folds():
    with pytest.raises(InputError, match="2 groups cannot be dealt to 3 folds"):
        assign_folds(["a", "b", "a"], 3)


def test_small_ensembles_against_the_whole():
    margins = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 0.0]])
    assert agreement_with_whole(margins).tolist() == pytest.approx([-np.sqrt(3) / 2, 1.0])


S = np.array([-3.0, -1.0, -0.2, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0])
Q = np.array([0.05, 0.2, 0.45, 0.55, 0.6, 0.75, 0.8, 0.9, 0.97, 0.999])


def test_presets():
    def terms(preset, **values):
        return adjust(S, Q, AdjustRule(preset=preset, **values))

    assert set(PRESETS) >= {"baseline", "flip", "smooth", "margin", "flip+margin", "smooth+margin", "drop", "auto"}
    plain = terms("baseline")
    assert (plain.target == 1).all()
    assert (plain.margin == 0).all()
    assert plain.keep.all()
    assert terms("flip").target.tolist() == [0, 0, 0, *[1] * 7]
    assert terms("flip", suspects="quantile").target.tolist() == [0, 0, *[1] * 8]
    assert terms("smooth", suspects="sign").target.tolist() == [0.6] * 3 + [1.0] * 7
    assert terms("margin").margin.tolist() == [-1, -0.5, -0.1, 0.05, 0.25, 0.5, 0.75, 1, 1, 1]
    both = terms("flip+margin", suspects="probability")
    assert both.target.tolist() == [0, 0, 0, *[1] * 7]
    assert both.margin[:3].tolist() == [1, 0.5, 0.1]
    assert terms("drop", suspects="quantile").keep.tolist() == [False, False, *[True] * 8]
    auto = terms("auto")
    assert auto.target.tolist() == pytest.approx([0.05, 0.2, 0.45, 0.55, 0.6, 0.75, 0.8, 0.9, 0.95, 0.95])
    assert (auto.margin >= 0).all()
    weighed = terms("weight")
    assert weighed.weight == pytest.approx([0, 0, 0, 0.1, 0.2, 0.5, 0.6, 0.8, 0.94, 0.998])
    assert (weighed.target == 1).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_pair_without_a_difference_stays_as_it_is(preset):
    for kind in get_args(Suspects):
        rule = AdjustRule(preset=preset, suspects=kind)
        whole = adjust(np.append(S, 0.0), np.append(Q, np.nan), rule)
        assert (whole.target[-1], whole.margin[-1], whole.weight[-1], whole.keep[-1]) == (1, 0, 1, True)
        alone = adjust(S, Q, rule)
        assert whole.target[:-1].tolist() == alone.target.tolist()
        assert whole.keep[:-1].tolist() == alone.keep.tolist()


def test_equal_strengths_are_not_parted():
    strength = np.array([0.0, 0.0, 0.0, 1.0, 2.0])
    assert not suspects(strength, strength, AdjustRule(suspects="quantile", share=0.4)).any()
    assert suspects(strength, strength, AdjustRule(suspects="quantile", share=0.6)).tolist() == [True] * 3 + [False] * 2


def test_classes_by_each_rule():
    std = np.append(np.full(10, 0.3), 0)
    strength, probability = np.append(S, 0.0), np.append(Q, np.nan)
    by = {
        kind: classify(strength, std, probability, ClassRule.of(AdjustRule(suspects=kind))).tolist()
        for kind in get_args(Suspects)
    }
    assert by["probability"] == [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4]
    assert by["sign"] == [0, 0, 0, 1, 2, 2, 2, 2, 2, 3, 4]
    assert by["quantile"] == [0, 0, 1, 1, 2, 2, 2, 2, 2, 3, 4]


@pytest.mark.parametrize("kind", get_args(Suspects))
def test_class_and_repair_suspect_the_same_labels(kind):
    rule = AdjustRule(suspects=kind, preset="drop")
    suspected = classify(S, np.full(10, 0.3), Q, ClassRule.of(rule)) == 0
    assert suspected.tolist() == (~adjust(S, Q, rule).keep).tolist()


def test_diagnosis_counts_and_says_its_rules():
    quality = LabelQuality(basis="noise model", noise_rate=0.2)
    people = np.where(S < 0, 0.0, 1.0)
    people[3] = np.nan
    evidence = LabelEvidence(S, Q, people=people)
    found = diagnose(evidence, np.zeros(10), quality, ClassRule(), no_difference=2, length_gap=S, first=[1, 0] * 5)
    assert found.counts == {"suspect": 3, "ambiguous": 2, "clear": 4, "easy": 1, "no difference": 2}
    assert (found.n, found.wrong.n, found.no_difference) == (12, 10, 2)
    assert found.negative == 0.3
    assert found.suspects.n == 3
    assert found.suspects.expected == pytest.approx((1 - Q[:3]).sum())
    assert found.quality.noise_rate == pytest.approx(1 - Q.mean())
    assert found.quality.noise_low == 0
    assert len(found.deciles) == 1
    assert found.deciles[0].people.n == 9
    assert found.deciles[0].people.right == pytest.approx(6 / 9)
    assert found.artefacts.longer_wins == 0.7
    assert found.artefacts.longer_wins_suspected == 0.0
    assert found.artefacts.length_strength == pytest.approx(1.0)
    assert found.artefacts.first_wins == 0.5
    assert found.votes_correlation > 0.7
    assert set(found.rule.sentences) == set(CLASSES)
