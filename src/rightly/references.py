"""Find and swap the names of responses in a text: "Response 1", "A2", "the second answer", "B's".

People and judges name the two responses of a pair in many ways. When a pair is swapped, the names in every rationale must
be swapped too, else a right reason is matched with the wrong response ("Rationale Consistency" does not mention this; see
the papers page in ``docs``). All patterns are symmetric in the two sides, so swapping twice restores the text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

Side = Literal["A", "B"]

_NOUN = r"(?:response|answer|argument|assistant|output|model|reply|completion|candidate|summary|essay)"
_MARK = r"(?:[12](?!\.?\d)|A[12]|[AB]|one|two|One|Two|\([aAbB]\))(?![\w'])"
_POSSESSED_MARK = r"(?:[12](?!\.?\d)|A[12]|[AB]|\([aAbB]\))(?='s\b)"
_LINK = r"\s*(?:,|/|&|and|or|vs\.?|versus|than)\s*"

# A bare capital letter is a reference only in positions where it cannot be an article or a grade. Spaces are written
# "[ ]", because the pattern that contains these is VERBOSE.
_GRADED = "vitamin Vitamin grade Grade plan Plan type Type option Option part Part section Section class point step"
_NOT_A_NAME_BEFORE = r"(?<![\w.'-])" + "".join(rf"(?<!{word}[ ])" for word in _GRADED.split())
_VERB = (
    r"(?:is|was|has|had|does|did|do|doesn|didn|isn|wasn|gives?|gave|provides?|provided|contains?|omits?|misses|lacks?"
    r"|states?|stated|says?|said|uses?|used|makes?|made|answers|follows?|followed|fails?|failed|includes?|included"
    r"|explains?|explained|offers?|offered|wins|loses|can|could|would|will|should|may|might|only|also|never|just"
    r"|simply|correctly|wrongly|incorrectly|clearly|better\s+than|over|and|or|vs|versus|than|but|because|breaks|wrong"
    r"|cites?|cited|gets?|supports?|backs|shows?|showed|argues?|argued|covers?|ignores?|ignored|adds?|added|presents?"
    r"|keeps|seems?|looks|sounds|feels|needs|takes|goes|stays|repeats|mentions|mentioned|describes|writes|claims"
    r"|assumes|refers|addresses|relies|focuses|leaves|tries|proves|names|quotes|lists|calls|adheres|respects)"
)
# A verb in the third person: it ends in a single s and is not one of the nouns that do.
_NO_VERB = (
    r"(?:lens|series|species|gas|bias|means|chaos|atlas|canvas|news|vitamins|cells|movies|players|students|grades|sides"
    r"|parts|sections|types|options|classes|samples|batteries|flats|levels)"
)
_THIRD = rf"(?!{_NO_VERB}\b)[a-z]{{2,}}(?<![siu])s"
_BARE = rf"{_NOT_A_NAME_BEFORE}[AB](?:(?='s\b)|(?=\s+(?:{_VERB}|{_THIRD})\b)|(?=\s*[,;:.!?)\]]|\s*$))"
_BARE_AFTER = r"(?<=(?:[Uu]nlike|prefer)[ ])[AB]\b|(?<=(?:than|over)[ ])[AB]\b|(?<=to[ ])[AB](?=[,.;]|\s*$)"
_BARE_IN = "".join(
    rf"|(?<=\b{word}[ ])[AB]\b(?![\w'-])" for word in ("in", "In", "by", "By", "from", "From", "does", "do", "did")
)

_REFERENCE = re.compile(
    rf"""
    (?P<many>\b(?i:{_NOUN}(?:es|s)|summaries|replies)\s+{_MARK}{_LINK}{_MARK})
    | (?P<named>\b(?i:{_NOUN})[\s_\#-]*(?:{_MARK}|{_POSSESSED_MARK}))
    | (?P<ordinal>\b(?:first|second|First|Second|FIRST|SECOND)\s+(?i:{_NOUN}|one)\b)
    | (?P<coded>\b[Aa][12]\b(?!\.?\d))
    | (?P<pair>(?<![\w'.-])[AB]{_LINK}[AB](?![\w]))
    | (?P<bare>{_BARE}|{_BARE_AFTER}{_BARE_IN})
    """,
    re.VERBOSE,
)
_NAMED_WHOLE = re.compile(rf"(?:\b[Tt]he\s+)?(?:{_REFERENCE.pattern})", re.VERBOSE)
_TOKEN = {
    "many": re.compile(rf"(?<=\s|/|,|&){_MARK}"),
    "named": re.compile(r"(?:A?[12]|[AB]|one|two|One|Two|\([aAbB]\))$"),
    "ordinal": re.compile(r"^\w+"),
    "coded": re.compile(r"[12]$"),
    "pair": re.compile(r"\b[AB]\b"),
    "bare": re.compile(r"[AB]"),
}
_SWAPPED = {
    "1": "2", "A": "B", "a": "b", "one": "two", "One": "Two", "first": "second", "First": "Second",
    "FIRST": "SECOND", "A1": "A2", "(a)": "(b)", "(A)": "(B)",
}  # fmt: skip
_SWAPPED |= {new: old for old, new in _SWAPPED.items()}
_FIRST_SIDE = {"1", "a", "one", "first", "a1", "(a)"}
_ASIDE = re.compile(
    r"(?i)\b(?:unlike|than|compared (?:to|with)|in contrast (?:to|with)|as opposed to|whereas|while)\s+(?:the\s+)?$"
)


def swap_references(text: str) -> str:
    """Replace every name of a response by the other one's; ``swap_references(swap_references(t)) == t``.

    >>> swap_references("Response 1 is right, unlike the second answer; A's tone is better than B.")
    'Response 2 is right, unlike the first answer; B's tone is better than A.'
    """
    return _REFERENCE.sub(lambda match: _token_pattern(match).sub(_swap_token, match.group()), text)


def strip_references(text: str) -> str:
    """The text without the names of the responses: only its content, without its subject."""
    return " ".join(_REFERENCE.sub(" ", text).split())


def rename_references(text: str, names: Mapping[Side, str]) -> str:
    """The text with every name of a response replaced by the response's new name, one word each.

    >>> rename_references("Unlike the second answer, Response 1 cites a source", {"A": "X", "B": "Y"})
    'Unlike Y, X cites a source'
    """

    def rename(match: re.Match[str]) -> str:
        pattern = _token_pattern(match)
        if match.lastgroup in ("many", "pair"):
            return pattern.sub(lambda token: names[_side(token)], match.group())
        return next(names[_side(token)] for token in pattern.finditer(match.group(match.lastgroup or "bare")))

    return _NAMED_WHOLE.sub(rename, text)


def subject_side(text: str) -> Side | None:
    """The side that a point is about: the first one named that is not set aside ("Unlike A, B ..." is about B)."""
    mentions = list(_mentions(text))
    for side, start in mentions:
        if not _ASIDE.search(text[:start]):
            return side
    return mentions[0][0] if mentions else None


def _mentions(text: str) -> Iterator[tuple[Side, int]]:
    for match in _REFERENCE.finditer(text):
        for n, token in enumerate(_token_pattern(match).finditer(match.group())):
            start = match.start() + (token.start() if n else 0)
            yield _side(token), start


def _side(token: re.Match[str]) -> Side:
    return "A" if token.group().lower() in _FIRST_SIDE else "B"


def _token_pattern(match: re.Match[str]) -> re.Pattern[str]:
    return _TOKEN[match.lastgroup or "bare"]


def _swap_token(token: re.Match[str]) -> str:
    return _SWAPPED[token.group()]
