"""One reward behind every trainer's way of calling it: TRL's own code, and the recorded calls of the others."""

import asyncio
import importlib.util
import inspect
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest

from rightly.data.load import load_pairs
from rightly.matchers.base import Match
from rightly.rewards.grader import JudgmentReward
from rightly.rewards.integrations import (
    SwiftReward,
    TrlReward,
    openrlhf_function,
    retrying,
    reward_columns,
    slime_function,
    verl_function,
    verl_function_sync,
)
from rightly.rewards.integrations.retrying import GraderError
from rightly.rewards.integrations.rows import read_reference
from rightly.rewards.rule import Reference, RewardRule
from tests.rewards.test_grader import REFERENCE, RIGHT, Exact, answer, exact

WRONG = answer("B is wrong", verdict="B")
UNREADABLE = answer("cannot be read")
TRUTH = json.dumps({"label": "A", "points": ["B is wrong", "A cites"], "weights": []})


async def refuse_one(candidate, _):
    return Match(failure="unparsed", detail="garbage") if candidate == ("cannot be read",) else None


def make(behave=refuse_one):
    matcher = Exact(behave)
    return JudgmentReward(RewardRule(), lambda: matcher), matcher


def down_for(calls):
    async def behave(_, attempt):
        return Match(failure="provider", detail="connection refused") if attempt <= calls else None

    return behave


@pytest.fixture
def quick(monkeypatch):
    """A short patience."""
    monkeypatch.setattr(retrying, "_PAUSE_S", 0.01)
    monkeypatch.setattr(retrying, "PATIENCE_S", 0.2)


def test_reward_columns_hold_the_reference():
    pair = next(pair for pair in load_pairs("sample:ukpconvarg1") if pair.label in ("A", "B"))
    columns = reward_columns(pair)
    assert columns == {"label": pair.label, "points": [r.text for r in pair.rationales], "weights": []}
    assert read_reference(json.dumps(columns)) == read_reference(columns) == Reference.of(pair)


def columns(n):
    return {"label": ["A"] * n, "points": [list(REFERENCE.points)] * n, "weights": [[]] * n}


class TestTrl:
    def test_trl_reward_excludes_ungraded_answers_and_logs_share(self):
        reward, _ = make()
        logged = {}
        completions = [RIGHT.text, WRONG.text, UNREADABLE.text]
        call = TrlReward(reward)(["p"] * 3, completions, log_metric=logged.__setitem__, **columns(3))
        assert asyncio.run(call) == [0.5, 0.0, None]
        assert logged["excluded"] == pytest.approx(1 / 3)
        assert logged["accuracy"] == pytest.approx(2 / 3)

    def test_completions_may_be_messages_and_tokens_are_counted(self):
        matcher = Exact()
        reward = JudgmentReward(RewardRule(token_cost=0.01), lambda: matcher)
        spoken = [[{"role": "assistant", "content": RIGHT.text}]]
        given = asyncio.run(TrlReward(reward)(["p"], spoken, [[1] * 10], **columns(1)))
        assert given == [pytest.approx(0.4)]

    def test_trl_recognises_reward_as_asynchronous_with_name(self):
        from trl.trainer.utils import is_async_callable

        reward = TrlReward(make()[0])
        assert is_async_callable(reward)
        assert reward.__name__ == "ap-hard_product"

    def test_trl_reward_is_picklable_for_async_grpo(self):
        reward = TrlReward(JudgmentReward(RewardRule(), exact))
        again = pickle.loads(pickle.dumps(reward))
        assert asyncio.run(again(["p"], [RIGHT.text], **columns(1))) == [0.5]


def verl_calls(path_or_function, texts, *, workers=4):
    """How verl 0.9.1 calls a custom reward: loaded by path, wrapped in a partial with ``reward_kwargs``, keywords only,
    awaited if a coroutine function, else in threads; the first sample's keys are taken for all."""  # fmt: skip
    function = path_or_function
    if not callable(function):
        spec = importlib.util.spec_from_file_location("custom_module", function)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function = module.compute_score

    async def call_async(raw, extra, **given):
        return await raw(**{**given, **extra})

    def call(raw, extra, **given):
        return raw(**{**given, **extra})

    wrapped = partial(call_async if inspect.iscoroutinefunction(function) else call, function, {})
    rows = [
        {
            "data_source": "rightly",
            "solution_str": text,
            "ground_truth": TRUTH,
            "extra_info": {"index": i, "pair_id": "p", "num_turns": 2, "rollout_reward_scores": {}},
        }
        for i, text in enumerate(texts)
    ]

    async def whole():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(workers))
        if inspect.iscoroutinefunction(wrapped):
            return await asyncio.gather(*(wrapped(**row) for row in rows))
        return await asyncio.gather(*(loop.run_in_executor(None, lambda row=row: wrapped(**row)) for row in rows))

    results = asyncio.run(whole())
    keys = list(results[0])
    return {key: [row[key] for row in results] for key in keys}


class TestVerl:
    @pytest.mark.parametrize("kind", [verl_function, verl_function_sync])
    def test_verl_compute_score_call(self, kind):
        found = verl_calls(kind(make()[0]), [WRONG.text, RIGHT.text, "no idea"])
        assert found["score"] == [0.0, 0.5, 0.0]
        assert found["outcome"] == [0.0, 1.0, 0.0]
        assert found["matched"] == [0.0, 1.0, 0.0]
        assert found["fault"] == [0.0, 0.0, 1.0]
        assert found["excluded"] == [0.0, 0.0, 0.0]

    def test_equal_answers_of_a_group_cost_one_match(self):
        reward, matcher = make()
        verl_calls(verl_function_sync(reward), [RIGHT.text] * 8)
        assert sum(matcher.asked.values()) == 1

    def test_verl_reward_retries_while_endpoint_is_down(self, quick):
        reward, matcher = make(down_for(3))
        assert verl_calls(verl_function(reward), [RIGHT.text])["score"] == [0.5]
        assert sum(matcher.asked.values()) == 4

    def test_verl_reward_raises_if_endpoint_stays_down(self, quick):
        reward, _ = make(down_for(10**9))
        with pytest.raises(GraderError, match=r"no reward within .* minutes: connection refused"):
            verl_calls(verl_function(reward), [RIGHT.text])

    def test_unmatched_list_gets_mean_reward_of_same_outcome(self):
        reward, matcher = make()
        function = verl_function(reward)
        whole = answer("B is wrong", "A cites")
        verl_calls(function, [RIGHT.text, whole.text, WRONG.text])
        found = verl_calls(function, [UNREADABLE.text])
        assert found["score"] == [0.75]  # the mean of 0.5 and 1
        assert found["excluded"] == [1.0]
        assert matcher.asked[("cannot be read",)] == 1


class TestOpenRlhf:
    def test_openrlhf_reward_func_call(self):
        """0.11.2: one sample a call, in a thread; the query is the decoded prompt and answer, special tokens kept."""
        torch = pytest.importorskip("torch")
        function = openrlhf_function(make()[0], eos_token="<|im_end|>")
        prompt = "<|im_start|>user\nWhich?<|im_end|>\n<|im_start|>assistant\n"
        query = f"{prompt}{RIGHT.text}<|im_end|>"
        told = asyncio.run(asyncio.wait_for(_in_thread(function, [query], [prompt], [TRUTH]), 30))
        assert told == {"rewards": [0.5], "scores": [0.5], "extra_logs": {"outcome": 1.0, "excluded": 0.0}}
        # What its samples generator makes of each.
        assert torch.tensor([told["rewards"]]).numel() == 1
        assert all(torch.tensor([value]).shape == (1,) for value in told["extra_logs"].values())

    def test_openrlhf_reward_strips_eos_token(self):
        function = openrlhf_function(make()[0], eos_token="</s>")
        assert function([f"p{RIGHT.text}</s>"], ["p"], [TRUTH])["rewards"] == [0.5]


async def _in_thread(function, *arguments):
    return await asyncio.to_thread(function, *arguments)


def test_slime_reward_accepts_sample():
    function = slime_function(make()[0])
    sample = SimpleNamespace(prompt="p", response=RIGHT.text, label=json.loads(TRUTH))
    assert inspect.iscoroutinefunction(function)
    assert asyncio.run(function(SimpleNamespace(), sample)) == 0.5


def test_swift_reward_accepts_texts_and_columns():
    reward = SwiftReward(make()[0])
    given = reward([RIGHT.text, UNREADABLE.text], solution=["", ""], trainer_state=None, **columns(2))
    assert given == [0.5, None]


@pytest.mark.parametrize("adapter", [SwiftReward, verl_function, verl_function_sync, openrlhf_function, slime_function])
def test_token_cost_is_refused_for_trainers_that_pass_text(adapter):
    reward = JudgmentReward(RewardRule(token_cost=0.01), exact)
    with pytest.raises(ValueError, match="passes text, not tokens"):
        adapter(reward)
