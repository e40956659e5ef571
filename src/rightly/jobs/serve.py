"""Serve reward models and a pairwise judge over HTTP, in the protocols that trainers speak."""

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from rightly.errors import InputError, RightlyError, needs_extra
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.jobs.config import AnyJudge, Config, Flag, default_cache
from rightly.jobs.events import SILENT, Events
from rightly.judges.base import Judge
from rightly.judges.specs import JudgeBuilder

if TYPE_CHECKING:
    from rightly.reward_models.model import RewardModel
    from rightly.serving.models import Backend


class ServeConfig(Config):
    """What is served, and where."""

    models: Annotated[tuple[str, ...], Flag("--model", metavar="NAME")] = ()
    """Reward model: folder or hub id; repeat for an ensemble."""
    judge: Annotated[AnyJudge | None, Flag(metavar="SPEC")] = None
    """A pairwise judge for /v1/judge, as rightly judge takes it."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 for all of them."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen at."""
    std_penalty: Annotated[float, Field(ge=0), Flag(metavar="PENALTY")] = 0.0
    """Ensemble penalty: reward = mean - PENALTY * standard deviation over the models."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the weights. Default: what the checkpoint was saved in."""
    max_length: Annotated[int | None, Field(ge=8), Flag(metavar="N")] = None
    """Truncate sequences to N tokens. Default: what the model was trained on."""
    tokens_per_batch: Annotated[int, Field(ge=64), Flag(metavar="N")] = 8192
    """Tokens computed in one pass; lower it where memory is short."""
    queue_tokens: Annotated[int, Field(ge=64), Flag(metavar="N")] = 1_000_000
    """Answer 429 (try again) while more than N tokens wait."""
    timeout: Annotated[float, Field(ge=0.1), Flag(metavar="S")] = 60.0
    """Answer 504 after S seconds without a reward."""
    max_mb: Annotated[int, Field(ge=1), Flag(metavar="N")] = 32
    """Answer 413 to a request of more than N MiB."""
    trust_remote_code: bool = False
    """Run the checkpoints' own code."""


def run(config: ServeConfig, events: Events = SILENT) -> None:
    """Serve until interrupted; with ``RIGHTLY_TOKEN`` set, requests need it as their bearer token.

    Raises:
        InputError: There is nothing to serve, or a model cannot be loaded.
    """
    with needs_extra("serving", "serve"):
        import uvicorn

        from rightly.serving.app import Settings, build_app
    if not config.models and config.judge is None:
        raise InputError("there is nothing to serve", fix="give --model, --judge or both")
    if len(set(config.models)) != len(config.models):
        raise InputError("--model names the same model twice", fix="leave one out")
    settings = Settings(
        token=os.environ.get("RIGHTLY_TOKEN") or None, max_bytes=config.max_mb << 20, std_penalty=config.std_penalty
    )
    failed: list[Exception] = []

    async def load() -> "Backend":
        try:
            backend = await _load(config)
        except Exception as error:
            failed.append(error)
            server.should_exit = True
            raise
        events.say(f"ready: {', '.join(backend.names)}")
        return backend

    app = build_app(load, settings)
    server = uvicorn.Server(
        uvicorn.Config(app, host=config.host, port=config.port, log_level="warning", access_log=False)
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if failed:
        raise failed[0]


async def _load(config: ServeConfig) -> "Backend":
    from rightly.serving.models import Backend, Ensemble, Limits, ServedModel

    judge = _judge(config.judge)
    limits = Limits(config.tokens_per_batch, config.queue_tokens, config.timeout)
    loaded = [ServedModel(await asyncio.to_thread(_model, config, name), limits) for name in config.models]
    return Backend(Ensemble(loaded) if loaded else None, judge)


def _judge(judge: str | Judge | None) -> Judge | None:
    if not isinstance(judge, str):
        return judge
    account = Account()
    builder = JudgeBuilder(cache=AnswerCache(default_cache()), account=account, max_reasons=5, seed=0)
    built = builder.build(judge)
    account.start()
    return built


def _model(config: ServeConfig, name: str) -> "RewardModel":
    from rightly.reward_models.model import RewardModel

    try:
        return RewardModel.load(
            name, dtype=config.dtype, max_length=config.max_length, trust_remote_code=config.trust_remote_code
        )
    except RightlyError:
        raise
    except Exception as error:
        problem = f"cannot be loaded ({type(error).__name__}: {' '.join(str(error).split())[:300]})"
        raise InputError(problem, where=name, fix="give a folder or a hub id of a reward model") from error
