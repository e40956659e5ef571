"""What a served model answers is what scoring gives: equal texts exactly equal rewards, and never what is no number."""

import asyncio

import pytest
import torch

from rightly.reward_models.model import RewardModel
from rightly.serving.models import Ensemble, Limits, ServedModel
from rightly.serving.queue import ModelError
from rightly.types import Message

ASKED = (Message(role="user", content="this is a question"),)


def ask(model, responses, **limits):
    async def whole():
        served = Ensemble([ServedModel(model, Limits(**limits))])
        try:
            return await served.score(ASKED, responses)
        finally:
            await served.close()

    return asyncio.run(whole())


@pytest.mark.parametrize("budget", [40, 4096])
def test_equal_responses_in_request_have_equal_rewards_in_any_batch(other_model, budget):
    texts = ["is good", "is very bad and not long", "is fine", "right answer that is not wrong"]
    found = ask(other_model, texts * 6, tokens_per_batch=budget).mean
    assert [len(set(found[place::4])) for place in range(4)] == [1, 1, 1, 1]
    assert len(set(found)) == 4


def test_non_finite_reward_is_an_error_that_names_the_model(tiny_model):
    model = RewardModel.load(tiny_model, dtype="float32")
    torch.nn.init.constant_(model.model.score.weight, float("inf"))
    with pytest.raises(ModelError, match=rf"{tiny_model}: its reward is (nan|inf|-inf); see `rightly doctor`"):
        ask(model, ["is good"])
