"""What the verbs share: options, a configuration file, the building of judges and matchers."""

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from pydantic import ValidationError

from rightly.errors import InputError
from rightly.preferences.adjust import Suspects
from rightly.types import Frozen

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=Frozen)


def input_options(command: F) -> F:
    """Options of every verb that reads pairs."""
    for option in (
        click.option("--columns", metavar="FAMILY", help="Column family of the file, where it cannot be told."),
        click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N pairs."),
    ):
        command = option(command)
    return command


def suspect_options(command: F) -> F:
    """Options of every verb that suspects labels."""
    for option in (
        click.option(
            "--share",
            type=click.FloatRange(0, 1),
            default=0.2,
            show_default=True,
            help="Share of the pairs that are suspected, for --suspects quantile.",
        ),
        click.option(
            "--suspects",
            type=click.Choice(get_args(Suspects)),
            default="probability",
            show_default=True,
            help="Which labels are suspected: more likely wrong than right, of negative strength, or the weakest --share.",
        ),
    ):
        command = option(command)
    return command


def run_options(command: F) -> F:
    """Options of every verb that asks models."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            callback=_read_config,
            is_eager=True,
            expose_value=False,
            metavar="FILE",
            help="TOML file with these options; the command line goes first.",
        ),
        click.option(
            "--cache",
            type=click.Path(path_type=Path),
            default=default_cache,
            metavar="FILE",
            help="Where answers are kept; nothing is asked twice.  [default: $RIGHTLY_CACHE or ~/.cache/rightly]",
        ),
        click.option(
            "--budget",
            type=click.FloatRange(min=0),
            metavar="USD",
            help="Most dollars for --out, over all runs in it; exit code 3 when the next call does not fit. Needs --price "
            "and max_tokens for every API model. Default: no limit.",
        ),
        click.option(
            "--price",
            "prices",
            multiple=True,
            metavar="MODEL=IN,OUT",
            help="Dollars per million input and output tokens; repeat for each model.",
        ),
        click.option(
            "--resume/--fresh",
            default=True,
            help="Go on with what --out holds (default), or start its records over; answers in the cache are kept.",
        ),
        click.option("--seed", type=int, default=0, show_default=True, help="Seed of drawn orders."),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            required=True,
            metavar="DIR",
            help="Run folder; made when missing.",
        ),
    ):
        command = option(command)
    return command


def default_cache() -> Path:
    """The shared answer cache of this user."""
    named = os.environ.get("RIGHTLY_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "rightly" / "answers.db"


def configured(model: type[C], values: dict[str, Any]) -> C:
    """A verb's frozen configuration; what does not fit is one line."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"--{'.'.join(map(str, first['loc'])).replace('_', '-')}: {first['msg']}") from error


def echo_json(result: Frozen) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True))


def _read_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path), fix="give a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"is not TOML: {error}", where=str(path)) from error
    flags = {flag.lstrip("-").replace("-", "_"): p for p in ctx.command.params for flag in (p.name or "", *p.opts)}
    unknown = [key for key in table if key.replace("-", "_") not in flags]
    if unknown:
        known = ", ".join(sorted({(p.opts[0]).lstrip("-") for p in ctx.command.params if p.opts[0] != "--config"}))
        raise InputError(f"unknown key {unknown[0]!r}", where=str(path), fix=f"known keys: {known}")
    named = {str(flags[key.replace("-", "_")].name): value for key, value in table.items()}
    ctx.default_map = {**(ctx.default_map or {}), **named}
