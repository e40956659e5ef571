"""Recognise the column family of a row by its columns, without guessing.

A family is recognised if it is the only one whose required columns the row has. If two fit, the error names both and the
flag that selects one. If none fits, the error names the nearest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from rightly.data import families
from rightly.data.dialogue import chosen_rejected
from rightly.data.fields import Row, optional_text, texts
from rightly.errors import InputError, did_you_mean
from rightly.types import Message, PreferencePair, Rationale


@dataclass(frozen=True)
class Family:
    """A published column layout of preference pairs.

    Attributes:
        name: Name for ``--columns``.
        required: Columns that identify the family.
        convert: Function from row to pair; raises `InputError` (without file and row) on a bad row.
        absent: Columns that rule the family out.
    """

    name: str
    required: frozenset[str]
    convert: Callable[[Row], PreferencePair]
    absent: frozenset[str] = frozenset()

    def pair(self, row: Row) -> PreferencePair:
        """The pair of a row, with what may stand beside any family: a system prompt, reasons as plain texts.

        Raises:
            InputError: The row is unusable.
        """
        pair = self.convert(row)
        if "responses" in self.required:  # native rows have no other columns than a pair
            return pair
        changes: dict[str, object] = {}
        reasons = tuple(Rationale(text=reason) for reason in texts(row, "rationales") if reason.strip())
        if reasons:
            changes["rationales"] = (*pair.rationales, *reasons)
        system = optional_text(row, "system") or ""
        first = pair.context[0] if pair.context else None
        if system.strip() and (first is None or first.role != "system"):
            changes["context"] = (Message(role="system", content=system), *pair.context)
        elif system.strip() and first is not None and first.content.strip() != system.strip():
            raise InputError("column 'system' and the first message are different system prompts", fix="keep one")
        if not changes:
            return pair
        changed = pair.model_copy(update=changes)
        return changed if pair.id != pair.content_key else changed.model_copy(update={"id": changed.content_key})

    def fits(self, columns: frozenset[str]) -> bool:
        """Whether a row with these columns belongs to this family."""
        return self.required <= columns and not self.absent & columns


def _family(name: str, required: str, convert: Callable[[Row], PreferencePair], absent: str = "") -> Family:
    return Family(name, frozenset(required.split()), convert, frozenset(absent.split()))


FAMILIES = {
    family.name: family
    for family in (
        _family("native", "responses", families.native),
        _family("chosen-rejected", "chosen rejected", chosen_rejected),
        _family("judgebench", "response_A response_B label", families.judgebench),
        _family("helpsteer3", "response1 response2 overall_preference", families.helpsteer3, absent="human-checklist"),
        _family("rationalerm", "response1 response2 human-checklist", families.rationalerm),
        _family("r-align", "conversations response_A response_B gt_label", families.r_align),
        _family("arena", "model_a model_b winner", families.arena),
        _family("ukpconvarg1", "response_a response_b votes strict_label title stance", families.ukpconvarg1),
        _family("pandalm", "instruction response1 response2 annotator1", families.pandalm),
        _family("llmbar", "input output_1 output_2 label", families.llmbar),
    )
}


def family_named(name: str) -> Family:
    """The family selected by ``--columns NAME``."""
    if name not in FAMILIES:
        raise InputError(f"no column family is named {name!r}", where="--columns", fix=did_you_mean(name, FAMILIES))
    return FAMILIES[name]


@lru_cache(maxsize=1024)
def recognise(columns: frozenset[str]) -> Family:
    """The only family that fits a row with these columns.

    Raises:
        InputError: No family fits, or several do.
    """
    fitting = [family for family in FAMILIES.values() if family.fits(columns)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " and ".join(family.name for family in fitting)
        raise InputError(
            f"the columns fit {names}", fix=f"choose with --columns {fitting[0].name} (or another of them)"
        )
    nearest = max(FAMILIES.values(), key=lambda family: len(family.required & columns) / len(family.required))
    if nearest.required & columns:
        missing = ", ".join(sorted(nearest.required - columns))
        raise InputError(f"{_seen(columns)}; the nearest family, {nearest.name}, also needs {missing}", fix=_known())
    raise InputError(_seen(columns), fix=_known())


def check_columns(row: Row, family: Family, *, chosen: bool) -> None:
    """Check that a row belongs to the family of its file's first row, or to the chosen one.

    Args:
        row: The row to check.
        family: Required family.
        chosen: Whether the user chose the family, so that additional columns are ignored.

    Raises:
        InputError: A required column is missing, or the row belongs to another family.
    """
    columns = frozenset(row)
    missing = family.required - columns
    if missing:
        raise InputError(
            f"missing columns of family {family.name}: {', '.join(sorted(missing))}",
            fix="use one column family per file",
        )
    if not chosen and recognise(columns) is not family:
        raise InputError(
            f"the columns are those of {recognise(columns).name}, but the rows before were {family.name}",
            fix=f"use one column family per file, or select it with --columns {family.name}",
        )


def _seen(columns: frozenset[str]) -> str:
    shown = sorted(columns)[:12]
    more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
    return f"no known column family has the columns {', '.join(shown) or '(none)'}{more}"


def _known() -> str:
    return "known: " + "; ".join(f"{f.name} ({', '.join(sorted(f.required))})" for f in FAMILIES.values())
