r"""Read the verdict and the reasons from a judge's answer in any explicit form.

A wrong verdict is far worse than an unread one. Thinking is removed first. Explicit forms outrank prose: a ``verdict`` in
a JSON object, ``[[A>B]]``, ``\boxed{A}``, ``<verdict>A</verdict>``. The last explicit form binds, since an earlier one may
be a draft or quoted. A sentence (``Verdict: A``) is read only if there is no explicit form and the answer is complete.
The result is checked against the offered labels. Anything else is a named failure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from rightly.inference.reading import Block, json_blocks, strip_thinking
from rightly.judges.stated import (
    HEADING,
    STATED,
    is_complete,
    is_draft,
    is_final,
    is_in_item,
    is_introduced,
    is_offer,
    is_quoted,
    masked,
)
from rightly.judges.verdict_labels import LABEL, PAIRWISE_LABELS, choice_of, plain, spoken
from rightly.references import Side, subject_side
from rightly.types import Choice, Rationale

READER_VERSION = 3
"""Version of the answer reader; part of the identity of every record made from an answer.

Raise it with every change to this file, to `declared`, `verdict_labels`, `stated` or to `rightly.inference.reading` after
which some answer gives another verdict, other reasons or another failure.
"""

_KEYS = ("final_verdict", "verdict", "winner", "preferred")
_ALONE = ("preferred_response", "better_response", "best_response", "preference", "judgment", "judgement", "decision",
          "choice", "result", "better")  # fmt: skip
"""Names of the verdict in an answer that is one JSON object and nothing else; in a passage they may be anything's."""
_VERDICT_KEY = re.compile(rf"""(?i)["'](?:{"|".join(_KEYS)})["']\s*:""")
_OFFER = re.compile(r"(?i)\bor\b|\|")
_NOT_TEXT = frozenset(("about", "favors"))
_FORMS = re.compile(
    r"""
    \[\[\s*(?P<bracketed>[^\[\]\n]{1,40}?)\s*\]\]
    | \\boxed\{(?P<boxed>(?:[^{}\n]|\{[^{}\n]*\}){1,40})\}
    | <(?P<tag>verdict|answer)>(?P<tagged>[^<]{1,60})</(?P=tag)>
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CONTRADICTED = re.compile(
    r"(?i)(?<!correct )(?<!right )(?<!wrong )(?<!true )\b(?:answer|winner|choice|verdict)\s*(?:is|:)\s*"
    r"(?-i:(?P<label>[A-Z])\b)(?!\s*(?:is\b|[<>=]))|^[^:\n]{1,40}:\s*(?P<last>[A-Z])\W*\Z",
    re.MULTILINE,
)
_ITEM = re.compile(r"^[ \t]*(?:\d{1,2}[.)]|[-*•])[ \t]+(?=\S)", re.MULTILINE)
_FAVORS = re.compile(r"[\[(]\s*favou?rs:?\s*(?:response\s*)?([AB])\s*[\])]", re.IGNORECASE)


class Parsed(NamedTuple):
    """A parsed answer.

    Attributes:
        verdict: Verdict in the names shown; ``None`` if the answer states none that can be used.
        rationales: Reasons in the order of the answer.
        problem: Why there is no verdict; empty if there is one.
        unread: Why the reasons could not be read; empty if they were, even if there are none.
        repaired: Whether the JSON object of the verdict had to be repaired.
        scores: Score of every response, for forms that state scores.
        prose: Text with the reasons, for forms that do not list them.
    """

    verdict: Choice | None
    rationales: tuple[Rationale, ...]
    problem: str = ""
    unread: str = ""
    repaired: bool = False
    scores: tuple[float, ...] = ()
    prose: str = ""


class _Said(NamedTuple):
    """A verdict as written in an answer.

    Attributes:
        form: Kind of the form.
        start: Index where the verdict or its line begins.
        words: Text as written.
        choice: Meaning of the words; ``None`` for a label that was not offered.
        firm: Whether an explicit form stands alone, or a sentence is called final.
        members: Members of the verdict's JSON object.
        repaired: Whether that object had to be repaired.
    """

    form: str
    start: int
    words: Any
    choice: Choice | None
    firm: bool
    members: Mapping[str, Any] | None = None
    repaired: bool = False


def parse_answer(text: str, labels: Mapping[str, Choice] = PAIRWISE_LABELS) -> Parsed:
    r"""Read the judge's reasons and its verdict.

    The last explicit form binds (a JSON object with a ``verdict``, ``[[A>B]]``, ``\boxed{A}``, ``<verdict>A</verdict>``).
    A sentence (``Verdict: A``) is read only if there is no explicit form. Reasons come from the JSON object, else from the
    list items before the verdict.

    Args:
        text: The whole answer.
        labels: Offered labels, upper case, and the choice that each stands for.
    """
    answer = strip_thinking(text)
    if not answer:
        return Parsed(None, (), "the answer is empty" if not text.strip() else "nothing but thinking")
    blocks = list(json_blocks(answer))
    explicit, sentences = _read(answer, blocks, labels)
    truncated = bool(blocks) and blocks[-1].truncated
    if truncated and not (explicit and explicit[-1].start == blocks[-1].start):
        return Parsed(None, (), "the answer is truncated inside a JSON object")
    said = explicit or sentences
    if not said:
        broken = any(block.found is None or block.repaired for block in blocks)
        return Parsed(None, (), "a JSON object that cannot be read" if broken else "no verdict in the answer")
    last, problem = said[-1], ""
    if last.choice is None:
        problem = _why_unread(last)
    elif any(_contradicts(each, last) for each in sentences):
        problem = "two verdicts that differ"
    verdict = None if problem else last.choice
    holders = [each for each in said if each.members is not None and each.choice == last.choice]
    if not holders:
        listed = listed_reasons(answer[: last.start])
        return Parsed(verdict, listed, problem, "" if listed else "no list of reasons in the answer")
    rationales, unread = json_reasons((holders[-1].members or {}).get("reasons", []))
    return Parsed(verdict, rationales, problem, unread, holders[-1].repaired)


def explicit_verdicts(text: str, labels: Mapping[str, Choice] = PAIRWISE_LABELS) -> tuple[Choice, ...]:
    """Every verdict that an answer states outside its reasons, in the same form as the last one, in order.

    A correct answer has one. Two different verdicts can be penalised by a reward; the last explicit one still binds.
    """
    answer = strip_thinking(text)
    explicit, sentences = _read(answer, list(json_blocks(answer)), labels)
    said = explicit or sentences
    return tuple(each.choice for each in said if each.form == said[-1].form and each.choice is not None)


def _read(answer: str, blocks: Sequence[Block], labels: Mapping[str, Choice]) -> tuple[list[_Said], list[_Said]]:
    """The verdicts in explicit forms and the verdicts in sentences."""
    prose = masked(answer, [(block.start, block.end) for block in blocks])
    explicit = [*_in_objects(answer, prose, blocks, labels), *_in_forms(prose, labels)]
    explicit.sort(key=lambda said: said.start)
    return explicit, _in_sentences(prose, labels, alone=not explicit)


def _contradicts(sentence: _Said, last: _Said) -> bool:
    """Whether a sentence contradicts the last verdict.

    An earlier sentence may be about one criterion; a later or final one, or one beside a quotation, may not.
    """
    if sentence.choice in (None, last.choice):
        return False
    return last.form == "prose" or sentence.start >= last.start or sentence.firm or not last.firm


def _in_objects(answer: str, prose: str, blocks: Sequence[Block], labels: Mapping[str, Choice]) -> Iterator[_Said]:
    """Verdicts in JSON objects; ``prose`` is the answer without the objects."""
    before: tuple[_Said, int] | None = None
    for block in blocks:
        members = None if block.found is None else _with_verdict(block.found)
        if members is None and _is_all(answer, block):
            members = _with_verdict(block.found or {}, _ALONE)
        if members is None or any(check(prose, block.start) for check in (is_quoted, is_in_item, is_draft)):
            continue
        values = [_innermost(members[key]) for key in (*_KEYS, *_ALONE) if key in members]
        choices = {choice for value in values if (choice := choice_of(value, labels)) is not None}
        choice = choices.pop() if len(choices) == 1 else None
        if block.repaired and len(_VERDICT_KEY.findall(answer, block.start, block.end)) > 1:
            choice = None  # one of them may be quoted by a reason whose quotes are not escaped
        if block.repaired and choice is None and isinstance(values[0], str) and _OFFER.search(values[0]):
            continue  # the form of the answer, echoed
        said = _Said("object", block.start, values[0], choice, True, members, block.repaired)
        if (
            before is not None
            and not answer[before[1] : block.start].strip(" \t\r\n,")
            and said.choice != before[0].choice
        ):
            said = said._replace(choice=None)  # a list of verdicts, on criteria or on several pairs, is not one verdict
        yield said
        before = said, block.end


def _is_all(answer: str, block: Block) -> bool:
    """Whether the answer is this object and nothing else, in a fence or not."""
    around = answer[: block.start] + answer[block.end :]
    return block.found is not None and not re.sub(r"```(?:json)?", "", around).strip()


def _innermost(value: Any) -> Any:
    """The verdict of ``{"verdict": {"winner": "B"}}``."""
    inner = _with_verdict(value) if isinstance(value, dict) else None
    return value if inner is None else next(inner[key] for key in _KEYS if key in inner)


def _with_verdict(found: Mapping[str, Any], keys: Sequence[str] = _KEYS) -> dict[str, Any] | None:
    """The members of the object that holds the verdict, by lower-case name; the object may be nested in another."""
    while True:
        members = {"_".join(key.lower().split()): value for key, value in found.items()}
        if any(key in members for key in keys):
            return members
        inner = next(iter(found.values()), None)
        if len(found) != 1 or not isinstance(inner, dict):
            return None
        found = inner


def _in_forms(text: str, labels: Mapping[str, Choice]) -> list[_Said]:
    matches = list(_FORMS.finditer(text))
    said = [next(group for group in (m["bracketed"], m["boxed"], m["tagged"]) if group is not None) for m in matches]
    choices = [choice_of(words, labels) for words in said]
    offered: set[int] = set()
    for n in range(1, len(matches)):
        (one, other), between = choices[n - 1 : n + 1], text[matches[n - 1].end() : matches[n].start()]
        if one is not None and other is not None and is_offer(one, other, between):
            offered |= {n - 1, n}
    return [
        _Said(match.lastgroup or "", match.start(), words, choice, is_introduced(text, match.start()))
        for n, (match, words, choice) in enumerate(zip(matches, said, choices, strict=True))
        if n not in offered and _is_stated(text, match)
    ]


def _is_stated(text: str, match: re.Match[str]) -> bool:
    """Whether a label in an explicit form is a verdict in its context, and not only mentioned."""
    start = match.start()
    if is_draft(text, start) or is_quoted(text, start) or is_in_item(text, start) or not is_complete(text, match.end()):
        return False
    may_quote = match["boxed"] is not None or (match["tag"] or "").lower() == "answer"
    return not may_quote or is_introduced(text, start)


def _in_sentences(text: str, labels: Mapping[str, Choice], *, alone: bool) -> list[_Said]:
    """Verdicts in sentences and under headings; if any is called final, only the final ones.

    Args:
        text: The answer without its JSON objects.
        labels: Offered labels, upper case, and the choice that each stands for.
        alone: Whether there is no explicit verdict; a sentence contradicted by another one is then not a verdict.
    """
    starts = accumulate((len(line) + 1 for line in text.split("\n")), initial=0)
    lines = [(start, plain(line)) for start, line in zip(starts, text.split("\n"), strict=False) if line.strip()]
    lines = [(start, line) for start, line in lines if not is_quoted(text, start)]
    found: list[_Said] = []
    for number, (start, line) in enumerate(lines):
        following = lines[number + 1][1] if number + 1 < len(lines) else ""
        heading = HEADING.fullmatch(line)
        if heading and (choice := spoken(following, labels)) is not None:
            found.append(_Said("prose", start, following, choice, is_final(heading["announced"])))
        for stated in STATED.finditer(line):
            final, words = is_final(stated["announced"]), stated["said"].strip()
            if is_quoted(line, stated.start("announced")):
                continue
            if stated["answer"] and not final and (following or stated[0].strip() != line.strip(" .")):
                continue
            choice = spoken(words, labels)
            if choice is not None or final or LABEL.fullmatch(words):
                found.append(_Said("prose", start, words, choice, final))
    said = [each for each in found if each.firm] or found
    if alone and said and said[-1].choice is not None:
        after = "\n".join(line for start, line in lines if start >= said[-1].start)
        said += [
            _Said("prose", said[-1].start, other[0], choice, False)
            for other in _CONTRADICTED.finditer(after)
            if (choice := labels.get(other["label"] or other["last"])) not in (None, said[-1].choice)
        ]
    return said


def _why_unread(said: _Said) -> str:
    if not isinstance(said.words, str):
        return f"the verdict {said.words!r} is not a label"
    return f"the verdict {said.words.strip()[:40]!r} is none of the labels offered"


def json_reasons(listed: Any) -> tuple[tuple[Rationale, ...], str]:
    """The reasons of a JSON object, texts or objects with a ``point``, and why they cannot be read (empty if they can)."""
    if not isinstance(listed, list):
        return (), f"reasons is a {type(listed).__name__}, not a list"
    rationales = tuple(r for r in map(_rationale, listed) if r is not None)
    return rationales, "" if rationales or not any(listed) else "none of the reasons has a text that can be told"


def _rationale(listed: Any) -> Rationale | None:
    if isinstance(listed, str):
        listed = {"point": listed}
    if not isinstance(listed, dict):
        return None
    named = {str(key).lower(): value for key, value in listed.items()}
    texts = [value for key, value in named.items() if isinstance(value, str) and key not in _NOT_TEXT]
    point = named.get("point") or named.get("reason") or named.get("text") or (texts[0] if len(texts) == 1 else None)
    if not isinstance(point, str) or not point.strip():
        return None
    about = _side(named.get("about"))
    return Rationale(text=point.strip(), about=about or subject_side(point), favors=_side(named.get("favors")))


def listed_reasons(text: str) -> tuple[Rationale, ...]:
    """The items of a numbered or bulleted list."""
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
