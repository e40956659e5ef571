"""Rewrite rows of other tools as rows of a known column family; rows that are known already pass unchanged.

LLaMA-Factory (sharegpt ranking, alpaca), ms-swift, OpenAI's preference fine-tuning, lmarena-55k, the result files of
RationaleRM's MetaJudge (the judged row is in ``metadata``), and comparisons whose columns are spelled in another case. What
cannot be read is refused, never left out.
"""

import json
from collections.abc import Mapping
from typing import Any

from rightly.data.fields import Row, came, message, one_of
from rightly.data.jsonl import without_surrogates
from rightly.data.written import with_lists
from rightly.errors import InputError

_MEDIA = ("images", "image", "videos", "video", "audios", "audio")
_NO_TOOLS = ("[]", "{}", "null")
_SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
_VERDICTS = {
    **dict.fromkeys(("a", "model_a", "response_a", "answer_a", "a>b"), "A"),
    **dict.fromkeys(("b", "model_b", "response_b", "answer_b", "b>a"), "B"),
    **dict.fromkeys(("tie", "a=b", "both", "both_bad", "tie (bothbad)"), "tie"),
}
_CHOICES = ("label", "winner", "preference")
_ASKED = ("instruction", "prompt", "question")


def as_known(row: Row, required: frozenset[str] = frozenset()) -> Row:
    """The row in the columns of a known family.

    Args:
        row: The row as it is in the file.
        required: Columns of the family that the user selected; a row that would lose one of them is not rewritten.

    Raises:
        InputError: The row has media or tools, or a column of a foreign layout holds something else than it should.
    """
    given = known = with_lists(row)
    filled = next((name for name in _MEDIA if known.get(name)), None)
    if filled is not None:
        raise InputError(f"column {filled!r} holds media, and only text is read", fix="use a data set of texts")
    if any(known.get(name) and known[name] not in _NO_TOOLS for name in ("tools", "functions")):
        raise InputError(
            "column 'tools' declares tools, and tools are not read",
            fix="write them into the system message as text, and remove the column",
        )
    for fits, rewrite in _LAYOUTS:
        if fits(known):
            known = rewrite(known)
    return known if required <= known.keys() else given


def _openai(row: Row) -> Row:
    given = row["input"]
    if not isinstance(given, Mapping) or "messages" not in given:
        raise InputError(f"column 'input' is {came(given)}, expected an object with messages")
    if given.get("tools"):
        raise InputError("column 'input' declares tools, and tools are not read", fix="use rows without tools")
    rest = _without(row, "input", "preferred_output", "non_preferred_output")
    both = {"chosen": row["preferred_output"], "rejected": row["non_preferred_output"]}
    return {"prompt": given["messages"], **both, **rest}


def _swift(row: Row) -> Row:
    messages = row["messages"]
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, Mapping) or last.get("role") != "assistant":
        raise InputError("column 'messages' does not end with the assistant's answer", fix="put the chosen answer last")
    both = {"chosen": message(last, "messages").content, "rejected": row["rejected_response"]}
    return {"prompt": messages[:-1], **both, **_without(row, "messages", "rejected_response")}


def _swift_dialogues(row: Row) -> Row:
    both = {"chosen": row["messages"], "rejected": row["rejected_messages"]}
    return {**both, **_without(row, "messages", "rejected_messages")}


def _single_messages(row: Row) -> Row:
    return {"chosen": [row["chosen"]], "rejected": [row["rejected"]], **_without(row, "chosen", "rejected")}


def _beside_messages(row: Row) -> Row:
    messages = row["messages"]
    if not isinstance(messages, list) or not all(isinstance(turn, Mapping) for turn in messages):
        raise InputError(f"column 'messages' is {came(messages)}, expected a list of messages")
    if messages and messages[-1].get("role") == "assistant":
        raise InputError(
            "column 'messages' ends with an answer, expected the question of chosen and rejected",
            fix="end it with the question, or remove the column and add 'prompt'",
        )
    return {"prompt": messages, **_without(row, "messages")}


def _sharegpt(row: Row) -> Row:
    turns = row["conversations"]
    if not isinstance(turns, list):
        raise InputError(f"column 'conversations' is {came(turns)}, expected a list of turns")
    prompt = [_turn(turn, "conversations") for turn in turns]
    return {"prompt": prompt, **_sharegpt_sides(row), **_without(row, "conversations", "chosen", "rejected")}


def _sharegpt_dialogues(row: Row) -> Row:
    return {**_sharegpt_sides(row), **_without(row, "chosen", "rejected")}


def _sharegpt_sides(row: Row) -> dict[str, Any]:
    sides: dict[str, Any] = {}
    for name in ("chosen", "rejected"):
        side = row[name]
        turns = [side] if isinstance(side, Mapping) else side
        said = isinstance(turns, list) and any(isinstance(turn, Mapping) for turn in turns)
        sides[name] = [_turn(turn, name) for turn in turns] if said else side
    return sides


def _turn(turn: Any, column: str) -> dict[str, Any]:
    if isinstance(turn, Mapping) and "role" in turn:
        return dict(turn)
    speaker = turn.get("from") if isinstance(turn, Mapping) else None
    if speaker not in _SPEAKERS:
        raise InputError(
            f"column {column!r} has a turn from {came(speaker)}, expected one of {', '.join(_SPEAKERS)}",
            fix='turns are {"from": ..., "value": ...}',
        )
    return {"role": _SPEAKERS[speaker], "content": turn.get("value")}


def _lmarena(row: Row) -> Row:
    flags = {"model_a": "winner_model_a", "model_b": "winner_model_b", "tie": "winner_tie"}
    won = [name for name, column in flags.items() if row.get(column) in (1, True)]
    if len(won) != 1:
        raise InputError(f"{len(won)} of {', '.join(flags.values())} are 1, expected one")
    asked, first, second = (_turns(row, name) for name in ("prompt", "response_a", "response_b"))
    if not len(asked) == len(first) == len(second):
        raise InputError(f"{len(asked)} prompts with {len(first)} and {len(second)} responses, expected equal numbers")

    def whole(answers: list[str]) -> list[dict[str, str]]:
        pairs = zip(asked, answers, strict=True)
        return [
            message
            for said, answer in pairs
            for message in ({"role": "user", "content": said}, {"role": "assistant", "content": answer})
        ]

    rest = _without(row, "prompt", "response_a", "response_b", *flags.values())
    return {"conversation_a": whole(first), "conversation_b": whole(second), "winner": won[0], **rest}


def _turns(row: Row, column: str) -> list[str]:
    try:
        found = without_surrogates(json.loads(row[column]))
    except (TypeError, ValueError):
        found = None
    if isinstance(found, list) and None in found:
        raise InputError(f"column {column!r} holds null instead of a text", fix="remove the row")
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise InputError(f"column {column!r} is {came(row[column])}, expected a JSON list of texts")
    return found


def _alpaca(row: Row) -> Row:
    name = one_of(row, *_ASKED) or "prompt"
    asked, given, history = row.get(name), row.get("input"), row.get("history") or []
    rest = _without(row, *_ASKED, "input", "history")
    if not given and not history:
        return {"prompt": asked, **rest}
    if not isinstance(asked, str) or not (given is None or isinstance(given, str)):
        raise InputError(f"columns {name!r} and 'input' are {came(asked)} and {came(given)}, expected texts")
    if not isinstance(history, list) or not all(
        isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn) for turn in history
    ):
        raise InputError("column 'history' is no list of [question, answer]")
    prompt = [
        {"role": role, "content": text}
        for turn in history
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    prompt.append({"role": "user", "content": "\n\n".join(filter(None, (asked, given)))})
    return {"prompt": prompt, **rest}


def _lettered(row: Row) -> Row:
    names = {name.lower(): name for name in row}
    columns = [names[name] for name in _CHOICES if name in names]
    column = one_of(row, *columns) or columns[0]
    verdict = row[column]
    label = _VERDICTS.get(verdict.lower().strip()) if isinstance(verdict, str) else None
    if verdict is not None and label is None:
        offered = ", ".join(sorted(set(_VERDICTS.values())))
        raise InputError(
            f"label in column {column!r} is {came(verdict)}, expected one of {offered}",
            fix="write A, B or tie"
            + ("" if isinstance(verdict, str) else ": a number does not say which response it counts from"),
        )
    spelled = {name: names[name] for name in (*_ASKED, "input", "history", "system", "id") if name in names}
    rest = _without(row, names["response_a"], names["response_b"], *columns, *spelled.values())
    both = {f"response_{letter}": row[names[f"response_{letter.lower()}"]] for letter in "AB"}
    return {**both, "label": label, **rest, **{name: row[column] for name, column in spelled.items()}}


def _is_lettered(row: Row) -> bool:
    names = {name.lower() for name in row}
    known = {"response_A", "response_B", "label"} <= row.keys() or {"model_a", "model_b", "winner"} <= row.keys()
    voted = {"votes", "strict_label"} <= names
    verdicts = names & set(_CHOICES)
    return not known and not voted and {"response_a", "response_b"} <= names and bool(verdicts)


def _is_alpaca(row: Row) -> bool:
    compared = ({"chosen", "rejected"}, {"response_A", "response_B", "label"}, {"model_a", "model_b", "winner"})
    joined = bool({"instruction", "input", "history"} & row.keys()) and bool(set(_ASKED) & row.keys())
    other = {"output_1", "output_2", "response1", "response2"} & row.keys()
    return joined and not other and any(columns <= row.keys() for columns in compared)


def _is_beside_messages(row: Row) -> bool:
    if not {"messages", "chosen", "rejected"} <= row.keys() or {*_ASKED, "conversations"} & row.keys():
        return False
    chosen = row["chosen"]
    first = chosen[0] if isinstance(chosen, list) and chosen else None
    starts = isinstance(first, Mapping) and first.get("role") == "assistant"
    return starts or (isinstance(chosen, str) and not chosen.lstrip().startswith("Human:"))


def _are_sharegpt_dialogues(row: Row) -> bool:
    sides = [row.get(name) for name in ("chosen", "rejected")]
    return all(isinstance(side, list) and side and isinstance(side[0], Mapping) and "from" in side[0] for side in sides)


def _are_single_messages(row: Row) -> bool:
    both = (row[name] for name in ("chosen", "rejected") if name in row)
    return {"chosen", "rejected"} <= row.keys() and all(isinstance(each, Mapping) and "role" in each for each in both)


def _is_metajudge_result(row: Row) -> bool:
    asked = row.get("metadata")
    return "samples" in row and isinstance(asked, Mapping) and "human-checklist" in asked


_LAYOUTS = (
    (_is_metajudge_result, lambda row: dict(row["metadata"])),
    (lambda row: {"input", "preferred_output", "non_preferred_output"} <= row.keys(), _openai),
    (lambda row: {"messages", "rejected_response"} <= row.keys(), _swift),
    (lambda row: {"messages", "rejected_messages"} <= row.keys(), _swift_dialogues),
    (lambda row: {"conversations", "chosen", "rejected"} <= row.keys() and not row.keys() & set(_ASKED), _sharegpt),
    (_are_sharegpt_dialogues, _sharegpt_dialogues),
    (_are_single_messages, _single_messages),
    (_is_beside_messages, _beside_messages),
    (lambda row: {"winner_model_a", "winner_model_b", "response_a", "response_b"} <= row.keys(), _lmarena),
    (_is_lettered, _lettered),
    (_is_alpaca, _alpaca),
)


def _without(row: Row, *columns: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in columns}
