r"""Read an answer in the form that its format declares.

Only the declared form states a verdict; prose and other forms do not. Thinking is removed first, never inside JSON. A
statement that is offered (``[[A]] or [[B]]``), echoed, quoted from a response or cut off is none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rightly.inference.reading import Block, json_blocks, strip_thinking, thinking_of
from rightly.judges.format import Format, VerdictForm
from rightly.judges.parsing import Parsed, json_reasons, listed_reasons, parse_answer
from rightly.judges.stated import (
    MASK,
    is_alone,
    is_complete,
    is_draft,
    is_in_item,
    is_introduced,
    is_offer,
    is_quoted,
    is_solution,
    masked,
)
from rightly.judges.verdict_labels import choice_of, spoken
from rightly.references import Side, subject_side
from rightly.types import Choice, Rationale, letter_of

_BRACKETS = re.compile(r"(?<![A-Za-z0-9_)\]])\[\[\s*(?P<said>[^\[\]\n]{1,40}?)\s*\]\]")
_WIDE = str.maketrans("［］【】", "[][]")
_BOXED = re.compile(r"\\?boxed\{(?P<said>(?:[^{}\n]|\{[^{}\n]*\}){1,60})\}")
_END_TOKENS = re.compile(r"(?:\s*(?:</s>|<\|[^\s|<>]+\|>|<eos>|<end_of_turn>))+\s*\Z")
_ENCLOSED = re.compile(
    r"(?is)<(?P<element>(?:quote|summary|eval|solution|rubric|justify)(?:_\w+)?)>.*?(?:</(?P=element)>|\Z)"
)
"""Parts of an answer in which a verdict is not the judge's own, or not yet; one that is never closed may be truncated."""
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_SCORE = re.compile(
    rf"(?i)[\W_]*?(?:(?:the|my|final|overall)\s+)*(?:(?:(?:score|rating|result|grade)\b|评分|得分|分数)\W*?(?:of|is)?\W*?)?"
    rf"(?:(?:assistant|response|answer|chatbot|model)\s*[12AB]\s*:\W*?)?(?P<number>{_NUMBER})\s*(?:points?\b|分)?"
    rf"[\s(]*(?:(?:/|out\s+of)\s*(?P<most>{_NUMBER}))?[\W_]*"
)
_NUMBERED = re.compile(r"^[ \t]*(?P<number>\d{1,2})[.)][ \t]", re.MULTILINE)
_HEADING = re.compile(
    r"^[ \t]*(?:\#{1,6}[ \t]*(?P<marked>.+?)[ \t#]*|[-*]?[ \t]*(?:\d+[.)][ \t]*)?\*\*(?P<bold>[^*\n]+)\*\*:?[ \t]*"
    r"|(?P<plain>[^\W\d][^\n]{2,70}):)[ \t]*$",
    re.MULTILINE,
)
_ITEM = re.compile(r"^[ \t]*(?:\d{1,2}[.)]|[-*•+–])[ \t]+(?=\S)", re.MULTILINE)


class _Said(NamedTuple):
    """One statement in the declared place.

    Attributes:
        start: Index of its first character.
        end: Index after its last character.
        value: Content: a text, or a JSON value.
        members: Members of its JSON object.
        repaired: Whether that object had to be repaired.
        about: Response that a score is given to, if it is named.
    """

    start: int
    end: int
    value: Any
    members: Mapping[str, Any] | None = None
    repaired: bool = False
    about: Side | None = None


class _Verdict(NamedTuple):
    choice: Choice | None
    scores: tuple[float, ...] = ()
    problem: str = ""


def read_answer(text: str, form: Format, responses: int = 2) -> Parsed:
    """Read the verdict and the reasons of an answer.

    Args:
        text: The whole answer.
        form: Declared form.
        responses: Number of responses shown.

    Returns:
        The parsed answer in the names shown. For a format that scores each response alone, `Parsed.scores` has one number
        and ``verdict`` stays ``None``.
    """
    declared = form.verdict
    for name in form.thinking:
        # A tag that is never closed encloses all that follows.
        text = re.sub(rf"(?is)<{re.escape(name)}>.*?(?:</{re.escape(name)}>|\Z)", "", text)
    if declared.at == "free":
        return _with_reasons(parse_answer(text, _labels(declared, form, responses)), text, form)
    answer = _END_TOKENS.sub("", strip_thinking(text))
    if not answer:
        return Parsed(None, (), "the answer is empty" if not text.strip() else "nothing but thinking")
    blocks = list(json_blocks(answer))
    said = list(_statements(answer, blocks, declared))
    if not said:
        cut = bool(blocks) and blocks[-1].truncated
        problem = "the answer is truncated inside a JSON object" if cut else f"no verdict in the form {_form(declared)}"
        return Parsed(None, (), problem)
    verdict = _verdict(said, declared, _labels(declared, form, responses), responses)
    last = said[0] if declared.which == "first" else said[-1]
    parsed = Parsed(verdict.choice, (), verdict.problem, "", last.repaired, verdict.scores)
    first = said[0] if declared.which == "each" else last
    return _reasons(parsed, answer[: first.start], text, last, form)


def _form(declared: VerdictForm) -> str:
    named = {"json": f'{{"{declared.name}": ...}}', "tag": f"<{declared.name}>", "after": declared.name}
    fixed = {"brackets": "[[...]]", "boxed": r"\boxed{...}", "end": "of a last line"}
    return (named | fixed).get(declared.at, declared.at)


def _labels(declared: VerdictForm, form: Format, responses: int) -> Mapping[str, Choice]:
    if form.compares != "all":
        return declared.labels
    letters = [letter_of(place) for place in range(responses)]
    named = {f"{noun}{letter}": letter for letter in letters for noun in ("", "RESPONSE ", "ASSISTANT ", "ANSWER ")}
    return named | {word: choice for word, choice in declared.labels.items() if choice == "tie"}


def _statements(answer: str, blocks: Sequence[Block], declared: VerdictForm) -> Iterator[_Said]:
    """The statements in the declared place, without those that are offered, drafts or quotations."""
    if declared.at == "json":
        yield from _members(answer, blocks, declared.name.lower())
        return
    if declared.at == "end":
        before, line_end, line = answer.rstrip().rpartition("\n")
        start = len(before) + len(line_end)
        if not is_quoted(answer, start) and not _continues_list(before + line_end, line):
            yield _Said(start, len(answer), line)
        return
    prose = masked(answer, [(block.start, block.end) for block in blocks])
    prose = masked(prose, [match.span() for match in _ENCLOSED.finditer(prose)]).translate(_WIDE)
    found = list(_pattern(declared).finditer(prose))
    rest = prose if declared.at == "after" else masked(prose, [match.span() for match in found])
    offered = _offered(prose, found, to_end=declared.at != "after") if declared.which != "each" else set()
    for n, match in enumerate(found):
        if n not in offered and _is_meant(rest, match, declared):
            before = rest[max(rest.rfind(mark, 0, match.start()) for mark in ("\n", MASK)) + 1 : match.start()]
            named = subject_side(before.strip(" *_")) or subject_side(match["said"])
            about = named if declared.which == "each" else None
            yield _Said(match.start(), match.end(), match["said"], about=about)


def _continues_list(before: str, line: str) -> bool:
    """Whether a last line that is only a number is the next number of a list, or the first one, truncated."""
    items = list(_NUMBERED.finditer(before))
    bare = line.strip().rstrip(".)")
    above = before.rstrip().rpartition("\n")[2].rstrip(" *_")
    if not items and bare == "1" and above.endswith((":", "：")):
        return _SCORE.fullmatch(f"{above} 1") is None
    if not items or not bare.isdecimal() or int(bare) != int(items[-1]["number"]) + 1:
        return False
    apart = len(items) < 2 or "\n\n" in before[items[-2].end() : items[-1].start()]
    return apart or "\n\n" not in before[items[-1].end() :]


def _members(answer: str, blocks: Sequence[Block], name: str) -> Iterator[_Said]:
    """The objects that have the member, at the top or as the only value of another object."""
    prose = masked(answer, [(block.start, block.end) for block in blocks])
    for block in blocks:
        if is_quoted(prose, block.start) or is_draft(prose, block.start) or is_in_item(prose, block.start):
            continue
        found: Any = block.found
        while isinstance(found, dict):
            members = {"_".join(str(key).lower().split()): value for key, value in found.items()}
            if name in members:
                yield _Said(block.start, block.end, members[name], members, block.repaired)
                break
            found = next(iter(found.values())) if len(found) == 1 else None


def _pattern(declared: VerdictForm) -> re.Pattern[str]:
    if declared.at == "brackets":
        return _BRACKETS
    if declared.at == "boxed":
        return _BOXED
    name = re.escape(declared.name)
    if declared.at == "tag":
        return re.compile(rf"(?is)<{name}>\s*(?P<said>(?:(?!</?{name}>).){{1,300}}?)\s*</{name}>")
    # The marker may close its bracket after the content: "[RESULT: A]" for "[RESULT]".
    marker = re.escape(declared.name.rstrip("]:*"))
    opened = marker + (r"(?:\]|:)" if declared.name.endswith("]") else r"[:*]*")
    return re.compile(rf"(?i){opened}[:*]*[ \t]*(?:\n[ \t]*){{0,2}}(?P<said>(?:(?!{marker})[^\n]){{1,120}})")


def _offered(prose: str, found: Sequence[re.Match[str]], *, to_end: bool) -> set[int]:
    """Numbers of the statements that only list what may be answered.

    Args:
        prose: The answer.
        found: The statements.
        to_end: Whether a statement has an end of its own; else the text up to the next one is part of it.
    """
    offered: set[int] = set()
    for n in range(1, len(found)):
        between = prose[found[n - 1].end() if to_end else found[n - 1].start("said") : found[n].start()]
        if is_offer(found[n - 1]["said"], found[n]["said"], between):
            offered |= {n - 1, n}
    return offered


def _is_meant(rest: str, match: re.Match[str], declared: VerdictForm) -> bool:
    """Whether a statement is the judge's own.

    Args:
        rest: The answer; statements that end in themselves are left out.
        match: The statement.
        declared: Declared form of the verdict.
    """
    start = match.start()
    if is_draft(rest, start) or is_quoted(rest, start):
        return False
    if declared.at == "after":
        return True
    if is_in_item(rest, start):
        return False
    if declared.at == "brackets":
        return is_complete(rest, match.end())
    if is_solution(rest, start):
        return False
    if is_introduced(rest, start) or (is_alone(rest, start) and is_complete(rest, match.end())):
        return True
    names = declared.which == "each" and rest[:start].rstrip(" *_\n").endswith(":")
    return names or not rest[match.end() :].strip(f" \t\n{MASK}$*_.")


def _verdict(said: Sequence[_Said], declared: VerdictForm, labels: Mapping[str, Choice], responses: int) -> _Verdict:
    if declared.which == "each":
        if len(said) != responses:
            return _Verdict(None, (), f"{len(said)} scores for {responses} responses")
        if any(each.about not in (None, letter_of(place)) for place, each in enumerate(said)):
            return _Verdict(None, (), "the scores are not in the order of the responses")
        return _compared([_number(each.value, declared.range) for each in said])
    read = [_content(each, declared, labels, responses) for each in said]
    if declared.which == "only" and len({(each.choice, each.scores) for each in read}) > 1:
        return _Verdict(None, (), "two verdicts that differ")
    return read[0] if declared.which == "first" else read[-1]


def _content(said: _Said, declared: VerdictForm, labels: Mapping[str, Choice], responses: int) -> _Verdict:
    """The meaning of one statement."""
    scores: tuple[float, ...] = ()
    if declared.scores is not None and said.members is not None:
        beside = [_number(said.members.get(name), None) for name in declared.scores]
        scores = tuple(each for each in beside if each is not None) if None not in beside else ()
    words = re.split(r"[.!?](?:\s|$)", said.value)[0] if declared.at == "after" else said.value
    if declared.read == "label":
        choice = choice_of(words, labels) or (spoken(words, labels) if isinstance(words, str) else None)
        return _Verdict(choice, scores, "" if choice else _unread(said.value, "is none of the labels offered"))
    if declared.read == "scores":
        numbers = said.value if isinstance(said.value, list) else re.findall(_NUMBER, str(said.value))
        if len(numbers) != responses:
            return _Verdict(None, (), _unread(said.value, f"is not {responses} scores"))
        return _compared([_number(each, declared.range) for each in numbers])
    number = _number(words, declared.range)
    if number is None:
        return _Verdict(None, (), _unread(said.value, f"is no number from {_range(declared)}"))
    if declared.read == "score":
        return _Verdict(None, (number,))
    least, most = declared.range or (0.0, 0.0)
    middle = (least + most) / 2
    return _Verdict("A" if number < middle else "B" if number > middle else "tie", scores)


def _compared(scores: Sequence[float | None]) -> _Verdict:
    known = tuple(score for score in scores if score is not None)
    if len(known) != len(scores):
        return _Verdict(None, (), "a score is not a number in the range of the format")
    return _Verdict(best_of(known), known)


def best_of(scores: Sequence[float]) -> Choice:
    """The response with the highest score, by letter; ``tie`` if several have it."""
    best = [place for place, score in enumerate(scores) if score == max(scores)]
    return letter_of(best[0]) if len(best) == 1 else "tie"


def _number(value: Any, allowed: tuple[float, float] | None) -> float | None:
    """A number in the allowed range; ``None`` for anything else."""
    least, most = allowed or (float("-inf"), float("inf"))
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        match = _SCORE.fullmatch(value.strip())
        if match is None or (match["most"] is not None and float(match["most"]) != most):
            return None
        value = float(match["number"])
    return float(value) if least <= value <= most else None


def _range(declared: VerdictForm) -> str:
    least, most = declared.range or (0.0, 0.0)
    return f"{least:g} to {most:g}"


def _unread(value: Any, why: str) -> str:
    said = value.strip()[:40] if isinstance(value, str) else value
    return f"the verdict {said!r} {why}"


def _with_reasons(parsed: Parsed, text: str, form: Format) -> Parsed:
    """A freely read answer with its reasons in the declared form."""
    if form.reasons.at in ("json", "list") or parsed.verdict is None:
        return parsed
    return _reasons(parsed._replace(rationales=(), unread=""), strip_thinking(text), text, None, form)


def _reasons(parsed: Parsed, before: str, raw: str, said: _Said | None, form: Format) -> Parsed:
    """Add the reasons; an answer without a verdict keeps those that can be read."""
    declared = form.reasons
    if declared.at == "none":
        return parsed._replace(unread="the format states no reasons")
    if declared.at == "json":
        members = said.members if said is not None and said.members is not None else {}
        rationales, unread = json_reasons(members.get(declared.name.lower() or "reasons", []))
        return parsed._replace(rationales=rationales, unread=unread)
    if declared.name == "thinking":
        before = thinking_of(raw)
    elif declared.name:
        inside = re.findall(rf"(?is)<{re.escape(declared.name)}>(.*?)</{re.escape(declared.name)}>", raw)
        before = inside[-1] if inside else before
    if declared.at == "prose":
        prose = before.strip()
        return parsed._replace(prose=prose, unread="" if prose else "no text before the verdict")
    listed = listed_reasons(before) if declared.at == "list" else _under_headings(before, declared.headings)
    return parsed._replace(rationales=listed, unread="" if listed else "no list of reasons in the answer")


def _under_headings(text: str, wanted: Sequence[str]) -> tuple[Rationale, ...]:
    """List items under the wanted headings; an item that names no response is about the one in its heading."""
    headings = [match for match in _HEADING.finditer(text) if not _ITEM.match(match[0]) or match["bold"]]
    found: list[Rationale] = []
    for n, match in enumerate(headings):
        title = match["marked"] or match["bold"] or match["plain"]
        if wanted and not any(word.lower() in title.lower() for word in wanted):
            continue
        end = headings[n + 1].start() if n + 1 < len(headings) else len(text)
        side = subject_side(title.strip(" *:"))
        for listed in _ITEM.split(text[match.end() : end])[1:]:
            point = " ".join(listed.split("\n\n")[0].split())
            if not point:
                continue
            about = subject_side(point) or side
            named = point if about is None or subject_side(point) else f"Response {about}: {point}"
            found.append(Rationale(text=named, about=about))
    return tuple(found)
