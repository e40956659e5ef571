"""The client against real servers: right scores through overload, restarts, and GRPO of TRL."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from rightly.data.load import load_pairs
from rightly.errors import EndpointError, InputError
from rightly.serving.client import RewardClient, ServedReward
from rightly.serving.models import Limits
from rightly.types import Message
from tests.serving.conftest import app_of, running
from tests.serving.test_server import offline
from tests.training.conftest import tiny_model  # noqa: F401 - a fixture

PAIRS = list(load_pairs("sample:hh-rlhf", limit=30))
ITEMS = [(pair.context, pair.responses) for pair in PAIRS]


def expected(model):
    return [offline(model, pair.context, pair.responses) for pair in PAIRS]


def test_scores_are_those_of_scoring_offline(server, reward_model):
    found = asyncio.run(RewardClient(server).score(ITEMS))
    for item, right in zip(found, expected(reward_model), strict=True):
        assert item.rewards == pytest.approx(right, abs=1e-5)


def test_a_full_server_is_asked_again(reward_model):
    with running(app_of(reward_model, limits=Limits(tokens_per_batch=128, queue_tokens=256))) as url:
        found = asyncio.run(RewardClient(url, concurrency=30).score(ITEMS * 3))
    for item, right in zip(found, expected(reward_model) * 3, strict=True):
        assert item.rewards == pytest.approx(right, abs=1e-5)


def test_what_cannot_be_used_is_said_at_once(server, reward_model):
    with pytest.raises(InputError, match=r"/v1/score: answered 404: .*no model 'none'"):
        asyncio.run(RewardClient(server, model="none").score(ITEMS[:1]))
    with running(app_of(reward_model, token="t")) as url:
        with pytest.raises(InputError, match="answered 401"):
            asyncio.run(RewardClient(url).score(ITEMS[:1]))
        assert asyncio.run(RewardClient(url, token="t").score(ITEMS[:1]))


def test_a_server_that_never_comes_is_an_error():
    with pytest.raises(EndpointError, match=r"/v1/score did not answer \(ClientConnectorError"):
        asyncio.run(RewardClient("http://127.0.0.1:9", patience=0.5).score(ITEMS[:1]))


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (500, {"detail": "the model failed: no memory"}, "answered 500: .*no memory"),
        (200, {"items": []}, "answered 200 without .* rewards"),
        (
            200,
            {"items": [{"rewards": [1.0], "std": [0.0], "penalised": [1.0], "by_model": {}}]},
            "without 2 rewards",
        ),
        (200, "a page", "answered 200 without"),
    ],
)
def test_what_fails_again_is_an_error_soon_and_what_fails_once_is_not(status, answer, said):
    app, asked = FastAPI(), []
    whole = {"rewards": [1.0, 2.0], "std": [0.0, 0.0], "penalised": [1.0, 2.0], "by_model": {}}

    @app.post("/v1/score")
    async def score(request: Request):
        asked.append(await request.json())
        recovered = asked[-1]["items"][0]["responses"][0] == "recovers" and len(asked) > 1
        return JSONResponse({"items": [whole]} if recovered else answer, 200 if recovered else status)

    app.state.backend = "ready"
    with running(app) as url:
        client = RewardClient(url)
        assert asyncio.run(client.score([((), ["recovers", "b"])]))[0].rewards == [1.0, 2.0]
        assert len(asked) == 2
        with pytest.raises(EndpointError, match=said):
            asyncio.run(client.score([((), ["a", "b"])]))
    assert len(asked) == 5


def test_killed_and_restarted_under_load_no_score_is_wrong_or_lost(tiny_model, reward_model):  # noqa: F811
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "rightly", "serve", "--model", str(tiny_model), "--port", str(port)]

    def start():
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        while "ready" not in process.stderr.readline():
            assert process.poll() is None
        return process

    servers = [start()]

    def kill_and_restart():
        for _ in range(2):
            time.sleep(0.5)
            servers[-1].send_signal(signal.SIGKILL)
            servers[-1].communicate()
            servers.append(start())

    chaos = threading.Thread(target=kill_and_restart)
    chaos.start()

    async def load():
        client, found = RewardClient(f"http://127.0.0.1:{port}", concurrency=8, patience=120), []
        while chaos.is_alive() or len(found) < 2:
            found.append(await client.score(ITEMS))
        return found

    try:
        rounds = asyncio.run(load())
    finally:
        chaos.join()
        servers[-1].kill()
        servers[-1].communicate()
    right = expected(reward_model)
    for found in rounds:
        for item, each in zip(found, right, strict=True):
            assert item.rewards == pytest.approx(each, abs=1e-5)


def test_a_policy_learns_from_a_server_through_trl(server, reward_model, tmp_path):
    """A real run of GRPO; every reward it got is the reward model's own."""
    from datasets import Dataset
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    from rightly.synthetic.reviews import draw_pairs
    from rightly.synthetic.tiny_model import new_model, new_tokenizer

    tokenizer = new_tokenizer()
    policy = new_model(tokenizer, width=16, layers=1)
    asked = [pair.context[0].content for pair in draw_pairs(16, seed=0, correlation=0.5)]
    rows = [{"prompt": [{"role": "user", "content": text}]} for text in asked]
    seen = []

    class Noted(ServedReward):
        async def __call__(self, prompts, completions, **columns):
            given = await super().__call__(prompts, completions, **columns)
            seen.extend(zip(prompts, completions, given, strict=True))
            return given

    args = GRPOConfig(
        output_dir=str(tmp_path), max_steps=2, per_device_train_batch_size=8, num_generations=4, max_completion_length=8,
        use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none", save_strategy="no", logging_steps=1,
        disable_tqdm=True,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=policy, reward_funcs=Noted(RewardClient(server)), args=args, train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.train()
    assert len(seen) == 16
    for prompt, completion, reward in seen:
        context = tuple(Message(role=turn["role"], content=turn["content"]) for turn in prompt)
        right = offline(reward_model, context, [completion[0]["content"]])
        assert reward == pytest.approx(right[0], abs=1e-5)
    assert "reward_std" in trainer.state.log_history[0]
