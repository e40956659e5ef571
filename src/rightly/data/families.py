"""Convert a row to a pair: one small pure function for each published column family.

Labels keep their publishers' meaning, and a null label stays ``None``. Any other value is an error.
"""

from collections import Counter
from collections.abc import Mapping

from pydantic import ValidationError

from rightly.data.dialogue import split_shared
from rightly.data.fields import (
    Row,
    asked,
    came,
    choice,
    conversation,
    identity,
    make_pair,
    named,
    number,
    one_of,
    optional_text,
    records,
    text,
    texts,
)
from rightly.errors import InputError
from rightly.types import Choice, Message, PreferencePair, Rationale, Vote

_LETTERS: dict[str | int, Choice] = {"A": "A", "B": "B", "tie": "tie"}
_COMPARED: dict[str | int, Choice] = {"A>B": "A", "B>A": "B", "A=B": "tie"}
_WINNERS: dict[str | int, Choice] = {
    "model_a": "A",
    "model_b": "B",
    **dict.fromkeys(("tie", "both_bad", "tie (bothbad)", "tie (both bad)"), "tie"),
}
_NUMBERED: dict[str | int, Choice] = {1: "A", 2: "B"}


def native(row: Row) -> PreferencePair:
    """Read a `PreferencePair` as JSON; without ``id`` its id is a content hash."""
    for part in (row, *records(row, "votes")):
        number(part, "degree")
    reasons = row.get("rationales")
    if isinstance(reasons, list):
        row = {**row, "rationales": [{"text": each} if isinstance(each, str) else each for each in reasons]}
    for part in records(row, "rationales"):
        number(part, "importance")
    row_id = identity(row, "id")
    try:
        pair = PreferencePair.model_validate({**row, "id": row_id or "?"})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        spot = ".".join(map(str, first["loc"])) or "row"
        raise InputError(f"{spot}: {first['msg']} (came: {came(first['input'])})") from None
    return named(pair, row_id)


def judgebench(row: Row) -> PreferencePair:
    """Read ``response_A``, ``response_B``, ``label`` (``A>B``, ``B>A``, ``A=B``; or ``A``, ``B``, ``tie``).

    The context is ``question`` or ``prompt``; JudgeBench's ``source`` (its subset) becomes the domain.
    """
    domain = one_of(row, "domain", "source")
    return make_pair(
        identity(row, "pair_id", "id"),
        asked(row),
        (text(row, "response_A"), text(row, "response_B")),
        label=choice(row, "label", _COMPARED | _LETTERS),
        domain=optional_text(row, domain) if domain else None,
    )


def helpsteer3(row: Row) -> PreferencePair:
    """HelpSteer3-Preference: ``overall_preference`` from -3 (response 1 far better) to 3 (response 2 far better).

    ``individual_preference`` gives the votes and, from ``reasoning``, the rationales. Annotators have no ids upstream:
    ``annotator 1`` is the first one of the row, not the same person across rows. ``feedback1`` and ``feedback2`` describe one
    response each and are ignored, since they are not reasons for the preference.
    """
    votes, reasons = _individual_preferences(row)
    return _scored(row, votes, reasons)


def rationalerm(row: Row) -> PreferencePair:
    """RationaleRM's checklist files: HelpSteer3's columns and ``human-checklist``, the human points already atomic.

    Only the checklist gives the rationales, because it was made from the annotators' ``reasoning``. A file without
    ``overall_preference`` has no labels. The stored answers of single judges (``{model}-checklist``, ``-label``) are read by
    `rightly.judges.published`.
    """
    points = tuple(Rationale(text=point) for point in texts(row, "human-checklist"))
    return _scored(row, _individual_preferences(row)[0], points)


def r_align(row: Row) -> PreferencePair:
    """R-Align's benchmark and result files: ``gt_label`` A or B, and ``gt_judgment``, a golden explanation as one reason.

    The golden explanation was written by a model; thinking before ``</think>`` is
    removed, as in the released scripts. ``source.subset`` is the domain. The stored answers of a judge (``model_judgment``,
    ``model_pred``) are read by `rightly.judges.published`.
    """
    gold = (optional_text(row, "gt_judgment") or "").rpartition("</think>")[2].strip()
    source = row.get("source")
    return make_pair(
        identity(row, "id"),
        conversation(row, "conversations"),
        (text(row, "response_A"), text(row, "response_B")),
        label=choice(row, "gt_label", {"A": "A", "B": "B"}),
        rationales=(Rationale(text=gold, annotator="gold"),) if gold else (),
        domain=optional_text(source, "subset") if isinstance(source, Mapping) else optional_text(row, "source"),
    )


def arena(row: Row) -> PreferencePair:
    """Arena battles: ``winner`` is ``model_a``, ``model_b``, ``tie`` or ``both_bad``, which counts as a tie.

    Responses are ``response_a``/``response_b`` with ``prompt`` or ``question``, or two complete conversations
    (``conversation_a``/``conversation_b``) whose common beginning is the context.
    """
    if one_of(row, "response_a", "conversation_a") == "response_a":
        context = asked(row)
        responses = text(row, "response_a"), text(row, "response_b")
    elif row.get("conversation_a") is not None:
        context, *responses = split_shared(conversation(row, "conversation_a"), conversation(row, "conversation_b"))
    else:
        raise InputError(
            "arena row without response_a/response_b or conversation_a/conversation_b",
            fix="join the answers' texts to the battles first",
        )
    return make_pair(
        identity(row, "id", "uid"),
        context,
        responses,
        label=choice(row, "winner", _WINNERS),
        domain=optional_text(row, "category"),
    )


def ukpconvarg1(row: Row) -> PreferencePair:
    """UKPConvArg1 (Habernal and Gurevych, ACL 2016): two arguments for one stance, votes with a reason each.

    The label is the corpus' strict one (``None`` if its authors dropped the pair). Reasons call the arguments A1 and A2,
    which `rightly.references` recognises.
    """
    votes = records(row, "votes")
    for vote in votes:
        if choice(vote, "vote", _LETTERS) is None:
            raise InputError("a vote is null, expected 'A', 'B' or 'tie'")
    reasons = ((text(v, "annotator"), optional_text(v, "reason")) for v in votes)
    question = (
        f"Debate: {text(row, 'title')}\nStance: {text(row, 'stance')}\nGive a convincing argument for this stance."
    )
    return make_pair(
        identity(row, "id"),
        (Message(role="user", content=question),),
        (text(row, "response_a"), text(row, "response_b")),
        label=choice(row, "strict_label", _LETTERS),
        votes=tuple(Vote(annotator=text(v, "annotator"), choice=v["vote"]) for v in votes),
        rationales=tuple(Rationale(text=reason, annotator=who) for who, reason in reasons if reason and reason.strip()),
        domain=f"{text(row, 'debate')}/{text(row, 'side')}",
    )


def pandalm(row: Row) -> PreferencePair:
    """PandaLM's test set: ``annotator1``..``annotator3`` are 1, 2 or 0 (tie); the label is their majority.

    Without a majority (1, 2 and 0) the label is ``None``.
    """
    names = [name for name in ("annotator1", "annotator2", "annotator3") if row.get(name) is not None]
    votes = [(name, choice(row, name, _NUMBERED | {0: "tie"})) for name in names]
    counts = Counter(vote for _, vote in votes)
    best, count = counts.most_common(1)[0] if counts else (None, 0)
    parts = [part for part in (text(row, "instruction"), optional_text(row, "input")) if part]
    return make_pair(
        identity(row, "idx", "id"),
        (Message(role="user", content="\n\n".join(parts)),),
        (text(row, "response1"), text(row, "response2")),
        label=best if count * 2 > len(votes) else None,
        votes=tuple(Vote(annotator=name, choice=vote) for name, vote in votes if vote is not None),
    )


def llmbar(row: Row) -> PreferencePair:
    """LLMBar: ``input``, ``output_1``, ``output_2``, ``label`` 1 or 2."""
    return make_pair(
        identity(row, "id"),
        conversation(row, "input"),
        (text(row, "output_1"), text(row, "output_2")),
        label=choice(row, "label", _NUMBERED),
    )


def _scored(row: Row, votes: tuple[Vote, ...], rationales: tuple[Rationale, ...]) -> PreferencePair:
    score = number(row, "overall_preference", -3, 3)
    return make_pair(
        identity(row, "id"),
        conversation(row, "context"),
        (text(row, "response1"), text(row, "response2")),
        label=None if score is None else _side(score),
        degree=None if score is None else abs(score),
        votes=votes,
        rationales=rationales,
        domain=optional_text(row, "domain"),
    )


def _individual_preferences(row: Row) -> tuple[tuple[Vote, ...], tuple[Rationale, ...]]:
    votes: list[Vote] = []
    reasons: list[Rationale] = []
    for place, entry in enumerate(records(row, "individual_preference"), start=1):
        who = f"annotator {place}"
        score = number(entry, "score", -3, 3)
        if score is not None:
            votes.append(Vote(annotator=who, choice=_side(score), degree=abs(score)))
        reason = optional_text(entry, "reasoning")
        if reason and reason.strip():
            reasons.append(Rationale(text=reason, annotator=who))
    return tuple(votes), tuple(reasons)


def _side(score: float) -> Choice:
    return "tie" if score == 0 else ("A" if score < 0 else "B")
