"""Shared parts of the jobs' configurations; each field is declared once, with its effect, unit and default.

The command line makes its options from these fields (`rightly.cli.options`); a `Flag` states deviations.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, PlainSerializer, ValidationError
from pydantic.fields import FieldInfo

from rightly.data.load import load_pairs
from rightly.data.source import PairSource, files_of, source_name
from rightly.errors import InputError
from rightly.inference.account import Account, parse_price
from rightly.inference.answer_cache import AnswerCache
from rightly.judges.base import Judge
from rightly.judges.specs import JudgeBuilder
from rightly.matchers.base import Matcher
from rightly.types import Frozen, PreferencePair

C = TypeVar("C", bound="Config")


@dataclass(frozen=True)
class Flag:
    """Command-line form of a field, if it is not the field's name with dashes.

    Attributes:
        name: Name of the option, for example ``--judge``.
        metavar: Placeholder for the value in the help.
        positional: Whether the field is a positional argument.
        off: Option that turns off a field which is on by default.
    """

    name: str = ""
    metavar: str = ""
    positional: bool = False
    off: str = ""

    @classmethod
    def of(cls, field: FieldInfo) -> "Flag":
        """The flag of a field; without one all of its parts are derived."""
        return next((each for each in field.metadata if isinstance(each, cls)), cls())


class Config(Frozen):
    """Configuration of a job. A field's docstring is its help text on the command line."""

    model_config = ConfigDict(use_attribute_docstrings=True, arbitrary_types_allowed=True)


def configured(model: type[C], values: dict[str, Any]) -> C:
    """Build a configuration from values by field name.

    Raises:
        InputError: A value is invalid; the error names its option.
    """
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        option = option_name(model, name) if name in model.model_fields else f"--{name.replace('_', '-')}"
        problem = "is not an option" if first["type"] == "extra_forbidden" else first["msg"]
        raise InputError(f"{option}: {problem}") from error


def option_name(model: type[Config], field: str) -> str:
    """Name of a field on the command line."""
    flag = Flag.of(model.model_fields[field])
    return flag.name or (field.upper() if flag.positional else f"--{field.replace('_', '-')}")


def default_cache() -> Path:
    """The shared answer cache of this user."""
    named = os.environ.get("RIGHTLY_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "rightly" / "answers.db"


def _name(made: Any) -> str:
    return made if isinstance(made, str) else made.name


AnyJudge = Annotated[str | Judge, PlainSerializer(_name, return_type=str)]
"""A judge's spec, or the caller's own judge."""
AnyMatcher = Annotated[str | Matcher, PlainSerializer(_name, return_type=str)]
"""A matcher's spec, or the caller's own matcher."""

Out = Annotated[Path, Flag(metavar="DIR")]


class PairsConfig(Config):
    """Configuration of a source of pairs."""

    pairs: Annotated[PairSource, Flag(positional=True)]
    """Source of the pairs: a file (.jsonl, .json, .csv, each also gzipped, .parquet), a hub id, or sample:NAME."""
    columns: Annotated[str | None, Flag(metavar="FAMILY")] = None
    """Column family of the file, if its columns fit several."""
    limit: Annotated[int | None, Field(ge=1), Flag(metavar="N")] = None
    """Use only the first N pairs."""

    def load(self) -> Iterator[PreferencePair]:
        """Yield the pairs one by one."""
        return load_pairs(self.pairs, columns=self.columns, limit=self.limit)

    @property
    def files(self) -> tuple[str, ...]:
        """The file or address of the pairs; empty if they are in memory."""
        return tuple(files_of([self.pairs]))

    def identity(self) -> dict[str, Any]:
        """Identity of these pairs; the path of a file is absolute, so that it can be found from any folder."""
        name = source_name(self.pairs)
        path = Path(name)
        whole = str(path.resolve()) if self.files and path.exists() else name
        return {"pairs": whole, "columns": self.columns, "limit": self.limit}


class RunConfig(Config):
    """Configuration of a run folder."""

    out: Out
    """Run folder; created if missing."""
    resume: Annotated[bool, Flag(off="--fresh")] = True
    """Resume the run in --out, or move its records aside and start over; answers in the cache are kept."""
    seed: int = 0
    """Seed for order draws, folds and samples."""


class AskingConfig(RunConfig):
    """Configuration of requests to models, and of their cost."""

    max_reasons: Annotated[int, Field(ge=1, le=50)] = 5
    """Maximum number of reasons of a judge; longer lists are truncated before matching."""
    cache: Annotated[Path, Flag(metavar="FILE")] = Field(default_factory=default_cache)
    """Answer cache, so that no request is sent twice. Default: $RIGHTLY_CACHE or ~/.cache/rightly/answers.db."""
    budget: Annotated[float | None, Field(ge=0), Flag(metavar="USD")] = None
    """Maximum cost of --out in dollars, over all runs in it; exit code 3 if the next call does not fit. Needs --price and
    max_tokens for every API model. Default: no limit."""
    prices: Annotated[tuple[str, ...], Flag("--price", metavar="MODEL=IN,OUT")] = ()
    """Dollars per million input and output tokens; repeat for each model."""

    def account(self) -> Account:
        """The account of the run, with prices and budget."""
        return Account(dict(map(parse_price, self.prices)), self.budget)

    def builder(self, cache: AnswerCache | None, account: Account) -> JudgeBuilder:
        """The builder of this run's judges."""
        return JudgeBuilder(cache=cache, account=account, max_reasons=self.max_reasons, seed=self.seed)


class JudgingConfig(AskingConfig, PairsConfig):
    """Configuration of pairs, judges and requests."""

    judges: Annotated[tuple[AnyJudge, ...], Flag("--judge", metavar="SPEC")]
    """Judge: longer, shorter, first, annotator, openai:MODEL (or anthropic:, gemini:, openrouter:, together:, deepseek:,
    mistral:), hf:PATH, vllm:PATH, replay:FILE (published answers: replay:FILE?model=NAME), panel:SPEC+SPEC; repeat for
    several. Options of a model follow a question mark: openai:MODEL?format=rm-r1&votes=8&temperature=0.7 (docs/formats.md)."""
