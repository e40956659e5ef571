"""The server as trainers meet it: their requests, their reading of the answers, and what it does with bad ones."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from urllib.parse import urlparse

import aiohttp
import pytest

from rightly.data.load import load_pairs
from rightly.judges.base import JudgeIdentity
from rightly.reward_models.doctor.remote import served_rewards
from rightly.reward_models.fast.packing import TokenGroup
from rightly.serving.models import Limits
from rightly.types import Judgment, Message, PreferencePair, Rationale
from tests.serving.conftest import app_of, running
from tests.training.conftest import tiny_model  # noqa: F401 - a fixture

PAIRS = list(load_pairs("sample:hh-rlhf", limit=40))
QUESTION = (Message(role="user", content="the answer"),)


def ask(url, path, body=None, **how):
    """Status, headers and JSON of one request."""

    async def one():
        async with aiohttp.ClientSession() as session:
            kind = "GET" if body is None and not how.get("data") else "POST"
            how.setdefault("json", body) if "data" not in how else None
            async with session.request(kind, url + path, **how) as reply:
                text = await reply.text()
                told = json.loads(text) if "json" in reply.content_type else text
                return reply.status, reply.headers, told

    return asyncio.run(one())


def offline(model, context, responses):
    pair = PreferencePair(id="x", context=context, responses=(*responses, "other"), label=None)
    return list(next(iter(model.score([pair]))).rewards[: len(responses)])


def rendered(model, context, response):
    turns = [m.model_dump(include={"role", "content"}) for m in (*context, Message(role="assistant", content=response))]
    return model.tokenizer.apply_chat_template(turns, tokenize=False)


def opened(model, context):
    turns = [m.model_dump(include={"role", "content"}) for m in context]
    return model.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)


class TestScores:
    def test_ours_equals_scoring_offline(self, server, reward_model):
        items = [
            {"context": [m.model_dump() for m in pair.context], "responses": list(pair.responses)} for pair in PAIRS
        ]
        status, _, told = ask(server, "/v1/score", {"items": items})
        assert status == 200
        for pair, item in zip(PAIRS, told["items"], strict=True):
            expected = offline(reward_model, pair.context, pair.responses)
            assert item["rewards"] == pytest.approx(expected, abs=1e-5)
            assert item["by_model"] == {reward_model.name: item["rewards"]}
            assert item["std"] == [0.0] * len(pair.responses)

    def test_a_prompt_stands_for_a_user_s_turn(self, server, reward_model):
        _, _, told = ask(server, "/v1/score", {"items": [{"prompt": "the answer", "responses": ["good", "bad"]}]})
        expected = offline(reward_model, QUESTION, ["good", "bad"])
        assert told["items"][0]["rewards"] == pytest.approx(expected, abs=1e-5)

    def test_openrlhf(self, server, reward_model):
        """0.11.2 sends one rendered text a request, and reads rewards, scores and extra_logs."""
        pair = PAIRS[0]
        prompt = reward_model.tokenizer.apply_chat_template(
            [m.model_dump(include={"role", "content"}) for m in pair.context],
            tokenize=False,
            add_generation_prompt=True,
        )
        query = rendered(reward_model, pair.context, pair.responses[0])
        _, _, told = ask(server, "/get_reward", {"query": [query], "prompts": [prompt], "labels": ["x"]})
        expected = offline(reward_model, pair.context, pair.responses[:1])
        assert told["rewards"] == told["scores"] == pytest.approx(expected, abs=1e-5)
        assert told["extra_logs"] == {"reward_std": [0.0]}

    def test_slime(self, server, reward_model):
        body = {"prompt": "the answer", "response": "good", "label": None}
        _, _, told = ask(server, "/slime", body)
        assert told == pytest.approx(
            offline(reward_model, (Message(role="user", content="the answer"),), ["good"])[0], abs=1e-5
        )

    @pytest.mark.parametrize("protocol", ["vllm", "sglang"])
    def test_the_doctor_s_client_of_both_servers(self, server, reward_model, protocol):
        """The client that asks real vLLM and SGLang servers, with token ids."""
        encoded = [each.ids for pair in PAIRS[:5] for each in reward_model.encode(pair.context, pair.responses)]
        expected = [r for pair in PAIRS[:5] for r in offline(reward_model, pair.context, pair.responses)]
        assert served_rewards(server, encoded, protocol=protocol) == pytest.approx(expected, abs=1e-5)

    def test_verl(self, server, reward_model):
        """0.9.1 posts the text that the reward model's own template renders, with the path of the model."""
        pair = PAIRS[1]
        text = rendered(reward_model, pair.context, pair.responses[1])
        expected = offline(reward_model, pair.context, pair.responses)[1]
        body = {"model": "/some/path", "input": text, "use_activation": False}
        assert ask(server, "/classify", body)[2]["data"][-1]["probs"][-1] == pytest.approx(expected, abs=1e-5)
        assert ask(server, "/v1/embeddings", body)[2]["data"][-1]["embedding"][-1] == pytest.approx(expected, abs=1e-5)
        assert ask(server, "/pooling", body)[2]["data"][-1]["data"][-1] == pytest.approx(expected, abs=1e-5)

    def test_messages_and_lists(self, server, reward_model):
        pair = PAIRS[2]
        turns = [*(m.model_dump() for m in pair.context), {"role": "assistant", "content": pair.responses[0]}]
        told = ask(server, "/classify", {"messages": turns})[2]
        expected = offline(reward_model, pair.context, pair.responses)
        assert told["data"][0]["probs"] == pytest.approx(expected[:1], abs=1e-5)
        texts = [rendered(reward_model, pair.context, response) for response in pair.responses]
        told = ask(server, "/classify", {"input": texts})[2]
        assert [row["probs"][0] for row in told["data"]] == pytest.approx(expected, abs=1e-5)


class TestEnsemble:
    @pytest.fixture
    def both(self, reward_model, other_model):
        with running(app_of(reward_model, other_model, std_penalty=2.0)) as url:
            yield url

    def test_mean_spread_and_what_they_agree_on(self, both, reward_model, other_model):
        item = {"prompt": "the answer", "responses": ["good", "bad"]}
        told = ask(both, "/v1/score", {"items": [item], "std_penalty": 0.5})[2]["items"][0]
        one, two = (offline(model, QUESTION, item["responses"]) for model in (reward_model, other_model))
        assert list(told["by_model"].values()) == [pytest.approx(one, abs=1e-5), pytest.approx(two, abs=1e-5)]
        for i in range(2):
            mean, std = (one[i] + two[i]) / 2, abs(one[i] - two[i]) / 2
            assert told["rewards"][i] == pytest.approx(mean, abs=1e-5)
            assert told["std"][i] == pytest.approx(std, abs=1e-5)
            assert told["penalised"][i] == pytest.approx(mean - std / 2, abs=1e-5)

    def test_protocols_of_one_number_get_the_conservative_one(self, both):
        item = {"prompt": "the answer", "responses": ["good"]}
        scored = ask(both, "/v1/score", {"items": [item], "std_penalty": 2.0})[2]["items"][0]
        assert ask(both, "/slime", {"prompt": "the answer", "response": "good"})[2] == pytest.approx(
            scored["penalised"][0], abs=1e-5
        )

    def test_one_of_them_by_its_name(self, both, other_model):
        item = {"prompt": "the answer", "responses": ["good"]}
        told = ask(both, "/v1/score", {"items": [item], "model": "other"})[2]["items"][0]
        assert list(told["by_model"]) == ["other"]
        status, _, told = ask(both, "/v1/score", {"items": [item], "model": "none"})
        assert status == 404
        assert "no model 'none'; served: " in told["detail"]


class Half:
    """Prefers the longer; fails in the second order where a text says so."""

    name, concurrency = "half", 4
    identity = JudgeIdentity(name="half", fingerprint="half")

    def orders(self, pair):
        return ("AB", "BA")

    async def judge(self, pair, order):
        said = {"pair_id": pair.id, "pair_key": pair.content_key, "judge": self.name, "made_by": "half", "order": order}
        if "down" in pair.responses or (order == "BA" and "fail" in pair.responses):
            return Judgment(**said, failure="provider" if "down" in pair.responses else "refused", detail="why")
        verdict = "A" if len(pair.responses[0]) > len(pair.responses[1]) else "B"
        return Judgment(**said, verdict=verdict, rationales=(Rationale(text=f"Response {verdict} is longer"),))

    async def aclose(self):
        pass


class TestJudge:
    @pytest.fixture
    def url(self):
        with running(app_of(judge=Half())) as url:
            yield url

    def test_verdict_and_reasons_of_both_orders(self, url):
        told = ask(url, "/v1/judge", {"prompt": "q", "responses": ["longer", "short"]})[2]
        assert (told["verdict"], told["score"]) == ("A", 1.0)
        assert [each["order"] for each in told["judgments"]] == ["AB", "BA"]
        assert told["judgments"][0]["rationales"][0]["text"] == "Response A is longer"
        told = ask(url, "/v1/judge", {"prompt": "q", "responses": ["a", "bb"], "orders": "AB"})[2]
        assert (told["verdict"], len(told["judgments"])) == ("B", 1)

    def test_a_failed_order_counts_for_nobody_and_a_dead_model_is_said(self, url):
        told = ask(url, "/v1/judge", {"prompt": "q", "responses": ["longer", "fail"]})[2]
        assert (told["verdict"], told["judgments"][1]["failure"]) == ("A", "refused")
        status, _, told = ask(url, "/v1/judge", {"prompt": "q", "responses": ["longer", "down"]})
        assert (status, told["detail"]) == (502, "the judge's model did not answer: why")

    def test_what_is_not_served_is_said(self, url, server):
        assert ask(url, "/ready")[2] == {"models": ["half"]}
        status, _, told = ask(url, "/classify", {"input": [1, 2]})
        assert (status, told["detail"]) == (404, "no reward model is served here: start the server with --model")
        status, _, told = ask(server, "/v1/judge", {"prompt": "q", "responses": ["a", "b"]})
        assert (status, told["detail"]) == (404, "no judge is served here: start the server with --judge")
        assert ask(url, "/metrics")[0] == 200


class TestManners:
    @pytest.mark.parametrize(
        ("path", "body", "said"),
        [
            ("/v1/score", {}, "items: Field required"),
            ("/v1/score", {"items": []}, "items: Tuple should have at least 1 item"),
            ("/v1/score", {"items": [{"prompt": "x", "responses": []}]}, "items.0.responses: "),
            ("/v1/score", {"items": [{"prompt": "x", "responses": ["y"], "extra": 1}]}, "items.0.extra: "),
            ("/get_reward", {"query": "text"}, "query: "),
            ("/classify", {"input": ""}, "input is empty"),
            ("/classify", {"input": [[]]}, "0 tokens; "),
            ("/classify", {}, "give input or messages"),
            ("/slime", {"prompt": "x"}, "response: Field required"),
        ],
    )
    def test_bad_requests_are_told_what_is_wrong(self, server, path, body, said):
        status, _, told = ask(server, path, body)
        assert status == 422
        assert said in told["detail"]

    def test_no_json(self, server):
        status, _, told = ask(server, "/v1/score", data=b"{", headers={"Content-Type": "application/json"})
        assert status == 422
        assert "detail" in told

    def test_token_ids_beyond_the_vocabulary(self, server):
        status, _, told = ask(server, "/classify", {"input": [1, 10**6]})
        assert status == 422
        assert "token id 1000000" in told["detail"]
        assert ask(server, "/classify", {"input": [1, 2]})[0] == 200

    def test_a_wrong_token_is_turned_away_and_nothing_leaks(self, reward_model):
        with running(app_of(reward_model, token="secret")) as url:
            body = {"input": [1, 2]}
            for headers in ({}, {"Authorization": "Bearer secre"}, {"Authorization": "secret"}):
                status, told_headers, told = ask(url, "/classify", body, headers=headers)
                assert status == 401
                assert told == {"detail": "wrong or missing token"}
                assert "secret" not in str(told_headers)
            assert ask(url, "/metrics")[0] == 401
            assert ask(url, "/health")[0] == 200
            assert ask(url, "/classify", body, headers={"Authorization": "Bearer secret"})[0] == 200

    def test_too_large_with_and_without_a_length(self, reward_model):
        async def in_pieces():
            yield b" " * 2000  # one piece: a client that still writes when the server closes sees a reset instead

        with running(app_of(reward_model, max_bytes=1000)) as url:
            assert ask(url, "/classify", {"input": "x" * 2000})[0] == 413
            assert ask(url, "/classify", data=in_pieces())[0] == 413
            assert ask(url, "/classify", {"input": [1, 2]})[0] == 200

    def test_overload_is_refused_with_a_time_to_come_back(self, reward_model):
        with running(app_of(reward_model, limits=Limits(tokens_per_batch=64, queue_tokens=200))) as url:

            async def crowd():
                async with aiohttp.ClientSession() as session:

                    async def one(n):
                        ids = [3 + (n + i) % 20 for i in range(50)]
                        async with session.post(f"{url}/classify", json={"input": ids}) as reply:
                            return reply.status, reply.headers.get("Retry-After"), await reply.json()

                    return await asyncio.gather(*(one(n) for n in range(200)))

            found = asyncio.run(crowd())
        statuses = {status for status, _, _ in found}
        assert statuses == {200, 429}
        assert all(int(after) >= 1 for status, after, _ in found if status == 429)

    def test_half_open_clients_hold_nobody_up(self, server):
        parts = urlparse(server)
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                half = stack.enter_context(socket.create_connection((parts.hostname, parts.port)))
                half.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
            assert ask(server, "/classify", {"input": [1, 2]})[0] == 200

    def test_loading_is_not_ready(self, reward_model):
        app = app_of(reward_model)
        with running(app) as url:
            assert ask(url, "/ready")[2] == {"models": [reward_model.name]}
            backend, app.state.backend = app.state.backend, None
            status, headers, _ = ask(url, "/ready")
            assert status == 503
            assert headers["Retry-After"]
            assert ask(url, "/health")[0] == 200
            app.state.backend = backend

    def test_figures_for_prometheus(self, server, reward_model):
        ask(server, "/classify", {"input": [1, 2]})
        ask(server, "/nowhere", {"input": [1, 2]})
        text = ask(server, "/metrics")[2]
        assert 'rightly_requests_total{route="/classify",status="200"} 1.0' in text
        assert 'rightly_requests_total{route="other",status="404"} 1.0' in text
        assert f'rightly_model_sequences{{model="{reward_model.name}"}} 1.0' in text

    def test_models_are_listed(self, server, reward_model):
        assert [row["id"] for row in ask(server, "/v1/models")[2]["data"]] == [reward_model.name]


def test_scores_under_load_are_scores_offline(server, reward_model):
    """Single-sample requests at 64 concurrent, as OpenRLHF sends them."""
    bodies = [
        {"query": [rendered(reward_model, pair.context, response)], "prompts": [opened(reward_model, pair.context)]}
        for pair in PAIRS
        for response in pair.responses
    ]
    expected = [reward for pair in PAIRS for reward in offline(reward_model, pair.context, pair.responses)]

    async def crowd():
        places = asyncio.Semaphore(64)
        async with aiohttp.ClientSession() as session:

            async def one(body):
                async with places, session.post(f"{server}/get_reward", json=body) as reply:
                    return (await reply.json())["rewards"][0]

            return await asyncio.gather(*(one(body) for body in bodies * 4))

    assert asyncio.run(crowd()) == pytest.approx(expected * 4, abs=1e-5)


@pytest.fixture
def served(tiny_model):  # noqa: F811
    """`rightly serve` as a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "rightly", "serve", "--model", str(tiny_model), "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "ready" not in (line := process.stderr.readline()):
        assert process.poll() is None, line
    yield f"http://127.0.0.1:{port}", process
    process.kill()
    process.communicate()


def test_on_sigterm_what_was_asked_is_answered(served, reward_model):
    url, process = served
    bodies = [{"input": [3 + (n * i) % 20 for i in range(1, 100)]} for n in range(300)]
    expected = [reward_model.score_groups([TokenGroup((), (tuple(body["input"]),))], 512)[0][0] for body in bodies]

    async def crowd():
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            answered = asyncio.Event()

            async def one(body):
                async with session.post(f"{url}/classify", json=body) as reply:
                    answered.set()
                    return reply.status, (await reply.json())["data"][0]["probs"][0]

            tasks = [asyncio.create_task(one(body)) for body in bodies]
            await answered.wait()
            process.terminate()
            return await asyncio.gather(*tasks)

    found = asyncio.run(crowd())
    assert {status for status, _ in found} == {200}
    assert [reward for _, reward in found] == pytest.approx(expected, abs=1e-5)
    assert process.wait(20) in (0, -15)
