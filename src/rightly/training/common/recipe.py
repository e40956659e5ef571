"""Read a recipe from a TOML file: unknown keys are rejected, and command-line changes take precedence."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from rightly.errors import InputError
from rightly.types import Frozen

Recipe = TypeVar("Recipe", bound=Frozen)


class Lora(Frozen):
    """A low-rank adapter (Hu et al., 2021); the reward head is always trained in full.

    Attributes:
        rank: Rank of the update.
        alpha: Scale of the update, divided by the rank.
        dropout: Dropout probability on the adapter's input.
        targets: Names of linear modules, or all of them.
        quantize: Whether to use QLoRA (Dettmers et al., 2023): the base in 4 bits; needs bitsandbytes and a GPU.
        merge: Whether to write adapter and base as one checkpoint into ``output``, and the adapter into ``output/adapter``.
            If off, only the adapter is written into ``output``. It is small, but software that loads it takes the pad token
            from the base's configuration, which is often the end token, and servers of classifiers load no adapters.
    """

    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    quantize: bool = False
    merge: bool = True


def read_table(path: str | Path, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Read a TOML file and apply changes, without validation.

    Raises:
        InputError: The file or a change is unusable.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not TOML: {error}", where=str(path)) from None
    for change in changes:
        _change(table, change)
    return table


def merged_tables(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Merge tables; later ones take precedence, and nested tables are merged, not replaced."""
    whole: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            known = whole.get(name)
            if isinstance(known, dict) and isinstance(value, Mapping):
                value = merged_tables(known, value)
            whole[name] = value
    return whole


def check_recipe(kind: type[Recipe], table: Mapping[str, Any], where: str) -> Recipe:
    """Validate a table as a recipe of the given kind.

    Raises:
        InputError: A key is unknown or its value is wrong; the error names the key.
    """
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "recipe"
        problem = "is not a key of a recipe" if first["type"] == "extra_forbidden" else first["msg"]
        raise InputError(f"{key}: {problem}", where=where) from None


def _change(table: dict[str, Any], change: str) -> None:
    name, found, value = change.partition("=")
    if not found:
        raise InputError(
            f"{change!r} is not KEY=VALUE", where="--set", fix="write for example trainer.learning_rate=1e-5"
        )
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *tables, key = name.strip().split(".")
    for each in tables:
        table = table.setdefault(each, {})
        if not isinstance(table, dict):
            raise InputError(
                f"{each} is not a table", where="--set", fix=f"set {each} itself, or see the recipe's tables"
            )
    table[key] = parsed
