"""The HTTP application: every protocol's route, one way through the queue, errors that say what to do."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse

from rightly.errors import InputError, RightlyError
from rightly.judges.base import Judge
from rightly.serving.guard import Guard
from rightly.serving.models import Backend, Ensemble, Rewards
from rightly.serving.prometheus import Metrics
from rightly.serving.queue import DeadlineError, DrainingError, ModelError, OverloadedError, StoppedError
from rightly.serving.wire import (
    Compared,
    InputBody,
    JudgeBody,
    OpenRlhfBody,
    ScoreBody,
    ScoredBody,
    ScoredItem,
    SlimeBody,
)
from rightly.types import Message, Order, PreferencePair
from rightly.version import __version__

logger = logging.getLogger(__name__)


class Settings(NamedTuple):
    """How the server meets its clients.

    Attributes:
        token: What ``Authorization: Bearer`` must hold; ``None`` lets everyone in.
        max_bytes: Largest body.
        std_penalty: Standard deviations over models that are taken off the reward in protocols of one number.
    """

    token: str | None = None
    max_bytes: int = 32 * 1024 * 1024
    std_penalty: float = 0.0


def build_app(load: Callable[[], Awaitable[Backend]], settings: Settings) -> FastAPI:
    """The application.

    Args:
        load: Loads models and judge; called once the server's loop runs. Until it is done ``/ready`` says no.
        settings: How it meets its clients.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.backend, app.state.failure = None, ""
        app.state.loading = asyncio.create_task(_load(app, load))
        yield
        app.state.loading.cancel()
        backend: Backend | None = app.state.backend
        if backend is not None:
            await backend.close()

    app = FastAPI(title="Rightly reward server", version=__version__, lifespan=lifespan)
    app.add_middleware(Guard, token=settings.token, max_bytes=settings.max_bytes, metrics=metrics)
    _answer_errors(app)
    _add_health(app, metrics)
    _add_scoring(app, settings)
    _add_judging(app)
    return app


async def _load(app: FastAPI, load: Callable[[], Awaitable[Backend]]) -> None:
    try:
        app.state.backend = await load()
    except Exception as error:
        app.state.failure = f"models could not be loaded: {' '.join(str(error).split()) or type(error).__name__}"
        if not isinstance(error, RightlyError):
            logger.exception("models could not be loaded")


def _backend(request: Request) -> Backend:
    backend, failure = request.app.state.backend, request.app.state.failure
    if failure:
        raise HTTPException(503, failure)
    if backend is None:
        raise HTTPException(503, "models are loading", {"Retry-After": "5"})
    return backend


def _ensemble(request: Request) -> Ensemble:
    ensemble = _backend(request).ensemble
    if ensemble is None:
        raise HTTPException(404, "no reward model is served here: start the server with --model")
    return ensemble


def _judge(request: Request) -> Judge:
    judge = _backend(request).judge
    if judge is None:
        raise HTTPException(404, "no judge is served here: start the server with --judge")
    return judge


Served = Annotated[Ensemble, Depends(_ensemble)]


def _named(request: Request, name: str | None) -> Ensemble:
    """The model of that name; all where a client sends a name of its own (trainers send the policy's, or a path)."""
    ensemble = _ensemble(request)
    return ensemble.named(name if name in ensemble.models else None)


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(OverloadedError)
    async def overloaded(_: Request, error: OverloadedError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 429, {"Retry-After": f"{error.seconds:.0f}"})

    @app.exception_handler(DeadlineError)
    async def late(_: Request, error: DeadlineError) -> JSONResponse:
        return JSONResponse({"detail": "no reward within the deadline"}, 504)

    @app.exception_handler(DrainingError)
    async def draining(_: Request, error: DrainingError) -> JSONResponse:
        return JSONResponse({"detail": "shutting down"}, 503, {"Retry-After": "5"})

    @app.exception_handler(StoppedError)
    async def stopped(_: Request, error: StoppedError) -> JSONResponse:
        return JSONResponse({"detail": "the model's worker has stopped: restart the server"}, 503)

    @app.exception_handler(ModelError)
    async def failed(_: Request, error: ModelError) -> JSONResponse:
        return JSONResponse({"detail": f"the model failed: {error}"}, 500)

    @app.exception_handler(InputError)
    async def unusable(_: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(RightlyError)
    async def refused(_: Request, error: RightlyError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 502)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": f"the server failed: {type(error).__name__}"}, 500)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return JSONResponse({"detail": f"{where or 'body'}: {first['msg']}"}, 422)


def _add_health(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready")
    async def ready(request: Request) -> dict[str, Any]:
        backend = _backend(request)
        if backend.problem:
            raise HTTPException(503, backend.problem)
        return {"models": backend.names}

    @app.get("/metrics")
    async def numbers(request: Request) -> PlainTextResponse:
        return PlainTextResponse(metrics.text(_backend(request).ensemble), media_type=metrics.media_type)

    @app.get("/v1/models")
    async def models(request: Request) -> dict[str, Any]:
        names = _backend(request).names
        return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "rightly"} for name in names]}


def _add_scoring(app: FastAPI, settings: Settings) -> None:
    @app.post("/v1/score")
    async def score(body: ScoreBody, ensemble: Served) -> ScoredBody:
        if body.model is not None and body.model not in ensemble.models:
            raise HTTPException(404, f"no model {body.model!r}; served: {', '.join(ensemble.models)}")
        chosen = ensemble.named(body.model)
        found = await asyncio.gather(*(chosen.score(item.messages, item.responses) for item in body.items))
        return ScoredBody(items=[_scored(chosen, rewards, body.std_penalty) for rewards in found])

    @app.post("/get_reward")
    async def openrlhf(body: OpenRlhfBody, ensemble: Served) -> dict[str, Any]:
        found = await ensemble.score_texts(body.query, body.prompts)
        rewards = found.penalised(settings.std_penalty)
        return {"rewards": rewards, "scores": rewards, "extra_logs": {"reward_std": found.std}}

    @app.post("/slime")
    async def slime(body: SlimeBody, ensemble: Served) -> float:
        context = (Message(role="user", content=body.prompt),) if isinstance(body.prompt, str) else body.prompt
        return (await ensemble.score(context, [body.response])).penalised(settings.std_penalty)[0]

    @app.post("/classify")
    async def classify(body: InputBody, request: Request) -> dict[str, Any]:
        rewards = await _of_input(request, body, settings)
        data = [{"index": i, "label": None, "probs": [reward], "num_classes": 1} for i, reward in enumerate(rewards)]
        return {"object": "list", "model": body.model, "data": data}

    @app.post("/pooling")
    async def pooling(body: InputBody, request: Request) -> dict[str, Any]:
        rewards = await _of_input(request, body, settings)
        data = [{"index": i, "object": "pooling", "data": [reward]} for i, reward in enumerate(rewards)]
        return {"object": "list", "model": body.model, "data": data}

    @app.post("/v1/embeddings")
    async def embeddings(body: InputBody, request: Request) -> dict[str, Any]:
        rewards = await _of_input(request, body, settings)
        data = [{"index": i, "object": "embedding", "embedding": [reward]} for i, reward in enumerate(rewards)]
        return {"object": "list", "model": body.model, "data": data}


def _add_judging(app: FastAPI) -> None:
    @app.post("/v1/judge")
    async def compare(body: JudgeBody, judge: Annotated[Judge, Depends(_judge)]) -> Compared:
        pair = PreferencePair(id="", context=body.messages, responses=body.responses)
        # A judge that sees one order draws it by the pair's id.
        pair = pair.model_copy(update={"id": pair.content_key})
        orders: tuple[Order, ...] = judge.orders(pair) if body.orders == "both" else ("AB",)
        judgments = await asyncio.gather(*(judge.judge(pair, order) for order in orders))
        if all(judgment.failure == "provider" for judgment in judgments):
            raise HTTPException(502, f"the judge's model did not answer: {judgments[0].detail}")
        return Compared.of(judgments)


async def _of_input(request: Request, body: InputBody, settings: Settings) -> list[float]:
    ensemble = _named(request, body.model)
    if body.messages is not None:
        *context, answer = body.messages
        found = await ensemble.score(tuple(context), [answer.content])
    else:
        found = await _of_texts_or_ids(ensemble, body.input)
    return found.penalised(settings.std_penalty)


async def _of_texts_or_ids(ensemble: Ensemble, given: Any) -> Rewards:
    if isinstance(given, str):
        return await ensemble.score_texts([given])
    if isinstance(given[0], int):
        return await ensemble.score_ids([given])
    if isinstance(given[0], str):
        return await ensemble.score_texts(given)
    return await ensemble.score_ids(given)


def _scored(ensemble: Ensemble, rewards: Rewards, std_penalty: float) -> ScoredItem:
    names: Sequence[str] = list(ensemble.models)
    return ScoredItem(
        rewards=rewards.mean,
        std=rewards.std,
        penalised=rewards.penalised(std_penalty),
        by_model=dict(zip(names, rewards.by_model, strict=True)),
    )
