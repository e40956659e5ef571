"""``rightly serve``: rewards over HTTP, in the protocols that trainers speak."""

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rightly.serving.models import Backend

EXAMPLES = """
\b
Examples:
  rightly serve --model Skywork/Skywork-Reward-V2-Qwen3-0.6B --port 8000
  rightly serve --model run1 --model run2 --model run3 --std-penalty 1      # mean less one standard deviation
  rightly serve --judge openai:gpt-4.1-mini
  RIGHTLY_TOKEN=... rightly serve --model runs/first --host 0.0.0.0
\b
  OpenRLHF   --reward.remote_url http://HOST:8000/get_reward
  slime      --rm-type remote_rm --rm-url http://HOST:8000/slime
  vLLM's and SGLang's clients, verl's reward loop: /classify, /pooling, /v1/embeddings
  your own   POST /v1/score {"items": [{"prompt": "...", "responses": ["...", "..."]}]}
The description of all routes is at /docs.
"""


@click.command(name="serve", epilog=EXAMPLES)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Folder or hub id; repeat.")
@click.option("--judge", metavar="SPEC", help="A pairwise judge for /v1/judge, as `rightly judge` takes it.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--std-penalty",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Standard deviations over models to take off.",
)
@click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True)
@click.option(
    "--max-length", type=click.IntRange(min=8), metavar="N", help="Tokens; else what the model was trained on."
)
@click.option("--tokens-per-batch", type=click.IntRange(min=64), default=8192, show_default=True, metavar="N")
@click.option(
    "--queue-tokens",
    type=click.IntRange(min=64),
    default=1_000_000,
    show_default=True,
    metavar="N",
    help="Beyond it requests get 429.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds until a request for rewards gets 504.",
)
@click.option(
    "--max-mb", type=click.IntRange(min=1), default=32, show_default=True, metavar="N", help="Largest request."
)
@click.option("--trust-remote-code", is_flag=True, help="Run the checkpoints' own code.")
def command(models: tuple[str, ...], judge: str | None, host: str, port: int, **options: Any) -> None:
    """Serve reward models, one or an ensemble, and a pairwise judge.

    With RIGHTLY_TOKEN set, requests need it as their bearer token.
    """
    from rightly.errors import InputError, MissingExtraError

    try:
        import uvicorn

        from rightly.serving.app import Settings, build_app
    except ImportError as error:
        raise MissingExtraError(f"serving (no module {error.name})", "serve") from None
    if not models and judge is None:
        raise InputError("there is nothing to serve", fix="give --model, --judge or both")
    if len(set(models)) != len(models):
        raise InputError("--model names the same model twice", fix="leave one out")
    settings = Settings(
        token=os.environ.get("RIGHTLY_TOKEN") or None,
        max_bytes=options["max_mb"] << 20,
        std_penalty=options["std_penalty"],
    )

    failed: list[Exception] = []

    async def load() -> "Backend":
        try:
            return await _load(models, judge, options)
        except Exception as error:
            failed.append(error)
            server.should_exit = True
            raise

    app = build_app(load, settings)
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False))
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if failed:
        raise failed[0]


async def _load(models: tuple[str, ...], judge: str | None, options: dict[str, Any]) -> "Backend":
    import asyncio

    from rightly.cli.options import default_cache
    from rightly.errors import InputError, RightlyError
    from rightly.inference.account import Account
    from rightly.inference.answer_cache import AnswerCache
    from rightly.judges.specs import JudgeBuilder
    from rightly.reward_models.model import RewardModel
    from rightly.serving.models import Backend, Ensemble, Limits, ServedModel

    def build(name: str) -> RewardModel:
        try:
            return RewardModel.load(
                name,
                dtype=options["dtype"],
                max_length=options["max_length"],
                trust_remote_code=options["trust_remote_code"],
            )
        except RightlyError:
            raise
        except Exception as error:
            problem = f"cannot be loaded ({type(error).__name__}: {' '.join(str(error).split())[:300]})"
            raise InputError(problem, where=name, fix="give a folder or a hub id of a reward model") from error

    built = None
    if judge is not None:
        account = Account()
        builder = JudgeBuilder(cache=AnswerCache(default_cache()), account=account, max_reasons=5, seed=0)
        built = builder.build(judge)
        account.start()
    limits = Limits(options["tokens_per_batch"], options["queue_tokens"], options["timeout"])
    loaded = [ServedModel(await asyncio.to_thread(build, name), limits) for name in models]
    backend = Backend(Ensemble(loaded) if loaded else None, built)
    click.echo(f"ready: {', '.join(backend.names)}", err=True)
    return backend
