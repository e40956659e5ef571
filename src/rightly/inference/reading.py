"""Read a language model's answer: remove its thinking, find its JSON and repair mistakes in it.

The content of a JSON string is data: a thinking tag or a brace inside it has no meaning. An object is read as it is, else
with its strings mended (bare quotes, backslashes of LaTeX) and trailing commas removed, else by json-repair.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

_THINKING = re.compile(
    r"(?i)<(?:seed:)?(?P<opened>think|thinking|reasoning|thought)>|</(?:seed:)?(?P<closed>think|thinking|reasoning|thought)>"
    r"|(?P<other_opened>\[THINK\]|◁think▷)|(?P<other_closed>\[/THINK\]|◁/think▷)"
)
_CHANNEL = re.compile(r"<\|channel\|>(?:analysis|commentary|final)")
_FINAL = re.compile(r"<\|channel\|>final[^<\n]*<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|start|channel|call)\|>")
_MENTIONED = re.compile(r"[\s`'\".,;:)]")
"""Text after an opening tag in the middle of a line: the answer mentions the tag and is not thinking."""

_BLOCK = re.compile(r"""\{\s*(?:\}|"(?:[^"\\\n]|\\.)*+"\s*:|(?P<python>'\w+'\s*:))""")
_STRING = r'"(?:[^"\\]|\\.|"(?!\s*(?:[}\]:]|,?\s*\Z|,\s*(?:["{\[\]}\d-]|true|false|null|\.\.\.))))*+"'
"""A string that ends at a quote after which JSON can continue; other bare quotes belong to the string."""
_TOKEN = re.compile(rf'{_STRING}|[{{}}"]', re.DOTALL)
_PYTHON_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|[{}"']""", re.DOTALL)
"""A string, a brace or an open quote of an object that is written as a Python dictionary."""
_MENDED = re.compile(rf"{_STRING}|,(?=\s*[}}\]])", re.DOTALL)
_ESCAPE = re.compile(
    r"""\\(?: ["\\/] | u[0-9a-fA-F]{4} | r(?![a-z])
        | n(?!(?:eq|abla|u|ot|eg|otin|leq|geq|subseteq)(?![a-z]))
        | t(?!(?:imes|ext[a-z]*|heta|o|an|anh|au|op|ilde|frac|riangle[a-z]*|herefore)(?![a-z]))
        ) | \\ | "
    """,
    re.VERBOSE,
)
r"""Valid JSON escapes, except those that are LaTeX: ``\frac`` is not a form feed, ``\nabla`` not a line break."""
_GAP = re.compile(r"[\s,]*")
_COLON = re.compile(r"\s*:\s*")
_DECODER = json.JSONDecoder(strict=False)


class _TwoValuesError(ValueError):
    """An object has two different values for one key."""


class Block(NamedTuple):
    """A passage that looks like a JSON object.

    Attributes:
        start: Index of its first character.
        end: Index after its last character; the end of the text if it is truncated.
        found: Its members; only the complete ones if it is truncated; ``None`` if it cannot be read.
        truncated: Whether its end is missing.
        repaired: Whether it is not valid JSON as it is written, or its backslashes were taken as LaTeX.
    """

    start: int
    end: int
    found: dict[str, Any] | None
    truncated: bool
    repaired: bool = False


def strip_thinking(text: str) -> str:
    """The answer without its thinking (``<think>``, ``[THINK]`` and the like).

    A closing tag without an opening one ends thinking that the prompt began. All text after an opening tag that is never
    closed is thinking. Tags inside JSON strings stay. Of an answer in channels (gpt-oss behind a server without its parser)
    only the final one is not thinking.
    """
    if _CHANNEL.search(text):
        final = _FINAL.split(text)[1:]
        text = _CHANNEL_END.split(final[-1])[0] if final else ""
    starts, ends = [], []
    for block in json_blocks(text):
        starts.append(block.start)
        ends.append(block.end)
    kept: list[str] = []
    start, opened = 0, None
    for tag in _THINKING.finditer(text):
        inside = bisect_right(starts, tag.start())
        if inside and tag.start() < ends[inside - 1]:
            continue
        name = (tag["opened"] or tag["closed"] or "").lower()
        if tag["opened"] or tag["other_opened"]:
            if opened is None:
                kept.append(text[start : tag.start()])
                opened = (name, tag)
        elif opened is None:
            kept, start = [], tag.end()
        elif opened[0] == name:
            opened, start = None, tag.end()
    if opened is None:
        kept.append(text[start:])
    elif _is_mentioned(text, opened[1]):
        kept.append(text[opened[1].start() :])
    return "".join(kept).strip()


def thinking_of(text: str) -> str:
    """The thinking that `strip_thinking` removes before the answer, without its tags."""
    answer = strip_thinking(text)
    before = text[: text.rfind(answer)] if answer else text
    return _THINKING.sub("", before).strip()


def json_objects(text: str) -> Iterator[tuple[dict[str, Any], int]]:
    """The outermost complete JSON objects in a text with their end positions, in order; unreadable ones are skipped."""
    for block in json_blocks(text):
        if block.found is not None and not block.truncated:
            yield block.found, block.end


def listed_texts(text: str, name: str) -> tuple[tuple[str, ...], str]:
    """The texts under a name in the last JSON object of an answer that has it, without repeats; and the problem, if any."""
    found = [each for each, _ in json_objects(strip_thinking(text)) if name in each]
    if not found:
        return (), f"no JSON object with {name} in the answer"
    listed = found[-1][name]
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        return (), f"{name} is not a list of strings"
    return tuple(dict.fromkeys(" ".join(each.split()) for each in listed if each.strip())), ""


def json_blocks(text: str) -> Iterator[Block]:
    r"""The outermost passages that look like JSON objects (or Python dictionaries), in order.

    An object with two different values for one key cannot be read.
    """
    opening = _BLOCK.search(text)
    while opening is not None:
        start = opening.start()
        is_python = opening["python"] is not None
        end = _closing(text, start, _PYTHON_TOKEN if is_python else _TOKEN)
        written = text[start:end]
        mended = written if is_python else _MENDED.sub(_mend, written)
        if end is None:
            yield Block(start, len(text), _whole_members(mended), truncated=True, repaired=True)
            return
        found, repaired = _decoded(mended)
        yield Block(start, end, found, truncated=False, repaired=repaired or mended != written)
        opening = _BLOCK.search(text, end)


def _is_mentioned(text: str, tag: re.Match[str]) -> bool:
    before = text[text.rfind("\n", 0, tag.start()) + 1 : tag.start()]
    return bool(before.strip()) and _MENTIONED.match(text, tag.end()) is not None


def _closing(text: str, start: int, tokens: re.Pattern[str]) -> int | None:
    depth = 0
    for token in tokens.finditer(text, start):
        if token[0] in "\"'":
            return None
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


def _decoded(block: str) -> tuple[dict[str, Any] | None, bool]:
    """The members of an object, ``None`` if it cannot be read, and whether json-repair was needed."""
    try:
        return json.loads(block, strict=False, object_pairs_hook=_distinct), False
    except (_TwoValuesError, RecursionError):
        return None, False
    except ValueError:
        import json_repair  # 60 ms, and most answers are valid
    try:
        found = json_repair.loads(block, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None, False
    return (found, True) if isinstance(found, dict) and found else (None, False)


def _whole_members(block: str) -> dict[str, Any]:
    """The members of a truncated object before the truncated one."""
    members: list[tuple[str, Any]] = []
    position = 1
    try:
        while True:
            key, position = _DECODER.raw_decode(block, _skip(_GAP, block, position))
            value, position = _DECODER.raw_decode(block, _skip(_COLON, block, position))
            if isinstance(value, int | float) and not block[position:].strip("0123456789.eE+-"):
                break  # its other digits may be missing
            members.append((str(key), value))
    except (ValueError, RecursionError):
        pass
    try:
        return _distinct(members)
    except ValueError:
        return {}


def _skip(what: re.Pattern[str], block: str, position: int) -> int:
    found = what.match(block, position)
    if found is None:
        raise ValueError
    return found.end()


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if found.setdefault(key, value) != value:
            raise _TwoValuesError(key)
    return found


def _mend(token: re.Match[str]) -> str:
    if token[0] == ",":
        return ""
    return f'"{_ESCAPE.sub(_escaped, token[0][1:-1])}"'


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}" if found[0] in ("\\", '"') else found[0]
