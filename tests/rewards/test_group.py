"""A pairwise judge behind TRL's groups."""

import asyncio
import pickle

import pytest

from rightly.judges.base import JudgeIdentity
from rightly.rewards.group import GroupReward
from rightly.types import Judgment


class LongerJudge:
    """The longer is better; counts what it is asked, fails on request."""

    name, concurrency = "longer", 4
    identity = JudgeIdentity(name="longer", fingerprint="longer")

    def __init__(self, first_wins=False):
        self.asked, self._first_wins = [], first_wins

    def orders(self, pair):
        return ("AB", "BA")

    async def judge(self, pair, order):
        self.asked.append((pair.responses, order))
        said = {"pair_id": pair.id, "pair_key": pair.content_key, "judge": self.name, "made_by": "j", "order": order}
        if any("unreadable" in text for text in pair.responses):
            return Judgment(**said, failure="refused")
        if self._first_wins:
            return Judgment(**said, verdict="A" if order == "AB" else "B")
        a, b = map(len, pair.responses)
        return Judgment(**said, verdict="A" if a > b else "B" if b > a else "tie")


def rewards(completions, prompts=None, judge=None, scheme="round-robin", **how):
    judge = judge or LongerJudge()
    columns = {name: how.pop(name) for name in ("reference", "log_metric") if name in how}
    function = GroupReward(lambda: judge, scheme, **how)
    prompts = prompts or ["p"] * len(completions)
    return asyncio.run(function(prompts, completions, completion_ids=[], **columns)), judge


def test_group_reward_is_share_of_wins():
    found, judge = rewards(["aaa", "a", "aa"])
    assert found == [1.0, 0.0, 0.5]
    assert len(judge.asked) == 6  # three pairs, both orders


def test_groups_do_not_affect_each_other():
    found, _ = rewards(["aaa", "a", "b", "bbb"], prompts=["p", "p", "q", "q"])
    assert found == [1.0, 0.0, 0.0, 1.0]


def test_equal_responses_count_as_one_player():
    found, judge = rewards(["aa", "a", "aa", "a"])
    assert found == [1.0, 0.0, 1.0, 0.0]
    assert len(judge.asked) == 2
    found, judge = rewards(["aa"] * 4)
    assert found == [0.5] * 4
    assert not judge.asked


def test_both_orders_cancel_position_bias_in_group_reward():
    found, _ = rewards(["a", "b", "c"], judge=LongerJudge(first_wins=True))
    assert found == [0.5] * 3
    found, judge = rewards(["a", "b", "c"], judge=LongerJudge(first_wins=True), both_orders=False)
    assert found == [1.0, 0.5, 0.0]
    assert len(judge.asked) == 3


def test_unjudged_response_gets_none_and_is_logged():
    logged = {}
    found, _ = rewards(["aaa", "a", "unreadable"], log_metric=logged.__setitem__)
    assert found == [1.0, 0.0, None]
    assert logged == {"comparisons": 3.0, "failed_comparisons": pytest.approx(2 / 3)}


def test_group_reward_reads_anchor_column():
    found, judge = rewards(["aaa", "a", "aa", "aaaa"], scheme="anchor", reference=["bb"] * 4)
    assert found == [1.0, 0.0, 0.5, 1.0]
    assert len(judge.asked) == 8
    found, _ = rewards(["bb", "a"], scheme="anchor", reference=["bb"] * 2)
    assert found == [0.5, 0.0]
    with pytest.raises(ValueError, match="no column 'reference'"):
        rewards(["a", "b"], scheme="anchor")


def test_group_reward_accepts_messages():
    prompt = [{"role": "user", "content": "q"}]
    spoken = [[{"role": "assistant", "content": text}] for text in ("aa", "a")]
    assert rewards(spoken, prompts=[prompt, prompt])[0] == [1.0, 0.0]


def make_judge():
    return LongerJudge()


def test_group_reward_is_picklable_without_judge():
    function = GroupReward(make_judge, "swiss")
    assert asyncio.run(function(["p", "p"], ["aa", "a"]))[0] > 0.5
    again = pickle.loads(pickle.dumps(function))
    assert asyncio.run(again(["p", "p"], ["aa", "a"]))[0] > 0.5
    assert again.__name__ == "swiss_reward"


def test_trl_recognises_group_reward_as_asynchronous():
    from trl.trainer.utils import is_async_callable

    assert is_async_callable(GroupReward(make_judge))
