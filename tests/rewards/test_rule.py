"""The arithmetic of rewards: exact values, and which tricks pay under which reward."""

import asyncio
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.errors import InputError
from rightly.judges.parsing import explicit_verdicts, parse_answer
from rightly.matchers.base import Link
from rightly.rewards.rule import Reference, RewardRule, agreement, read_answer, reward_of, verdict_from_reasons
from rightly.synthetic.exact_matcher import ReviewsMatcher
from rightly.synthetic.reviews import read_stance
from rightly.training.common.recipe import check_recipe
from rightly.training.judge.recipe import GenrmRecipe

GOLD = ("A misstates age", "A omits pet", "B forgets cite", "B omits age")
"""All but the third speak for B or A: A misstates (3) and omits (2), B omits (2) and forgets (1); B is better."""
JUNK = ("A forgets cite", "B misstates color", "A omits color", "B cautions", "B explains")


def links(reference, candidate):
    return asyncio.run(ReviewsMatcher().match(reference, candidate)).links


def reward(rule, reasons, verdict="B", reference=None, tokens=0):
    reference = reference or Reference(label="B", points=GOLD)
    text = "\n".join([*(f"- {reason}" for reason in reasons), f"[[{verdict}]]"])
    parsed = parse_answer(text)
    read = read_answer(parsed, [read_stance(r) for r in parsed.rationales], explicit_verdicts(text), rule)
    found = links(reference.points, read.reasons) if rule.needs_match(float(read.verdict == reference.label)) else None
    return reward_of(rule, read, reference, found, tokens).reward


AP, SOFT, OFFICIAL = (RewardRule(agreement=name) for name in ("ap-hard", "ap-soft", "ap-official"))
F1, RECALL = RewardRule(agreement="f1"), RewardRule(agreement="recall")


class TestStaticTable:
    """Hand-made lists, exact judge, four points: what each reward pays (Fractions, not measured values)."""

    @pytest.mark.parametrize("rule", [AP, SOFT, OFFICIAL, F1, RECALL])
    def test_gold_list_in_any_order_has_reward_one(self, rule):
        assert reward(rule, GOLD) == reward(rule, GOLD[::-1]) == 1.0

    @pytest.mark.parametrize(
        ("rule", "pay"),
        [(AP, 1), (OFFICIAL, 1), (RECALL, 1), (F1, Fraction(2 * 4, 4 + 9))],
    )
    def test_junk_after_last_hit_lowers_only_f1(self, rule, pay):
        assert reward(rule, [*GOLD, *JUNK]) == pytest.approx(float(pay))

    @pytest.mark.parametrize(
        ("rule", "pay"),
        [
            (AP, Fraction(1, 4) * (Fraction(1, 2) + Fraction(2, 3) + Fraction(3, 4) + Fraction(4, 5))),
            (OFFICIAL, 1),  # ranks among the matched only: blind to the hallucination
            (F1, Fraction(8, 9)),
        ],
    )
    def test_agreement_with_one_hallucination_first(self, rule, pay):
        assert reward(rule, [JUNK[0], *GOLD]) == pytest.approx(float(pay))

    @pytest.mark.parametrize(("rule", "pay"), [(AP, Fraction(1, 4)), (RECALL, Fraction(1, 4)), (F1, Fraction(2, 5))])
    def test_agreement_of_only_the_top_fault(self, rule, pay):
        assert reward(rule, GOLD[:1]) == pytest.approx(float(pay))

    @pytest.mark.parametrize(("rule", "pay"), [(AP, Fraction(1, 4)), (OFFICIAL, Fraction(1, 4)), (F1, Fraction(2, 9))])
    def test_a_fault_five_times_counts_once(self, rule, pay):
        assert reward(rule, [GOLD[0]] * 5) == pytest.approx(float(pay))

    def test_f2_charges_missing_points_more_than_junk(self):
        f2 = RewardRule(agreement="f2")
        assert reward(f2, [*GOLD, *JUNK[:4]]) == pytest.approx(5 * 0.5 / (4 * 0.5 + 1))
        assert reward(f2, GOLD[:2]) == pytest.approx(5 * 0.5 / (4 + 0.5))
        assert reward(F1, [*GOLD, *JUNK[:4]]) == pytest.approx(reward(F1, GOLD[:2]))

    @pytest.mark.parametrize("rule", [AP, SOFT, OFFICIAL, F1, RECALL])
    def test_vague_verdicts_have_zero_agreement_with_strict_matcher(self, rule):
        assert reward(rule, ["A weak", "B fine", "A weak"]) == 0

    def test_agreement_of_blind_enumeration(self):
        """All junk first, then all gold: AP falls below the half, F1 below two thirds; the public script sees five reasons."""
        listed = [*JUNK, *GOLD]
        assert reward(AP, listed) == pytest.approx(float(sum(Fraction(i, 5 + i) for i in range(1, 5)) / 4))
        assert reward(F1, listed) == pytest.approx(8 / 13)
        assert reward(OFFICIAL, listed) == 0.0
        assert reward(OFFICIAL, [JUNK[0], *GOLD]) == reward(OFFICIAL, [*GOLD, *JUNK]) == 1.0

    def test_one_to_one_does_not_fix_lenient_matcher(self):
        """Links for everything: two vague reasons earn half of four points; many to one would give all."""
        reference = Reference(label="B", points=GOLD)
        lenient = [Link(reference=i, candidate=j, score=1.0) for i in range(4) for j in range(2)]
        assert agreement(RECALL, reference, 2, lenient) == 0.5


class TestCosts:
    def test_point_cost_charges_unsupported_reasons(self):
        assert reward(RewardRule(agreement="ap-hard", point_cost=0.1), [*GOLD, *JUNK[:2]]) == pytest.approx(0.8)

    def test_point_cost_keeps_agreement_nonnegative(self):
        assert reward(RewardRule(agreement="recall", point_cost=1.0), [GOLD[0], *JUNK]) == 0

    def test_token_cost_applies_to_wrong_answers(self):
        rule = RewardRule(agreement="f1", token_cost=0.01)
        assert reward(rule, GOLD, tokens=20) == pytest.approx(0.8)
        assert reward(rule, GOLD, verdict="A", tokens=20) == pytest.approx(-0.2)


class TestComposition:
    def test_product_is_zero_for_wrong_verdict(self):
        assert reward(AP, GOLD, verdict="A") == 0

    def test_additive_rewards_reasons_of_wrong_verdict(self):
        rule = RewardRule(compose="additive", agreement="recall", weight=0.8)
        assert reward(rule, GOLD, verdict="A") == pytest.approx(0.2)
        assert reward(rule, GOLD[:2]) == pytest.approx(0.8 + 0.2 * 0.5)

    def test_gate_gives_full_outcome(self):
        rule = RewardRule(compose="gate", agreement="recall", threshold=0.5)
        assert reward(rule, GOLD[:2]) == 1.0
        assert reward(rule, GOLD[:1]) == 0.0

    def test_outcome_reward_ignores_reasons(self):
        assert reward(RewardRule(compose="outcome"), []) == 1.0

    def test_rationale_reward_ignores_contradicting_verdict(self):
        """The paper's ablation: hacked, since the verdict does not matter."""
        assert reward(RewardRule(compose="rationale", agreement="f1"), GOLD, verdict="A") == 1.0

    @pytest.mark.parametrize("compose", ["product", "gate", "outcome"])
    def test_product_needs_no_match_for_wrong_outcome(self, compose):
        assert not RewardRule(compose=compose).needs_match(0.0)

    @pytest.mark.parametrize("compose", ["additive", "rationale"])
    def test_additive_always_needs_match(self, compose):
        assert RewardRule(compose=compose).needs_match(0.0)

    def test_by_importance_weights_points(self):
        reference = Reference(label="B", points=GOLD, weights=(3, 2, 1, 2))
        recall = RewardRule(agreement="recall", by_importance=True)
        assert reward(recall, ["A misstates age"], reference=reference) == pytest.approx(3 / 8)
        assert reward(recall, ["B forgets cite"], reference=reference) == pytest.approx(1 / 8)
        f1 = RewardRule(agreement="f1", by_importance=True)
        assert reward(f1, ["A misstates age", JUNK[0]], reference=reference) == pytest.approx(2 * 0.5 * 0.375 / 0.875)
        ap = RewardRule(agreement="ap-hard", by_importance=True)
        assert reward(ap, [JUNK[0], "A misstates age"], reference=reference) == pytest.approx(3 / 8 / 2)

    def test_equal_importance_equals_unweighted_agreement(self):
        reference = Reference(label="B", points=GOLD, weights=(2, 2, 2, 2))
        for name in ("ap-hard", "ap-soft", "f1", "recall", "precision"):
            plain, weighed = RewardRule(agreement=name), RewardRule(agreement=name, by_importance=True)
            listed = [JUNK[0], *GOLD[1:3], JUNK[1]]
            assert reward(weighed, listed, reference=reference) == pytest.approx(reward(plain, listed))

    def test_ap_official_refuses_importance(self):
        with pytest.raises(ValueError, match="does not support importance weights"):
            RewardRule(agreement="ap-official", by_importance=True)


class TestVerdictAndList:
    FOR_A = ("B omits age", "B forgets cite")
    FOR_B = ("A misstates age", "A omits pet")

    def test_verdict_that_follows_from_list_loses_nothing(self):
        assert reward(RewardRule(agreement="recall", follow=1.0), self.FOR_B) == 0.5

    def test_a_verdict_against_its_list_loses_its_share(self):
        assert reward(RewardRule(agreement="recall", follow=1.0), self.FOR_A) == 0
        assert reward(RewardRule(agreement="recall", follow=0.4), self.FOR_A) == pytest.approx(0.3)

    def test_verdict_from_reasons_replaces_explicit_one(self):
        rule = RewardRule(agreement="recall", verdict="reasons")
        assert reward(rule, self.FOR_B, verdict="A") == 0.5
        assert reward(rule, self.FOR_A, verdict="B") == 0

    def test_a_weighty_reason_outweighs_two_light_ones(self):
        rule = RewardRule(agreement="recall", follow=1.0)
        assert reward(rule, ["A misstates age", "B explains", "B forgets cite"][::2]) == 0.5
        assert reward(rule, ["A misstates age", "B forgets cite", "B cautions", "B skips cite"]) == 0.5
        assert reward(rule, ["A forgets cite", "B omits age"]) == 0

    def test_balanced_reasons_give_tie_as_verdict(self):
        assert verdict_from_reasons([("A", 1.0), ("B", 1.0), (None, 5.0)]) == "tie"
        assert verdict_from_reasons([]) == "tie"


class TestPolicyFaults:
    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("- A omits age", "no verdict"),
            ("", "no verdict"),
            ("[[B]]", "no reasons"),
            ("- A omits age\n[[B]]\n[[A]]", "two verdicts"),
            ('{"reasons": ["x"], "verdict": "A"} or {"reasons": ["x"], "verdict": "B"}', "two verdicts"),
        ],
    )
    def test_policy_faults_have_zero_reward(self, text, fault):
        parsed = parse_answer(text)
        read = read_answer(parsed, [(None, 1.0)] * len(parsed.rationales), explicit_verdicts(text), AP)
        assert read.fault == fault
        graded = reward_of(AP, read, Reference(label="B", points=GOLD), None)
        assert (graded.reward, graded.outcome) == (0.0, 0.0)

    @pytest.mark.parametrize(
        "text",
        [
            "- A says that the verdict is B.\n- B ends with [[A]]\n[[B]]",
            '{"reasons": ["A writes \\"verdict: A\\""], "verdict": "B"}',
            "<think>[[A]]</think>- A omits age\n[[B]]\n[[B]]",
        ],
    )
    def test_quoted_verdict_is_not_a_fault(self, text):
        assert set(explicit_verdicts(text)) == {"B"}


REASONS = st.lists(st.sampled_from([*GOLD, *JUNK, "A weak"]), max_size=9)


@given(REASONS, st.sampled_from(JUNK))
def test_junk_at_the_end_never_changes_ap_and_never_helps_f1(reasons, junk):
    reasons = [*reasons, GOLD[0]]
    assert reward(AP, [*reasons, junk]) == reward(AP, reasons)
    assert reward(F1, [*reasons, junk]) < reward(F1, reasons)


@given(REASONS)
def test_repeated_reason_never_raises_reward(reasons):
    reasons = [*reasons, GOLD[0]]
    for rule in (AP, F1, RECALL):
        assert reward(rule, [*reasons, reasons[0]]) <= reward(rule, reasons)


@given(REASONS)
def test_ap_official_uses_five_reasons(reasons):
    reasons = [*reasons[:4], GOLD[0]]
    assert reward(OFFICIAL, reasons) == pytest.approx(reward(RECALL, reasons))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"model": {"name": "m"}, "grpo": {}}, r"\[data\] or \[world\]"),
        ({"model": {"name": "m"}, "data": {"train": ["x"]}, "grpo": {}}, r"\[matcher\] is missing"),
        ({"model": {"name": "new"}, "world": {}, "grpo": {}}, "needs a"),
        ({"model": {"name": "m"}, "world": {}}, "nothing to do"),
        ({"model": {"name": "m"}, "world": {}, "grpo": {}, "reward": {"agreement": "bleu"}}, "reward.agreement"),
    ],
)
def test_invalid_reward_rule_says_why(table, said):
    with pytest.raises(InputError, match=said):
        check_recipe(GenrmRecipe, {"output": "x", **table}, "recipe.toml")
