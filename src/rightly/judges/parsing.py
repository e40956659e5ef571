r"""Read a verdict and its reasons out of a judge's answer; the one place where that is done.

A wrong verdict is far worse than an unread one. Thinking is left out first. Explicit forms outrank prose: a ``verdict`` in
a JSON object, ``[[A>B]]``, ``\boxed{A}``, ``<verdict>A</verdict>``; of these the last one binds, since an earlier one may
be a draft or quoted. A sentence (``Verdict: A``) is read only where no explicit form is and where the answer is whole.
What was read is checked against the labels that were offered. Anything else is a named failure.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from rightly.inference.reading import Block, json_blocks, strip_thinking
from rightly.references import Side, subject_side
from rightly.types import Choice, Rationale

READER_VERSION = 2
"""Version of how answers are read; part of the identity of what is made from them.

Raise it with every change to this file or to `rightly.inference.reading` after which some answer gives another verdict,
other reasons or another failure.
"""

PAIRWISE_LABELS: Mapping[str, Choice] = {
    "A": "A", "B": "B", "TIE": "tie",
    "A>>B": "A", "A>B": "A", "A=B": "tie", "B>A": "B", "B>>A": "B",
    "B<<A": "A", "B<A": "A", "B=A": "tie", "A<B": "B", "A<<B": "B",
    "RESPONSE A": "A", "RESPONSE B": "B", "ASSISTANT A": "A", "ASSISTANT B": "B",
    "ANSWER A": "A", "ANSWER B": "B", "OPTION A": "A", "OPTION B": "B",
}  # fmt: skip
"""The labels that a pairwise prompt offers, upper case, and what they mean."""

_KEYS = ("final_verdict", "verdict", "winner", "preferred")
_NOT_TEXT = frozenset(("about", "favors"))
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_MARKUP = re.compile(r"\\(?:text|math)[a-z]*|[*_`\"'(){}\[\]$\\]")
_DEGREE = r"(?:(?:slightly|somewhat|marginally|clearly|significantly|much|far|a\s+bit|a\s+little|overall|the)\s+)*"
_RANKED = re.compile(
    rf"(?i)(?P<label>.+?)\s+(?:is|was)\s+{_DEGREE}(?:(?P<better>better|best|winner|stronger|superior|preferred)"
    r"(?:\s+(?:one|response|answer))?|(?P<worse>worse))(?:\s+than\s+(?P<other>.+))?"
)

_FORMS = re.compile(
    r"""
    \[\[\s*(?P<bracketed>[^\[\]\n]{1,40}?)\s*\]\]
    | \\boxed\{(?P<boxed>(?:[^{}\n]|\{[^{}\n]*\}){1,40})\}
    | <(?P<tag>verdict|answer)>(?P<tagged>[^<]{1,60})</(?P=tag)>
    """,
    re.VERBOSE | re.IGNORECASE,
)
_GOES_ON = re.compile(r"[\s*_`\"')$\\\]]*(?:$|[.,;!(<]|(?:[-\u2013\u2014]\s*)?(?:because|since|as)\b|is\s+better\b)")
"""Behind an explicit verdict; behind a label that is only spoken of ("[[A]] if ...", "[[A]] = ...") the sentence runs on."""
_SENTENCE_END = re.compile(r"[.!?]\s|\n")
_NO_VERDICT = re.compile(
    r"(?i)\b(?:draft|(?:initial|first|tentative|preliminary)\s+(?:verdict|judge?ment|answer|choice|guess|impression|thought)"
    r"|at\s+first|format\s*(?:is|:)|legend)\b(?!.*[.!?]\s)"
)
_OPENING = (
    r"\W{0,12}(?:\d{1,2}[.)]\s*)?(?:(?:so|thus|therefore|hence|overall|finally|in\s+conclusion)\W{1,12})?"
    r"(?:(?:the|my|our)\s+)?(?P<final>final\s+|overall\s+)?(?:verdict|judge?ment|decision|winner|choice|preference"
    r"|(?:better|best|preferred|stronger)\s+(?:response|assistant)|(?P<answer>answer))"
)
_INTRODUCED = re.compile(rf"(?i)\W*(?:\d{{1,2}}[.)]\W*)?|(?:.*[.!?])?{_OPENING}\s*(?:is|:)*\W{{0,12}}")
_NEAR = 200
"""Characters before an explicit verdict that say how it is meant."""
_STATED = re.compile(rf"(?i)(?:^|(?<=[.!?])\s){_OPENING}(?:\s+is\s*:?|\s*:)\s*(?P<said>[^.!?\n]+)")
_HEADING = re.compile(rf"(?i){_OPENING}\W*")
_LABEL = re.compile(
    r"(?P<label>(?:(?i:response|assistant|answer|option)\s+)?[A-Z](?:\s*(?:>>|>|=|<<|<)\s*[A-Z])?|(?:[Aa]\s+)?(?i:tie))"
    r"(?:\s*[,;(\u2013\u2014-](?P<tail>.*)|\s+(?:because|since|as)\b.*|\W*)"
)
_OTHER_LABEL = re.compile(
    r"(?i)\W*(?:(?:or|and|no|not|but|wait|rather|actually|maybe|perhaps)\W+)*(?:(?:response|assistant)\s+)?"
    r"(?:[A-Z]|tie)\b(?!\s+(?!or\b|and\b)[a-z]{2})"
)
_CONTRADICTED = re.compile(
    r"(?i)(?<!correct )(?<!right )(?<!wrong )(?<!true )\b(?:answer|winner|choice|verdict)\s*(?:is|:)\s*"
    r"(?-i:(?P<label>[A-Z])\b)(?!\s*(?:is\b|[<>=]))|^[^:\n]{1,40}:\s*(?P<last>[A-Z])\W*\Z",
    re.MULTILINE,
)
_ITEM = re.compile(r"^[ \t]*(?:\d{1,2}[.)]|[-*•])[ \t]+(?=\S)", re.MULTILINE)
_FAVORS = re.compile(r"[\[(]\s*favou?rs:?\s*(?:response\s*)?([AB])\s*[\])]", re.IGNORECASE)


class Parsed(NamedTuple):
    """What an answer says; ``verdict`` is ``None`` when it says nothing usable, and ``problem`` why."""

    verdict: Choice | None
    rationales: tuple[Rationale, ...]
    problem: str = ""


class _Said(NamedTuple):
    """A verdict as it stands in an answer.

    Attributes:
        form: Of which kind.
        start: Where it, or its line, begins.
        words: As written.
        choice: What they mean; ``None`` for what was not offered.
        firm: Whether it stands by itself (an explicit form), or is called final (a sentence).
        members: Of its JSON object.
    """

    form: str
    start: int
    words: Any
    choice: Choice | None
    firm: bool
    members: Mapping[str, Any] | None = None


def parse_answer(text: str, labels: Mapping[str, Choice] = PAIRWISE_LABELS) -> Parsed:
    r"""Read the judge's reasons and its verdict.

    Of explicit forms (a JSON object with a ``verdict``, ``[[A>B]]``, ``\boxed{A}``, ``<verdict>A</verdict>``) the last one
    binds; a sentence (``Verdict: A``) is read where there is none. Reasons are those of the JSON object, else the list
    items before the verdict.

    Args:
        text: The whole answer.
        labels: The labels that were offered, upper case, and the choice that each stands for.
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
        broken = any(block.found is None for block in blocks)
        return Parsed(None, (), "a JSON object that cannot be read" if broken else "no verdict in the answer")
    last, problem = said[-1], ""
    if last.choice is None:
        problem = _why_unread(last)
    elif any(_contradicts(each, last) for each in sentences):
        problem = "two verdicts that differ"
    holders = [each.members for each in said if each.members is not None and each.choice == last.choice]
    if not holders:
        return Parsed(None if problem else last.choice, _listed_reasons(answer[: last.start]), problem)
    rationales, unread = _reasons(holders[-1].get("reasons", []))
    problem = unread or problem
    return Parsed(None if problem else last.choice, rationales, problem)


def explicit_verdicts(text: str, labels: Mapping[str, Choice] = PAIRWISE_LABELS) -> tuple[Choice, ...]:
    """Every verdict that an answer states outside its reasons, in the form of the last one, in order.

    A judge gives one; two that differ are for a reward to punish (the last explicit one binds all the same).
    """
    answer = strip_thinking(text)
    explicit, sentences = _read(answer, list(json_blocks(answer)), labels)
    said = explicit or sentences
    return tuple(each.choice for each in said if each.form == said[-1].form and each.choice is not None)


def _read(answer: str, blocks: Sequence[Block], labels: Mapping[str, Choice]) -> tuple[list[_Said], list[_Said]]:
    """The verdicts in explicit forms, and those in sentences."""
    ends = [0, *(block.end for block in blocks)]
    gaps = [*(block.start for block in blocks), len(answer)]
    masks = [*(" " * (block.end - block.start) for block in blocks), ""]
    prose = "".join(answer[end:gap] + mask for end, gap, mask in zip(ends, gaps, masks, strict=True))
    explicit = [*_in_objects(answer, blocks, labels), *_in_forms(prose, labels)]
    explicit.sort(key=lambda said: said.start)
    return explicit, _in_sentences(prose, labels, alone=not explicit)


def _contradicts(sentence: _Said, last: _Said) -> bool:
    """An earlier sentence may be about one criterion; a later or final one, or one beside a quotation, may not."""
    if sentence.choice in (None, last.choice):
        return False
    return last.form == "prose" or sentence.start >= last.start or sentence.firm or not last.firm


def _in_objects(answer: str, blocks: Sequence[Block], labels: Mapping[str, Choice]) -> Iterator[_Said]:
    before: tuple[_Said, int] | None = None
    for block in blocks:
        members = None if block.found is None else _with_verdict(block.found)
        if members is None:
            continue
        values = [members[key] for key in _KEYS if key in members]
        choices = {choice for value in values if (choice := _choice(value, labels)) is not None}
        said = _Said("object", block.start, values[0], choices.pop() if len(choices) == 1 else None, True, members)
        if (
            before is not None
            and not answer[before[1] : block.start].strip(" \t\r\n,")
            and said.choice != before[0].choice
        ):
            said = said._replace(choice=None)  # a list of verdicts, on criteria or on several pairs, is not one verdict
        yield said
        before = said, block.end


def _with_verdict(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The members of the object that holds the verdict, by their names in lower case; an object may be wrapped in another."""
    while True:
        members = {"_".join(key.lower().split()): value for key, value in found.items()}
        if any(key in members for key in _KEYS):
            return members
        inner = next(iter(found.values()), None)
        if len(found) != 1 or not isinstance(inner, dict):
            return None
        found = inner


def _in_forms(text: str, labels: Mapping[str, Choice]) -> list[_Said]:
    matches = list(_FORMS.finditer(text))
    said = [next(group for group in (m["bracketed"], m["boxed"], m["tagged"]) if group is not None) for m in matches]
    choices = [_choice(words, labels) for words in said]
    offered: set[int] = set()
    for n in range(1, len(matches)):
        (one, other), between = choices[n - 1 : n + 1], text[matches[n - 1].end() : matches[n].start()]
        if None not in (one, other) and one != other and not _SENTENCE_END.search(between):
            offered |= {n - 1, n}
    found: list[tuple[_Said, bool]] = []
    for n, (match, words, choice) in enumerate(zip(matches, said, choices, strict=True)):
        if n not in offered and _is_stated(text, match):
            firm = _INTRODUCED.fullmatch(_head(text, match.start())) is not None
            in_item = _ITEM.match(text, text.rfind("\n", 0, match.start()) + 1, match.start()) is not None
            found.append((_Said(match.lastgroup or "", match.start(), words, choice, firm), in_item and not firm))
    return [said for said, listed in found if not listed] or [said for said, _ in found]


def _is_stated(text: str, match: re.Match[str]) -> bool:
    """Whether a label in an explicit form is a verdict where it stands, and not only spoken of."""
    head = _head(text, match.start())
    if _NO_VERDICT.search(head) or not _GOES_ON.match(text[match.end() : match.end() + 40].partition("\n")[0]):
        return False
    may_quote = match["boxed"] is not None or (match["tag"] or "").lower() == "answer"
    return not may_quote or _INTRODUCED.fullmatch(head) is not None


def _head(text: str, position: int) -> str:
    return text[max(text.rfind("\n", 0, position) + 1, position - _NEAR) : position]


def _in_sentences(text: str, labels: Mapping[str, Choice], *, alone: bool) -> list[_Said]:
    """Verdicts in sentences and under headings; where one is called final, only those that are.

    Args:
        text: The answer without its JSON objects.
        labels: The labels offered.
        alone: Whether there is no explicit verdict; then a sentence that another one contradicts is no verdict.
    """
    starts = accumulate((len(line) + 1 for line in text.split("\n")), initial=0)
    lines = [(start, _plain(line)) for start, line in zip(starts, text.split("\n"), strict=False) if line.strip()]
    found: list[_Said] = []
    for number, (start, line) in enumerate(lines):
        following = lines[number + 1][1] if number + 1 < len(lines) else ""
        heading = _HEADING.fullmatch(line)
        if heading and (choice := _spoken(following, labels)) is not None:
            found.append(_Said("prose", start, following, choice, heading["final"] is not None))
        for stated in _STATED.finditer(line):
            final, words = stated["final"] is not None, stated["said"].strip()
            if stated["answer"] and not final and (following or stated[0].strip() != line.strip(" .")):
                continue
            choice = _spoken(words, labels)
            if choice is not None or final or _LABEL.fullmatch(words):
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


def _plain(line: str) -> str:
    return re.sub(r"^[\s#>]+|[*`]|__", "", _HIDDEN.sub("", unicodedata.normalize("NFKC", line)))


def _spoken(words: str, labels: Mapping[str, Choice]) -> Choice | None:
    match = _LABEL.fullmatch(words.strip(" \t[]()"))
    if match is not None and not (match["tail"] and _OTHER_LABEL.match(match["tail"])):
        return _choice(match["label"], labels)
    return _choice(words, labels)


def _choice(said: Any, labels: Mapping[str, Choice]) -> Choice | None:
    """What a label means, or a sentence that ranks one: ``A``, ``**Response A**``, ``A is better than B``."""
    if not isinstance(said, str) or len(said) > _NEAR:
        return None
    words = " ".join(_MARKUP.sub(" ", _HIDDEN.sub("", unicodedata.normalize("NFKC", said))).split()).strip(" .,;:!")
    label = re.sub(r"\s*([<>=]+)\s*", r"\1", words.upper())
    label = label.removeprefix("A ") if label == "A TIE" else label
    ranked = _RANKED.fullmatch(words) if label not in labels else None
    if ranked is None:
        return labels.get(label)
    first = labels.get(ranked["label"].upper())
    second = {"A": "B", "B": "A"}.get(first or "")
    if second is None or (ranked["other"] and labels.get(ranked["other"].upper()) != second):
        return None
    return first if ranked["better"] else second


def _why_unread(said: _Said) -> str:
    if not isinstance(said.words, str):
        return f"the verdict {said.words!r} is not a label"
    return f"the verdict {said.words.strip()[:40]!r} is none of the labels offered"


def _reasons(listed: Any) -> tuple[tuple[Rationale, ...], str]:
    """The reasons of a JSON object, and why they cannot be read."""
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
