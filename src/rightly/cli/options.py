"""Options of a verb, made from its job's configuration: every option is declared once, as a field."""

import inspect
import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import annotated_types
import click
from click.core import ParameterSource
from pydantic.fields import FieldInfo

from rightly.errors import InputError
from rightly.jobs.config import Config, Flag, configured, option_name
from rightly.types import Frozen

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=Config)

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")


def takes(config: type[Config], *, as_json: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb the options of a configuration.

    The verb is called with the configuration and, if it prints a result, with ``as_json``.

    Args:
        config: Configuration class of the job.
        as_json: Whether the verb has the option ``--json``.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @click.pass_context
        def command(context: click.Context, **values: Any) -> None:
            extra = {"as_json": values["as_json"]} if as_json else {}
            verb(config_of(context, config), **extra)

        command.__doc__ = "\n\n".join([inspect.cleandoc(str(verb.__doc__)), *_arguments_help(config)])
        needed_first = sorted(config.model_fields, key=lambda name: not config.model_fields[name].is_required())
        options = [parameter(config, name) for name in needed_first]
        for option in reversed([*options, _CONFIG_FILE, *([JSON] if as_json else [])]):
            command = option(command)
        return command

    return decorate


def config_of(context: click.Context, config: type[C]) -> C:
    """The configuration from a command line; omitted options have the configuration's defaults."""
    given = {
        name: value
        for name, value in context.params.items()
        if name in config.model_fields and context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    return configured(config, given)


def parameter(config: type[Config], name: str) -> Callable[[F], F]:
    """The option or argument for a field."""
    field = config.model_fields[name]
    flag, option = Flag.of(field), option_name(config, name)
    kind, many = _click_type(field)
    required = field.is_required()
    if flag.positional:
        return click.argument(name, type=kind, required=required, metavar=flag.metavar or None)
    text = " ".join(str(field.description).split())
    if kind is click.BOOL:
        if field.default is False:
            return click.option(option, name, is_flag=True, help=text)
        return click.option(f"{option}/{flag.off or option.replace('--', '--no-', 1)}", name, default=True, help=text)
    if not required and "Default:" not in text and field.default not in (None, (), ""):
        text = f"{text}  [default: {field.default}]"
    return click.option(
        option, name, type=kind, multiple=many, required=required, metavar=flag.metavar or None, help=text
    )


def echo_json(result: Frozen) -> None:
    """Print a result as JSON."""
    click.echo(json.dumps(result.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True))


def _arguments_help(config: type[Config]) -> Iterator[str]:
    for name, field in config.model_fields.items():
        if Flag.of(field).positional:
            yield f"{Flag.of(field).metavar or name.upper()}: {' '.join(str(field.description).split())}"


def _click_type(field: FieldInfo) -> tuple[click.ParamType, bool]:
    """The type of a field's option, and whether the option may be repeated."""
    kind = _bare(field.annotation)
    many = get_origin(kind) is tuple
    if many:
        kind = _bare(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return click.Choice(get_args(kind)), many
    if kind is bool:
        return click.BOOL, many
    if kind is Path:
        return click.Path(path_type=Path), many
    if kind in (int, float):
        low = next((each.ge for each in field.metadata if isinstance(each, annotated_types.Ge)), None)
        high = next((each.le for each in field.metadata if isinstance(each, annotated_types.Le)), None)
        if low is None and high is None:
            return (click.INT if kind is int else click.FLOAT), many
        ranged = click.IntRange if kind is int else click.FloatRange
        return ranged(min=low, max=high), many  # type: ignore[arg-type]
    return click.STRING, many


def _bare(annotation: Any) -> Any:
    """A type for the command line: without metadata, ``None``, and alternatives that only Python can pass."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        options = [_bare(each) for each in get_args(annotation) if each is not NoneType]
        return str if str in options else options[0]
    return annotation


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


_CONFIG_FILE = click.option(
    "--config",
    type=click.Path(path_type=Path),
    callback=_read_config,
    is_eager=True,
    expose_value=False,
    metavar="FILE",
    help="TOML file with these options; the command line takes precedence.",
)
