r"""Split two dialogues with a common beginning into a context and two responses, in an unbiased order.

``chosen``/``rejected`` files come in four forms: plain texts with a ``prompt`` column; message lists that repeat the
prompt; complete transcripts ("\n\nHuman: ... \n\nAssistant: ...", as in HH-RLHF); and lists of texts, one per turn, whose
last one is the response (MOSS-RLHF, fnlp/hh-rlhf-strength-cleaned).
"""

import re

from rightly.data.fields import ADD_PROMPT, Row, came, conversation, identity, make_pair, number, one_of, optional_text
from rightly.errors import InputError
from rightly.types import Message, PreferencePair, content_key

_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLE = {"Human": "user", "Assistant": "assistant"}
_NO_PROMPT = "chosen and rejected are plain texts and there is no prompt"
_PLACE = "place of chosen and rejected, 0"

Turns = tuple[Message, ...]


def chosen_rejected(row: Row) -> PreferencePair:
    """Read ``chosen``, ``rejected``, a ``prompt`` unless both repeat it, and optional ``target``, ``margin``, ``weight``.

    A hash of the context and the unordered two texts decides which one becomes A, so the position is independent of the
    label: a file and its copy with all labels flipped show every pair in the same order.
    """
    several = _several(row)
    if several is not None:
        return several
    context, chosen, rejected = _parts(row)
    responses, label = place(context, chosen, rejected)
    subset = one_of(row, "domain", "subset")
    degree = _degree(row)
    return make_pair(
        identity(row, "id"),
        context,
        responses,
        label="tie" if degree == 0 else label,
        degree=degree,
        domain=optional_text(row, subset) if subset else None,
        target=number(row, "target", 0, 1),
        margin=number(row, "margin"),
        weight=number(row, "weight", 0),
        margins=_margins(row),
    )


def _several(row: Row) -> PreferencePair | None:
    """A row whose ``chosen`` or ``rejected`` lists several texts: responses to one prompt; ``None`` for any other row.

    Without a prompt, two lists of texts that begin with the same text are the turns of two dialogues (MOSS-RLHF). With several
    chosen texts no single one is the best: they share rank 1, and there is no label.
    """
    sides = [[row[name]] if isinstance(row[name], str) else row[name] for name in ("chosen", "rejected")]
    asked = one_of(row, "prompt", "question")
    listed = any(isinstance(row[name], list) for name in ("chosen", "rejected"))
    texts = all(isinstance(side, list) and side and all(isinstance(text, str) for text in side) for side in sides)
    both = all(isinstance(row[name], list) for name in ("chosen", "rejected"))
    if not (listed and texts) or (asked is None and both and row["chosen"][0] == row["rejected"][0]):
        return None
    if asked is None and "prompt" not in row:
        raise InputError(_NO_PROMPT, fix=ADD_PROMPT)
    context = _prompt(row)
    if _has_transcript_prompt(row):
        sides = [[text.removeprefix(" ") for text in side] for side in sides]
    ranked = [(text, 1) for text in sides[0]] + [(text, 2) for text in sides[1]]
    if len({text for text, _ in ranked}) < len(ranked):
        raise InputError("the same text is listed twice among chosen and rejected", fix="keep it once")
    drawn = sorted(ranked, key=lambda entry: content_key([_PLACE, *(m.content for m in context), entry[0]]))
    best = [place for place, (_, rank) in enumerate(drawn) if rank == 1]
    subset = one_of(row, "domain", "subset")
    return make_pair(
        identity(row, "id"),
        context,
        tuple(text for text, _ in drawn),
        label=chr(ord("A") + best[0]) if len(best) == 1 else None,
        ranks=tuple(rank for _, rank in drawn),
        weight=number(row, "weight", 0),
        domain=optional_text(row, subset) if subset else None,
    )


def _degree(row: Row) -> float | None:
    """The difference of ``score_chosen`` and ``score_rejected``; ``None`` if there are no scores.

    Raises:
        InputError: The rejected response has the higher score.
    """
    scores = [number(row, name) for name in ("score_chosen", "score_rejected")]
    if None in scores:
        return None
    chosen, rejected = (float(score or 0) for score in scores)
    if chosen < rejected:
        raise InputError(
            f"score_chosen is {chosen:g} and score_rejected {rejected:g}: the scores contradict the labels",
            fix="correct the row, or remove the score columns",
        )
    return chosen - rejected


def _margins(row: Row) -> tuple[float, ...]:
    """Score differences of fnlp/hh-rlhf-strength-cleaned: two lists of scores, one score per reward model."""
    names = {name.replace("_", " "): name for name in row}
    columns = [names.get(f"{side} score list") for side in ("chosen", "rejected")]
    lists = [None if column is None else row.get(column) for column in columns]
    if lists == [None, None]:
        return ()
    if not all(isinstance(scores, list) and all(isinstance(s, int | float) for s in scores) for scores in lists):
        raise InputError("the score lists of chosen and rejected are not lists of numbers")
    chosen, rejected = (list(map(float, scores or ())) for scores in lists)
    if len(chosen) != len(rejected):
        raise InputError(f"{len(chosen)} scores of chosen and {len(rejected)} of rejected, expected equal numbers")
    return tuple(a - b for a, b in zip(chosen, rejected, strict=True))


def place(context: Turns, chosen: str, rejected: str) -> tuple[tuple[str, str], str]:
    """The two texts in the drawn order, and the letter of the chosen one."""
    pair = sorted([(chosen, "chosen"), (rejected, "rejected")], key=lambda entry: entry[0])
    digest = content_key([_PLACE, *(m.content for m in context), *(entry[0] for entry in pair)])
    if int(digest[-1], 16) & 1:
        pair.reverse()
    return (pair[0][0], pair[1][0]), "A" if pair[0][1] == "chosen" else "B"


def split_shared(first: Turns, second: Turns) -> tuple[Turns, str, str]:
    """The common first turns of both dialogues, and the continuation of each, as one text.

    A response starts at the first assistant turn in which the dialogues differ. Further turns are kept under "User:" and
    "Assistant:" headings, because annotators saw them.

    Raises:
        InputError: The dialogues do not differ in an assistant turn.
    """
    shared = 0
    for mine, other in zip(first, second, strict=False):
        if mine != other:
            break
        shared += 1
    while shared > 0 and not _answers(first, second, shared):
        shared -= 1
    if not _answers(first, second, shared):
        raise InputError("the two dialogues do not differ at an assistant turn", fix="end both with an assistant turn")
    return first[:shared], _rest(first[shared:]), _rest(second[shared:])


def _parts(row: Row) -> tuple[Turns, str, str]:
    chosen, rejected = row["chosen"], row["rejected"]
    if _is_missing(chosen) or _is_missing(rejected):
        raise InputError(
            f"chosen is {_listed(chosen)} and rejected is {_listed(rejected)}", fix="fill in both, or remove the row"
        )
    if isinstance(chosen, str) and isinstance(rejected, str):
        if not (_is_transcript(chosen) and _is_transcript(rejected)):
            if "prompt" not in row and "question" not in row:
                raise InputError(_NO_PROMPT, fix=ADD_PROMPT)
            if _has_transcript_prompt(row):
                chosen, rejected = chosen.removeprefix(" "), rejected.removeprefix(" ")
            return _prompt(row), chosen, rejected
        turns = _transcript(chosen), _transcript(rejected)
    elif isinstance(chosen, list) and isinstance(rejected, list):
        if all(isinstance(turn, str) for turn in (*chosen, *rejected)) and chosen and rejected:
            turns = _alternating(chosen), _alternating(rejected)
        else:
            turns = conversation(row, "chosen"), conversation(row, "rejected")
    else:
        raise InputError(
            f"chosen is {came(chosen)} and rejected is {came(rejected)}", fix="both must be text or both message lists"
        )
    shared, *responses = split_shared(*turns)
    if not shared and isinstance(chosen[0], str) and row.get("prompt") is None:
        raise InputError(_NO_PROMPT, fix=ADD_PROMPT)
    return _with_prompt(_prompt(row), shared, *responses)


def _alternating(texts: list[str]) -> Turns:
    """Assign roles to turns without roles: they alternate, and the last one is the assistant's."""
    roles = ("assistant", "user")
    return tuple(
        Message(role=roles[place % 2], content=text.removeprefix("Human: ").removeprefix("Assistant: "))  # pyright: ignore[reportArgumentType]
        for place, text in zip(reversed(range(len(texts))), texts, strict=True)
    )


def _with_prompt(prompt: Turns, shared: Turns, chosen: str, rejected: str) -> tuple[Turns, str, str]:
    if not shared:
        return prompt, chosen, rejected
    said = {(turn.role, turn.content.strip()) for turn in shared}
    repeated = [(turn.role, turn.content.strip()) in said for turn in prompt]
    if prompt and not any(repeated) and shared[0].role == "assistant":
        return (*prompt, *shared), chosen, rejected
    if not all(repeated):
        raise InputError(
            "prompt is not among the common turns of chosen and rejected", fix="remove or correct the column 'prompt'"
        )
    return shared, chosen, rejected


def _prompt(row: Row) -> Turns:
    column = one_of(row, "prompt", "question") or "prompt"
    prompt = row.get(column)
    if not (isinstance(prompt, str) and _is_transcript(prompt)):
        return conversation(row, column)
    turns = _transcript(prompt)
    return turns[:-1] if not turns[-1].content.strip() else turns


def _has_transcript_prompt(row: Row) -> bool:
    prompt = row.get(one_of(row, "prompt", "question") or "prompt")
    return isinstance(prompt, str) and _is_transcript(prompt)


def _is_missing(value: object) -> bool:
    return value is None or value != value or (isinstance(value, list) and None in value)


def _listed(value: object) -> str:
    return f"{came(value)} with null" if isinstance(value, list) and None in value else came(value)


def _is_transcript(text: str) -> bool:
    return text.lstrip().startswith("Human:") and "\n\nAssistant:" in text


def _transcript(text: str) -> Turns:
    pieces = _TURN.split("\n\n" + text.lstrip())
    return tuple(
        Message(role=_ROLE[speaker], content=said.removeprefix(" "))  # pyright: ignore[reportArgumentType]
        for speaker, said in zip(pieces[1::2], pieces[2::2], strict=True)
    )


def _answers(first: Turns, second: Turns, shared: int) -> bool:
    return all(len(turns) > shared and turns[shared].role == "assistant" for turns in (first, second))


def _rest(turns: Turns) -> str:
    return "\n\n".join([turns[0].content, *(f"{turn.role.title()}: {turn.content}" for turn in turns[1:])])
