"""What the configurations of jobs share; each field is declared once, with its effect, its unit and its default.

The command line makes its options from these fields (`rightly.cli.options`); a `Flag` says what differs there.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, PlainSerializer, ValidationError

from rightly.data.load import load_pairs
from rightly.data.source import PairSource, source_name
from rightly.errors import InputError
from rightly.inference.account import Account, parse_price
from rightly.inference.answer_cache import AnswerCache
from rightly.judges.base import Judge
from rightly.judges.specs import JudgeBuilder
from rightly.matchers.base import Matcher
from rightly.preferences.adjust import Suspects
from rightly.types import Frozen, PreferencePair

C = TypeVar("C", bound="Config")


@dataclass(frozen=True)
class Flag:
    """How a field is written on the command line, where that is not its name with dashes.

    Attributes:
        name: The option, for example ``--judge``.
        metavar: What stands for its value in the help.
        positional: Whether it is an argument without a name.
        off: The option that turns a field off which is on by default.
    """

    name: str = ""
    metavar: str = ""
    positional: bool = False
    off: str = ""


class Config(Frozen):
    """What a job does. A field's text is its help on the command line."""

    model_config = ConfigDict(use_attribute_docstrings=True, arbitrary_types_allowed=True)


def configured(model: type[C], values: dict[str, Any]) -> C:
    """A configuration from values by field name.

    Raises:
        InputError: One does not fit; names its option.
    """
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        option = option_name(model, name) if name in model.model_fields else f"--{name.replace('_', '-')}"
        problem = "is no option" if first["type"] == "extra_forbidden" else first["msg"]
        raise InputError(f"{option}: {problem}") from error


def option_name(model: type[Config], field: str) -> str:
    """How the command line writes a field."""
    flag = next((each for each in model.model_fields[field].metadata if isinstance(each, Flag)), Flag())
    return flag.name or (field.upper() if flag.positional else f"--{field.replace('_', '-')}")


def default_cache() -> Path:
    """The shared answer cache of this user."""
    named = os.environ.get("RIGHTLY_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "rightly" / "answers.db"


def _name(made: Any) -> str:
    return made if isinstance(made, str) else made.name


AnyJudge = Annotated[str | Judge, PlainSerializer(_name, return_type=str)]
"""A judge's spec, or a judge of the caller's own."""
AnyMatcher = Annotated[str | Matcher, PlainSerializer(_name, return_type=str)]
"""A matcher's spec, or a matcher of the caller's own."""

Out = Annotated[Path, Flag(metavar="DIR")]


class PairsConfig(Config):
    """Which pairs."""

    pairs: Annotated[PairSource, Flag(positional=True)]
    """A file (.jsonl, .json, either gzipped, .parquet), a hub id, or sample:NAME."""
    columns: Annotated[str | None, Flag(metavar="FAMILY")] = None
    """Column family of the file, where its columns fit several."""
    limit: Annotated[int | None, Field(ge=1), Flag(metavar="N")] = None
    """Use only the first N pairs."""

    def load(self) -> Iterator[PreferencePair]:
        """The pairs, one by one."""
        return load_pairs(self.pairs, columns=self.columns, limit=self.limit)

    @property
    def files(self) -> tuple[str, ...]:
        """The file or address of the pairs; none where they are in memory."""
        return (self.pairs,) if isinstance(self.pairs, str) else ()

    def identity(self) -> dict[str, Any]:
        """What makes these pairs these, with the path of a file whole, so that any folder can find it again."""
        name = source_name(self.pairs)
        path = Path(name)
        whole = str(path.resolve()) if self.files and path.exists() else name
        return {"pairs": whole, "columns": self.columns, "limit": self.limit}


class RunConfig(Config):
    """Where a run is kept."""

    out: Out
    """Run folder; made when missing."""
    resume: Annotated[bool, Flag(off="--fresh")] = True
    """Go on with what --out holds, or move its records aside and start over; answers in the cache are kept."""
    seed: int = 0
    """Seed for order draws, folds and samples."""


class SuspectsConfig(Config):
    """Which labels are suspected of being wrong."""

    suspects: Suspects = "probability"
    """Which labels are suspected: more likely wrong than right, of negative strength, or the weakest --share."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of the pairs that are suspected, for --suspects quantile."""


class AskingConfig(RunConfig):
    """How models are asked, and what asking may cost."""

    max_reasons: Annotated[int, Field(ge=1, le=50)] = 5
    """Ask a judge for at most N reasons; longer lists are truncated before matching."""
    cache: Annotated[Path, Flag(metavar="FILE")] = Field(default_factory=default_cache)
    """Where answers are kept, so that nothing is asked twice. Default: $RIGHTLY_CACHE or ~/.cache/rightly/answers.db."""
    budget: Annotated[float | None, Field(ge=0), Flag(metavar="USD")] = None
    """Most dollars for --out, over all runs in it; exit code 3 when the next call does not fit. Needs --price and max_tokens
    for every API model. Default: no limit."""
    prices: Annotated[tuple[str, ...], Flag("--price", metavar="MODEL=IN,OUT")] = ()
    """Dollars per million input and output tokens; repeat for each model."""

    def account(self) -> Account:
        """The account of the run, with its prices and its budget."""
        return Account(dict(map(parse_price, self.prices)), self.budget)

    def builder(self, cache: AnswerCache, account: Account) -> JudgeBuilder:
        """Builds this run's judges."""
        return JudgeBuilder(cache=cache, account=account, max_reasons=self.max_reasons, seed=self.seed)


class JudgingConfig(AskingConfig, PairsConfig):
    """Pairs, judges, and how they are asked."""

    judges: Annotated[tuple[AnyJudge, ...], Flag("--judge", metavar="SPEC")]
    """Who judges: longer, shorter, first, annotator, openai:MODEL, hf:PATH, vllm:PATH, replay:FILE, panel:SPEC+SPEC; repeat for
    several."""
