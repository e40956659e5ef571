import asyncio
import contextlib
import socket
import threading

import pytest
import uvicorn

from rightly.reward_models.model import RewardModel
from rightly.serving.app import Settings, build_app
from rightly.serving.models import Backend, Ensemble, Limits, ServedModel
from tests.training.conftest import tiny_model  # noqa: F401 - a fixture


@contextlib.contextmanager
def running(app, *, loads=True):
    """The application behind a real server in a thread; gives its address once it has loaded, or failed to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started or not (getattr(app.state, "backend", None) if loads else app.state.loading.done()):
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        threading.Event().wait(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def reward_model(tiny_model):  # noqa: F811
    return RewardModel.load(tiny_model, dtype="float32")


@pytest.fixture(scope="session")
def other_model(tiny_model, tmp_path_factory):  # noqa: F811
    """The same body with another head."""
    import torch

    model = RewardModel.load(tiny_model, dtype="float32")
    model.name = "other"
    torch.nn.init.normal_(model.model.score.weight, std=0.5, generator=torch.Generator().manual_seed(1))
    return model


def app_of(*models, limits=None, judge=None, **settings):
    async def load():
        await asyncio.sleep(0)
        served = [ServedModel(model, limits or Limits()) for model in models]
        return Backend(Ensemble(served) if served else None, judge)

    return build_app(load, Settings(**settings))


@pytest.fixture
def server(reward_model):
    with running(app_of(reward_model)) as url:
        yield url
