"""What a server does when something breaks: one bad request fails alone, with its reason; the others and the server go on."""

import asyncio
import shutil
import subprocess
import sys
import threading

import aiohttp
import pytest

from rightly.errors import EndpointError, InputError
from rightly.inference.generator import Completion
from rightly.inference.specs import Sampling
from rightly.judges.generative import GenerativeJudge, JudgeSettings
from rightly.reward_models.model import RewardModel
from rightly.serving.app import Settings, build_app
from rightly.serving.models import Limits
from tests.serving.conftest import app_of, running
from tests.serving.test_server import ask
from tests.training.conftest import tiny_model  # noqa: F401 - a fixture

STRICT = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ raise_exception('no system turn here') }}"
    "{% endif %}{{ message['content'] + ' ' }}{% endfor %}"
)
GOOD = {"query": ["the answer is good"]}


@pytest.fixture(scope="module")
def whole_template(tiny_model):  # noqa: F811
    """A trained decoder from elsewhere: a template, no contract, so no final token of ours."""
    model = RewardModel.load(tiny_model, dtype="float32")
    model.tokenizer.chat_template = STRICT
    model.contract = model.contract.model_copy(update={"final_token": None})
    return model


@pytest.fixture
def server(whole_template):
    with running(app_of(whole_template, limits=Limits(timeout=20))) as url:
        yield url


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/get_reward", {"query": [""]}, "text 1: 0 tokens"),
        ("/get_reward", {"query": ["good", ""]}, "text 2: 0 tokens"),
        ("/classify", {"input": ["good", ""]}, "text 2: 0 tokens"),
        ("/pooling", {"input": [[1, 2], []]}, "text 2: 0 tokens"),
        ("/v1/embeddings", {"input": [[1, 2], [3, -1]]}, "text 2: token id -1"),
        ("/slime", {"prompt": [], "response": ""}, "text 1: 0 tokens"),
        (
            "/v1/score",
            {"items": [{"context": [{"role": "system", "content": "x"}], "responses": ["y"]}]},
            "no system turn",
        ),
        ("/v1/score", {"items": [{"prompt": "\ud800", "responses": ["y"]}]}, "cannot tokenise the text"),
        ("/v1/score", {"items": [{"prompt": "x", "responses": ["y"]}], "std_penalty": float("inf")}, "std_penalty: "),
    ],
)
def test_unscorable_text_is_an_error_and_server_continues(server, path, body, said):
    before = ask(server, "/get_reward", GOOD)[2]
    status, _, told = ask(server, path, body)
    assert (status, said in told["detail"]) == (422, True), told
    assert ask(server, "/get_reward", GOOD)[2] == before
    assert ask(server, "/ready")[0] == 200


def test_bad_request_does_not_fail_concurrent_requests(server):
    right = ask(server, "/get_reward", GOOD)[2]["rewards"]

    async def crowd():
        async with aiohttp.ClientSession() as session:

            async def one(n):
                body = {"query": [""]} if n % 3 == 0 else GOOD
                async with session.post(f"{server}/get_reward", json=body) as reply:
                    return reply.status, (await reply.json()).get("rewards")

            return await asyncio.gather(*(one(n) for n in range(90)))

    for n, (status, rewards) in enumerate(asyncio.run(crowd())):
        assert (status, rewards) == ((422, None) if n % 3 == 0 else (200, pytest.approx(right, abs=1e-5)))


class Broken:
    """A reward model whose scores of sequences that hold a certain token fail in a certain way."""

    def __init__(self, model, token, fail):
        self._model, self._token, self._fail = model, token, fail

    def __getattr__(self, name):
        return getattr(self._model, name)

    def score_groups(self, groups, budget):
        for group in groups:
            if any(self._token in sequence for sequence in group.sequences()):
                return self._fail(groups)
        return self._model.score_groups(groups, budget)


def out_of_memory(_):
    raise MemoryError("no memory for 3 GiB")


def not_a_number(groups):
    return [[float("nan")] * len(group.branches) for group in groups]


@pytest.mark.parametrize(("fail", "said"), [(out_of_memory, "no memory for 3 GiB"), (not_a_number, "nan")])
def test_model_failure_is_500_with_reason(reward_model, fail, said):
    with running(app_of(Broken(reward_model, 7, fail))) as url:
        status, _, told = ask(url, "/classify", {"input": [6, 7]})
        assert status == 500
        assert said in told["detail"]
        assert ask(url, "/classify", {"input": [6, 8]})[0] == 200
        assert ask(url, "/ready")[0] == 200


def test_deadline_holds_while_model_hangs_and_ready_reports_it(reward_model):
    go = threading.Event()

    def hang(groups):
        go.wait(60)
        return not_a_number(groups)

    with running(app_of(Broken(reward_model, 7, hang), limits=Limits(timeout=0.3))) as url:
        assert ask(url, "/classify", {"input": [6, 7]})[0] == 504
        status, _, told = ask(url, "/classify", {"input": [6, 8]})
        assert (status, told["detail"]) == (504, "no reward within the deadline")
        status, _, told = ask(url, "/ready")
        assert status == 503
        assert "one batch" in told["detail"]
        assert ask(url, "/health")[0] == 200
        go.set()
        while ask(url, "/ready")[0] != 200:
            threading.Event().wait(0.01)
        assert ask(url, "/classify", {"input": [6, 8]})[0] == 200


def test_a_deadline_holds_while_a_text_is_tokenised(reward_model):
    go = threading.Event()

    class Slow(Broken):
        def encode_text(self, text, prompt):
            go.wait(60)
            return self._model.encode_text(text, prompt)

    with running(app_of(Slow(reward_model, 7, out_of_memory), limits=Limits(timeout=0.2))) as url:
        assert ask(url, "/get_reward", GOOD)[0] == 504
        go.set()


def test_stopped_worker_is_not_ready_and_fails_immediately(reward_model):
    app = app_of(reward_model)
    with running(app) as url:
        (model,) = app.state.backend.ensemble.models.values()
        worker = model._batcher._worker
        worker.get_loop().call_soon_threadsafe(worker.cancel)
        while not worker.done():
            threading.Event().wait(0.01)
        status, _, told = ask(url, "/ready")
        assert (status, told["detail"]) == (503, f"{reward_model.name}: its worker has stopped")
        status, _, told = ask(url, "/classify", {"input": [6, 8]})
        assert (status, "worker" in told["detail"]) == (503, True)


def test_model_loading_failure_is_reported_on_every_route():
    async def load():
        raise InputError("no such folder", where="./nowhere")

    app = build_app(load, Settings())
    with running(app, loads=False) as url:
        for path, body in (("/ready", None), ("/classify", {"input": [1]}), ("/v1/models", None)):
            status, _, told = ask(url, path, body)
            assert (status, told["detail"]) == (503, "models could not be loaded: ./nowhere: no such folder")
        assert ask(url, "/health")[0] == 200


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (["--model", "./nowhere"], "./nowhere: no such folder; give a folder or a hub id of a model"),
        (["--model", "./damaged"], "./damaged: cannot be loaded (SafetensorError"),
        (["--judge", "opnai:x"], "'opnai:x' is not a known judge; did you mean 'openai'?"),
    ],
)
def test_serve_command_exits_with_loading_error(tiny_model, tmp_path, what, said):  # noqa: F811
    shutil.copytree(tiny_model, tmp_path / "damaged")
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"no weights")
    command = [sys.executable, "-m", "rightly", "serve", *what, "--port", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"rightly: {said}")
    assert "Traceback" not in done.stderr


class Asked:
    """A generator that answers "A" and notes which response it was shown first."""

    name, fingerprint, concurrency = "asked", "asked", 4

    def __init__(self):
        self.first = []

    async def generate(self, request):
        if "refuse" in request.messages[0].content:
            raise EndpointError("the key is refused")
        self.first.append(
            "one"
            if request.messages[0].content.index("oneoneone") < request.messages[0].content.index("twotwotwo")
            else "two"
        )
        return Completion(text='{"reasons": [], "verdict": "A"}')

    async def aclose(self):
        pass


class TestJudge:
    @pytest.fixture
    def generator(self):
        return Asked()

    @pytest.fixture
    def url(self, generator):
        judge = GenerativeJudge("judge", generator, Sampling(), JudgeSettings(orders="single"))
        with running(app_of(judge=judge)) as url:
            yield url

    def test_single_order_depends_only_on_the_request(self, url, generator):
        bodies = [{"prompt": f"question {n}", "responses": ["oneoneone", "twotwotwo"]} for n in range(40)]
        told = [ask(url, "/v1/judge", body)[2] for body in bodies]
        orders = [answer["judgments"][0]["order"] for answer in told]
        assert 8 <= orders.count("AB") <= 32
        assert generator.first == ["one" if order == "AB" else "two" for order in orders]
        assert [answer["verdict"] for answer in told] == ["A" if order == "AB" else "B" for order in orders]
        assert [ask(url, "/v1/judge", body)[2] for body in bodies] == told

    def test_an_endpoint_that_refuses_is_502_with_its_reason(self, url):
        status, _, told = ask(url, "/v1/judge", {"prompt": "refuse", "responses": ["oneoneone", "twotwotwo"]})
        assert (status, told["detail"]) == (502, "the key is refused")
