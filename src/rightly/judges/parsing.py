"""Read a verdict and its reasons out of a judge's answer; the one place where that is done.

An answer is not trusted: thinking is cut off first, the last verdict binds (an earlier one may be quoted from the
material), and what was read is checked against the labels that were offered. Anything else is a named failure.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rightly.references import Side, subject_side
from rightly.types import Choice, Rationale

READER_VERSION = 1
"""Part of every judge's fingerprint: raise it when the same answer is read differently."""

PAIRWISE_LABELS: Mapping[str, Choice] = {
    "A": "A", "B": "B", "TIE": "tie",
    "A>>B": "A", "A>B": "A", "A=B": "tie", "B>A": "B", "B>>A": "B",
    "B<<A": "A", "B<A": "A", "B=A": "tie", "A<B": "B", "A<<B": "B",
    "RESPONSE A": "A", "RESPONSE B": "B", "ASSISTANT A": "A", "ASSISTANT B": "B",
    "ANSWER A": "A", "ANSWER B": "B", "OPTION A": "A", "OPTION B": "B",
}  # fmt: skip
"""The labels that a pairwise prompt offers, upper case, and what they mean."""

# Capital letters only, and only where a sentence cannot go on: "the verdict is a tie", "Verdict: A good answer is B".
_LABEL = (
    r"(?:(?:(?i:response|assistant|answer|option)\s+)?[A-Z](?:\s*(?:>>|>|=|<<|<)\s*[A-Z])?|(?:[Aa]\s+)?(?i:tie))"
    r"(?=\s*(?:[.,;:!*\"')(\]\u2013\u2014-]|$)|\s+(?:because|since|as|is)\b)"
)
_VERDICT = re.compile(
    rf"""
    \[\[\s*(?P<bracketed>[^\[\]\n]{{1,24}}?)\s*\]\]
    | \\boxed\{{\s*(?:\\text\{{)?\s*(?P<boxed>[^{{}}\n]{{1,24}}?)\s*\}}
    | <(?:verdict|answer)>\s*(?P<tagged>[^<\n]{{1,24}}?)\s*</(?:verdict|answer)>
    | "(?:verdict|winner|preferred)"\s*:\s*"(?P<quoted>[^"\n]{{1,24}})"
    | \b(?i:(?:final\s+)?(?:verdict|answer|decision|winner|choice))\**\s*(?:is|:)\s*\**\s*["']?
      (?P<plain>{_LABEL})
    """,
    re.VERBOSE | re.MULTILINE,
)
_THINK = re.compile(r"(?is)<(think|thinking|reasoning)>.*?</\1>")
_THINK_TAIL = re.compile(r"(?is)\A.*</(?:think|thinking|reasoning)>")
_THINK_OPEN = re.compile(r"(?is)<(?:think|thinking|reasoning)>.*\Z")
_ITEM = re.compile(r"^[ \t]*(?:\d{1,2}[.)]|[-*•])[ \t]+(?=\S)", re.MULTILINE)
_ITEM_LINE = re.compile(rf"{_ITEM.pattern}.*$", re.MULTILINE)
_FAVORS = re.compile(r"[\[(]\s*favou?rs:?\s*(?:response\s*)?([AB])\s*[\])]", re.IGNORECASE)


class Parsed(NamedTuple):
    """What an answer says; ``verdict`` is ``None`` when it says nothing usable, and ``problem`` why."""

    verdict: Choice | None
    rationales: tuple[Rationale, ...]
    problem: str = ""


def parse_answer(text: str, labels: Mapping[str, Choice] = PAIRWISE_LABELS) -> Parsed:
    r"""Read the judge's reasons and its verdict.

    The last verdict binds: of a JSON object with a ``verdict``, or in the text (``[[A>B]]``, ``\boxed{A}``,
    ``<verdict>A</verdict>``, ``Verdict: A``), where the reasons are the list items before it.

    Args:
        text: The whole answer.
        labels: The labels that were offered, upper case, and the choice that each stands for.
    """
    answer = strip_thinking(text)
    if not answer:
        return Parsed(None, (), "the answer is empty" if not text.strip() else "nothing but thinking")
    objects = [(found, end) for found, end in json_objects(answer) if "verdict" in found]
    matches = list(_VERDICT.finditer(answer))
    if objects and not (matches and matches[-1].start() >= objects[-1][1]):
        return _from_object(objects[-1][0], labels)
    if not matches:
        return Parsed(None, (), "no verdict in the answer")
    said = next(group for group in reversed(matches[-1].groups()) if group is not None)
    return _checked(said, _listed_reasons(answer[: matches[-1].start()]), labels)


def stated_verdicts(text: str, labels: Mapping[str, Choice] = PAIRWISE_LABELS) -> tuple[Choice, ...]:
    """Every verdict that an answer states outside its reasons, in the form of the last one, in order.

    A judge gives one; two that differ are for a reward to punish (the last one binds all the same).
    """
    answer = strip_thinking(text)
    objects = [found["verdict"] for found, _ in json_objects(answer) if "verdict" in found]
    if objects:
        said = [verdict for verdict in objects if isinstance(verdict, str)]
    else:
        matches = list(_VERDICT.finditer(_ITEM_LINE.sub("", answer)))
        forms = [next(name for name, group in match.groupdict().items() if group is not None) for match in matches]
        said = [match[form] for match, form in zip(matches, forms, strict=True) if form == forms[-1]]
    read = (_checked(each, (), labels).verdict for each in said)
    return tuple(verdict for verdict in read if verdict is not None)


def strip_thinking(text: str) -> str:
    """The answer without its ``<think>`` part; what follows an opened and never closed one is thinking."""
    text = _THINK.sub("", text)
    return _THINK_OPEN.sub("", _THINK_TAIL.sub("", text)).strip()


def _from_object(found: dict[str, Any], labels: Mapping[str, Choice]) -> Parsed:
    listed = found.get("reasons", [])
    if not isinstance(listed, list):
        return Parsed(None, (), f"reasons is a {type(listed).__name__}, not a list")
    rationales = tuple(r for r in map(_rationale, listed) if r is not None)
    said = found["verdict"]
    if not isinstance(said, str):
        return Parsed(None, rationales, f"the verdict {said!r} is not a label")
    return _checked(said, rationales, labels)


def _checked(said: str, rationales: tuple[Rationale, ...], labels: Mapping[str, Choice]) -> Parsed:
    label = re.sub(r"\s*([<>=]+)\s*", r"\1", " ".join(said.upper().split()))
    label = label.removeprefix("A ") if label == "A TIE" else label
    if label in labels:
        return Parsed(labels[label], rationales)
    return Parsed(None, rationales, f"the verdict {said[:40]!r} is none of the labels offered")


def _rationale(listed: Any) -> Rationale | None:
    if isinstance(listed, str):
        listed = {"point": listed}
    if not isinstance(listed, dict):
        return None
    point = listed.get("point") or listed.get("reason") or listed.get("text")
    if not isinstance(point, str) or not point.strip():
        return None
    about = _side(listed.get("about"))
    return Rationale(text=point.strip(), about=about or subject_side(point), favors=_side(listed.get("favors")))


def _listed_reasons(text: str) -> tuple[Rationale, ...]:
    reasons: list[Rationale] = []
    for listed in _ITEM.split(text)[1:]:
        item = listed.split("\n\n")[0]
        favors = _FAVORS.search(item)
        point = " ".join(_FAVORS.sub("", item).split())
        if point:
            side: Side | None = _side(favors.group(1)) if favors else None
            reasons.append(Rationale(text=point, about=subject_side(point), favors=side))
    return tuple(reasons)


def _side(value: Any) -> Side | None:
    text = str(value).strip().upper().removeprefix("RESPONSE ")
    return "A" if text == "A" else "B" if text == "B" else None


def json_objects(text: str) -> Iterator[tuple[dict[str, Any], int]]:
    """The outermost JSON objects in a text with where they end, in order; what does not parse is passed over."""
    decoder = json.JSONDecoder(strict=False)
    position = text.find("{")
    while position >= 0:
        try:
            found, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            if isinstance(found, dict):
                yield found, end
        position = text.find("{", end)
