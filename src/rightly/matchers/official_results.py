"""The MetaJudge's answers in result files of RationaleRM: matches that are paid for are replayed without a model.

A result row is ``prompt, samples: [{generated_text, ...}], status, metadata``: ``metadata`` is the judged row, with the human
points and the list of every judge; which of them was matched is seen from the prompt.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rightly.data.fields import Row, came, records, text, texts
from rightly.data.load import open_rows
from rightly.errors import InputError
from rightly.matchers.base import MOSTLY, Match
from rightly.matchers.official_grammar import READER_VERSION, SCHEME, numbered, official_links
from rightly.store.fingerprint import file_fingerprint, fingerprint

_LISTED = re.compile(r"(?i)(?P<model>.+)-checklist")


def results_fingerprint(file: str) -> str:
    """Identity of the replayed MetaJudge: the content of the result file.

    Raises:
        InputError: The file cannot be read.
    """
    return fingerprint(SCHEME, results=file_fingerprint(Path(file)), reader=READER_VERSION)


class _Stored(NamedTuple):
    """A judge's list with the stored match."""

    candidate: tuple[str, ...]
    match: Match
    place: str


class ReplayedMetaJudge:
    """Answers two lists with the stored answer to the same lists, apart from white space.

    A list that the audit truncated gets the answer to the whole list, without the links to the reasons that are left out.

    Args:
        file: Result file.

    Raises:
        InputError: A row is not a result row, or two rows match the same lists differently.
    """

    concurrency = 64
    smoke_only = False
    free = False  # it knows the lists of its file only, so nothing can be measured with it
    operating_point = MOSTLY
    held_out: frozenset[str] | None = None

    def __init__(self, file: str) -> None:
        self.name, self.fingerprint = f"{SCHEME}:{file}", results_fingerprint(file)
        self._file = file
        self._stored: dict[tuple[str, ...], dict[tuple[str, ...], _Stored]] = {}
        for _ in open_rows(file).converted(lambda rows: (self._keep(row, rows.place) for row in rows)):
            pass
        if not self._stored:
            raise InputError("holds no matched lists", where=file, fix="give a result file of RationaleRM's MetaJudge")

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """The stored answer; without one the match is a failed request."""
        if not reference or not candidate:
            return Match()
        points, reasons = _distinct(reference)[0], _bare(candidate)
        stored = self._stored.get(points, {})
        whole = stored.get(reasons)
        if whole is not None:
            return whole.match
        cut = [_first(each.match, len(reasons)) for key, each in stored.items() if key[: len(reasons)] == reasons]
        if cut and all(each.links == cut[0].links for each in cut):
            return cut[0]
        longer = f"{len(cut)} answers to longer lists that begin so; use --max-reasons 10"
        return Match(failure="provider", detail=f"{self._file} holds {longer if cut else 'no answer to these lists'}")

    async def aclose(self) -> None:
        """Nothing to release."""

    def _keep(self, row: Row, place: str) -> None:
        asked = row.get("metadata")
        if "samples" not in row or not isinstance(asked, Mapping) or "human-checklist" not in asked:
            problem = "no result of RationaleRM's MetaJudge: prompt, samples, status and metadata are needed"
            raise InputError(problem, fix="give the --output-file of metajudge_infer.py")
        reference = texts(asked, "human-checklist")
        points, places = _distinct(reference)
        for candidate in _matched_lists(asked, text(row, "prompt")):
            match = _match(row, len(reference), len(candidate), places)
            stored = self._stored.setdefault(points, {})
            before = stored.get(_bare(candidate))
            if before is not None and before.match.failure is None and match.failure is None:
                if before.match.links != match.links:
                    raise InputError(f"matches the same lists as {before.place} differently", fix="remove one of them")
            elif before is None or before.match.failure is not None:
                stored[_bare(candidate)] = _Stored(_bare(candidate), match, place)


def _matched_lists(asked: Row, prompt: str) -> list[list[str]]:
    """The judge's list that the prompt shows, if it has reasons; a row with one judge needs no such evidence."""
    lists: dict[str, list[str]] = {}
    for column in asked:
        listed = _LISTED.fullmatch(column)
        if listed is not None and listed["model"].lower() != "human":
            lists[listed["model"]] = texts(asked, column)
    if len(lists) < 2:
        return [each for each in lists.values() if each]
    shown = [each for each in lists.values() if each and _shows(prompt, each)]
    if not shown and all(lists.values()):
        raise InputError(f"the prompt shows none of the lists of {', '.join(lists)}", fix="correct or remove the row")
    return shown[:1]


def _shows(prompt: str, candidate: Sequence[str]) -> bool:
    """Whether the prompt has this list, and not a longer one that begins with it."""
    before, found, after = prompt.partition(numbered("S", candidate))
    goes_on = f"\nS{len(candidate) + 1}: "
    return bool(found) and not after.startswith(goes_on) and (not before or before[-1].isspace())


def _match(row: Row, n_reference: int, n_candidate: int, places: Sequence[int | None]) -> Match:
    status, samples = row.get("status"), records(row, "samples")
    if status not in ("success", "format_error", "error"):
        problem = f"column 'status' is {came(status)}, expected success, format_error or error"
        raise InputError(problem, fix="correct or remove the row")
    if status == "error" or not samples:
        said = row.get("error_message")
        return Match(failure="provider", detail=said if isinstance(said, str) else "the published request failed")
    raw = text(samples[0], "generated_text")
    links, problem = official_links(raw, n_reference, n_candidate)
    if status == "format_error" or problem:
        return Match(raw=raw, failure="unparsed", detail=problem or "its publisher marked the answer as a format error")
    moved = ((link, places[link.reference]) for link in links)
    return Match(
        links=tuple(link.model_copy(update={"reference": place}) for link, place in moved if place is not None), raw=raw
    )


def _first(match: Match, length: int) -> Match:
    return match.model_copy(update={"links": tuple(link for link in match.links if link.candidate < length)})


def _distinct(points: Sequence[str]) -> tuple[tuple[str, ...], list[int | None]]:
    """The points as `rightly.auditing.points.GivenPoints` gives them, and the place of each one; ``None`` if it has no text."""
    bare = _bare(points)
    kept = tuple(dict.fromkeys(each for each in bare if each))
    return kept, [kept.index(each) if each else None for each in bare]


def _bare(points: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(point.split()) for point in points)
