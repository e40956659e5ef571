"""How many labels are wrong: the interval covers the planted number, whatever the models' calibration."""

import numpy as np
import pytest

from rightly.metrics.calibration import preference_probability
from rightly.preferences.adjust import AdjustRule, suspects
from rightly.preferences.effect import repair_effect
from rightly.preferences.evidence import LabelEvidence, majority_share
from rightly.preferences.quality import fit_noise_model, fit_people


def world(kind, rate, count, seed):
    """Strengths relative to labels of which about ``rate`` were turned round, and which those are."""
    random = np.random.default_rng(seed)
    logit = random.normal(0, 3, count)
    toward = np.where(random.random(count) < preference_probability(logit), logit, -logit)
    size = np.abs(toward) ** {"overconfident": 2.0, "underconfident": 0.5}.get(kind, 1.0)
    chance = rate * np.ones(count)
    if kind == "hard pairs":
        chance = np.minimum(2 * rate * 2 * preference_probability(-np.abs(toward) / 2), 0.5)
    wrong = random.random(count) < chance
    return np.where(wrong, -1, 1) * np.sign(toward) * size, wrong


def measured(strength, **given):
    return LabelEvidence(strength, fit_noise_model(strength)[0], **given)


@pytest.mark.parametrize("count", [30, 300])
@pytest.mark.parametrize("rate", [0.05, 0.25])
@pytest.mark.parametrize("kind", ["as told", "overconfident", "underconfident", "hard pairs"])
def test_the_interval_covers_the_number_of_wrong_labels(kind, rate, count):
    covered, suspects_covered = 0, 0
    for seed in range(20):
        strength, wrong = world(kind, rate, count, seed)
        evidence = measured(strength)
        every, suspects = evidence.wrong(np.ones(count, dtype=bool)), strength < 0
        covered += every.low <= wrong.sum() <= every.high
        found = evidence.wrong(suspects)
        suspects_covered += found.low <= wrong[suspects].sum() <= found.high
        assert every.low <= every.expected <= every.high
    assert covered >= 18
    assert suspects_covered >= 18


def test_thirty_pairs_and_no_disagreement_say_little():
    strength = np.random.default_rng(0).exponential(1, 30)
    evidence = measured(strength)
    found = evidence.wrong(np.ones(30, dtype=bool))
    assert found.low == 0
    assert found.high >= 3  # the rule of three: 0 of 30 seen leaves a tenth open
    strongest = strength >= np.sort(strength)[20]
    assert evidence.wrong(strongest).high >= 2  # 10 pairs


def test_margins_alone_never_exclude_that_the_models_are_wrong():
    strength, _ = world("as told", 0.3, 2000, 0)
    evidence = measured(strength)
    assert evidence.wrong(np.ones(2000, dtype=bool)).low == 0
    assert evidence.wrong(strength < -1).low == 0
    assert evidence.wrong(strength < -1).high == pytest.approx((strength < -1).sum())


def test_pairs_of_one_context_count_as_less():
    strength, _ = world("as told", 0.2, 40, 1)
    copies = np.repeat(strength, 10)
    every = np.ones(400, dtype=bool)
    alone = measured(copies).wrong(every)
    grouped = measured(copies, groups=np.repeat(np.arange(40), 10)).wrong(every)
    assert grouped.high > alone.high + 5


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_checked_labels_narrow_the_interval_and_it_covers(share):
    covered, widths = 0, []
    for seed in range(40):
        strength, wrong = world("overconfident", 0.2, 400, seed)
        checked = np.random.default_rng(seed).random(400) < share
        evidence = measured(strength, people=np.where(checked, 1.0 - wrong, np.nan))
        found = evidence.wrong(np.ones(400, dtype=bool))
        covered += found.low <= wrong.sum() <= found.high
        widths.append(found.high - found.low)
    assert covered >= 36
    assert np.mean(widths) < (1 if share == 1 else 60)


def test_fifty_right_labels_do_not_exclude_a_wrong_one():
    strength = np.random.default_rng(0).exponential(1, 1000)
    people = np.full(1000, np.nan)
    people[::20] = 1.0
    found = measured(strength, people=people).wrong(np.ones(1000, dtype=bool))
    assert found.low < 10
    assert 20 < found.high < 120


def test_only_the_weakest_were_checked_the_rest_may_all_be_right():
    strength, wrong = world("as told", 0.2, 1000, 3)
    weakest = strength <= np.sort(strength)[199]
    found = measured(strength, people=np.where(weakest, 1.0 - wrong, np.nan)).wrong(~weakest)
    assert found.low == 0
    assert found.high >= wrong[~weakest].sum()


def test_fewer_than_fifty_checked_labels_are_shown_but_decide_nothing():
    strength, wrong = world("as told", 0.2, 300, 0)
    people = np.where(np.arange(300) < 40, 1.0 - wrong, np.nan)
    evidence = measured(strength, people=people)
    assert not evidence.by_people
    assert evidence.people_said(np.ones(300, dtype=bool)).n == 40


@pytest.mark.parametrize(
    ("votes_for", "votes", "share"), [(3, 5, 1), (1.5, 3, 0.5), (2, 5, 0), (2, 2, None), (0, 0, None)]
)
def test_the_majority_of_three_or_more_voters_decides(votes_for, votes, share):
    assert majority_share(votes_for, votes) == share


def test_labels_that_the_models_contradict_are_counted_from_a_sample_of_checks():
    covered, many = 0, 0
    for seed in range(60):
        strength, wrong = world("hard pairs", 0.15, 400, seed)
        people = np.where(np.random.default_rng(seed).random(400) < 0.25, 1.0 - wrong, np.nan)
        q = fit_people(strength, people)[0]
        suspected = q < 0.5
        found = LabelEvidence(strength, q, people=people).wrong(suspected)
        many += found.n > 0
        covered += found.n > 0 and found.low <= wrong[suspected].sum() <= found.high
    assert covered >= 0.9 * many > 30


def test_a_flip_is_harmless_only_where_people_say_so():
    strength, wrong = world("as told", 0.3, 1000, 0)
    q = fit_noise_model(strength)[0]
    flipped, none = suspects(strength, q, AdjustRule()), np.zeros(1000, dtype=bool)
    blind = repair_effect(LabelEvidence(strength, q), flipped, none)
    assert blind.flips_may_harm
    assert blind.change_low <= flipped.sum() - 2 * wrong[flipped].sum() <= blind.change_high
    seen = repair_effect(LabelEvidence(strength, q, people=1.0 - wrong), flipped, none)
    assert not seen.flips_may_harm
    assert seen.change == pytest.approx(flipped.sum() - 2 * wrong[flipped].sum(), abs=1)
    dropped = repair_effect(LabelEvidence(strength, q), none, flipped)
    assert dropped.change_high == 0
    assert not dropped.flips_may_harm
    assert "are expected to be wrong" in dropped.sentence
