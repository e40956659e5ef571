"""Grading: who is asked what, how often, and what becomes of a grader that fails."""

import asyncio
import pickle
import threading
from collections import Counter

import pytest

from rightly.matchers.base import Link, Match
from rightly.rewards.grader import JudgeAnswer, JudgmentReward
from rightly.rewards.rule import Reference, RewardRule

REFERENCE = Reference(label="A", points=("B is wrong", "A cites"))


def answer(*reasons, verdict="A"):
    return JudgeAnswer("\n".join([*(f"- {reason}" for reason in reasons), f"[[{verdict}]]"]))


AP = RewardRule()
RIGHT = answer("B is wrong", "A is long")


class Exact:
    """Equal texts match; counts what it is asked and does as told before that."""

    name, free, smoke_only, operating_point, held_out = "exact", True, False, 0.5, None

    def __init__(self, behave=None, concurrency=4):
        self.asked: Counter = Counter()
        self.concurrency, self._behave = concurrency, behave
        self.at_once = self.most_at_once = 0

    async def match(self, reference, candidate):
        self.asked[tuple(candidate)] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self._behave is not None:
                told = await self._behave(tuple(candidate), self.asked[tuple(candidate)])
                if told is not None:
                    return told
            spots = [(i, candidate.index(text)) for i, text in enumerate(reference) if text in candidate]
            return Match(links=tuple(Link(reference=i, candidate=j, score=1.0) for i, j in spots))
        finally:
            self.at_once -= 1


def graded(reward, *answers, reference=REFERENCE, **how):
    return reward.grade_now(list(answers), [reference] * len(answers), **how)


def make(matcher=None, rule=AP, **settings):
    matcher = matcher or Exact()
    return JudgmentReward(rule, lambda: matcher, **settings), matcher


def test_a_reward_is_average_precision_times_outcome():
    reward, _ = make()
    right, wrong = graded(reward, RIGHT, answer("B is wrong", "A is long", verdict="B"))
    assert (right.reward, right.outcome) == (0.5, 1.0)
    assert (wrong.reward, wrong.outcome) == (0.0, 0.0)
    assert right.metrics is not None
    assert right.metrics.precision == 0.5


def test_grader_skips_matcher_if_outcome_decides_reward():
    reward, matcher = make()
    found = graded(reward, answer("B is wrong", verdict="B"), JudgeAnswer("no idea"), answer(verdict="A"))
    assert [each.reward for each in found] == [0.0, 0.0, 0.0]
    assert not matcher.asked
    outcome_only, matcher = make(rule=RewardRule(compose="outcome"))
    assert graded(outcome_only, RIGHT)[0].reward == 1.0
    assert not matcher.asked
    additive, matcher = make(rule=RewardRule(compose="additive"))
    assert graded(additive, answer("B is wrong", verdict="B"))[0].reward == 0.25
    assert sum(matcher.asked.values()) == 1


def test_match_all_matches_every_readable_answer():
    reward, matcher = make()
    wrong, unreadable = graded(reward, answer("B is wrong", verdict="B"), JudgeAnswer("no idea"), match_all=True)
    assert wrong.metrics is not None
    assert wrong.metrics.consistency == 0.5
    assert wrong.reward == 0.0
    assert unreadable.metrics is None
    assert sum(matcher.asked.values()) == 1


def test_equal_lists_are_matched_once_within_and_across_batches():
    reward, matcher = make()
    first = graded(reward, *[RIGHT] * 8)
    again = graded(reward, RIGHT)
    assert matcher.asked == {("B is wrong", "A is long"): 1}
    assert {each.reward for each in (*first, *again)} == {0.5}
    graded(reward, RIGHT, reference=Reference(label="A", points=("other",)))
    assert sum(matcher.asked.values()) == 2


def test_grader_respects_matcher_concurrency():
    async def slowly(_, __):
        await asyncio.sleep(0.01)

    reward, matcher = make(Exact(slowly, concurrency=3))
    found = graded(reward, *(answer(f"reason {n}") for n in range(20)))
    assert len(found) == 20
    assert matcher.most_at_once == 3


def test_hanging_match_gives_none_only_for_its_sample():
    async def hang_on_two(candidate, _):
        if "hang" in candidate:
            await asyncio.sleep(3600)

    reward, _ = make(Exact(hang_on_two), timeout=0.1)
    hung, fine = graded(reward, answer("hang"), RIGHT)
    assert hung.reward is None
    assert hung.detail == "no answer within 0.1 s"
    assert hung.transient
    assert fine.reward == 0.5


def test_match_timeout_excludes_time_in_queue():
    async def slowly(_, __):
        await asyncio.sleep(0.05)

    reward, _ = make(Exact(slowly, concurrency=1), timeout=0.4)
    found = graded(reward, *(answer(f"reason {n}", "B is wrong") for n in range(12)))
    assert None not in [each.reward for each in found]


@pytest.mark.parametrize(
    ("failure", "transient"), [("provider", True), ("unparsed", False), ("refused", False), ("truncated", False)]
)
def test_failed_match_gives_none_and_is_retried_later(failure, transient):
    async def fail_once(_, attempt):
        return Match(failure=failure, detail="said no") if attempt == 1 else None

    reward, _ = make(Exact(fail_once))
    first = graded(reward, RIGHT)[0]
    assert (first.reward, first.detail, first.transient) == (None, "said no", transient)
    assert graded(reward, RIGHT)[0].reward == 0.5


def test_failing_matcher_does_not_affect_rewards_without_match():
    async def fail(_, __):
        return Match(failure="provider", detail="down")

    reward, _ = make(Exact(fail))
    wrong = graded(reward, answer("B is wrong", verdict="B"), match_all=True)[0]
    assert (wrong.reward, wrong.metrics) == (0.0, None)


def test_programming_error_in_grader_is_raised():
    async def broken(_, __):
        raise KeyError("bug")

    reward, _ = make(Exact(broken))
    with pytest.raises(KeyError, match="bug"):
        graded(reward, RIGHT)


def test_reward_is_none_without_human_points():
    reward, matcher = make()
    found = graded(reward, RIGHT, reference=Reference(label="A"))[0]
    assert (found.reward, found.detail) == (None, "there are no human points to match")
    assert not found.transient
    assert not matcher.asked


def test_grade_refuses_different_numbers_of_answers_and_references():
    reward, _ = make()
    with pytest.raises(ValueError, match="2 answers, but 1 references"):
        reward.grade_now([RIGHT, RIGHT], [REFERENCE])


def exact():
    return Exact()


def test_grader_is_picklable_without_threads():
    reward = JudgmentReward(RewardRule(agreement="f1"), exact)
    assert graded(reward, RIGHT)[0].reward == 0.5
    again = pickle.loads(pickle.dumps(reward))
    assert again.rule == reward.rule
    assert graded(again, RIGHT)[0].reward == 0.5


def test_matcher_is_shared_across_loops_and_threads():
    reward, matcher = make()
    found = []

    def call():
        found.extend(asyncio.run(reward.grade([RIGHT], [REFERENCE])))

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.reward for each in found] == [0.5] * 6
    assert sum(matcher.asked.values()) == 1


def test_token_cost_reduces_reward():
    reward, _ = make(rule=RewardRule(compose="outcome", token_cost=0.01))
    assert graded(reward, JudgeAnswer(RIGHT.text, tokens=20))[0].reward == pytest.approx(0.8)
