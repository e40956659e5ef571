"""Whose words a statement is: the judge's verdict, or a draft, an offer of labels, or a quotation of a response.

A judge writes about texts that may hold verdicts themselves, and an answer can be truncated right after it quotes one.
A statement whose author is in doubt is not a verdict.
"""

import re
from collections.abc import Iterable

MASK = "\x1f"
"""Stands for a part that is left out: white space to every pattern, but not to quotation marks around it."""
_ABROAD = (
    r"(?:最终|最后|最終|综合|総合)(?:结论|結論|判断|判定|裁决|裁定|评判|評価)|结论|結論|判定|裁决|裁定|评判|評決"
    r"|최종\s*(?:판정|결론|판단)|판정|(?:endgültiges|abschließendes|finales)\s+urteil|urteil|fazit|endurteil"
    r"|verdict\s+final|(?:jugement|décision)\s+final\w*|vered[ií]c?to(?:\s+final)?|decis(?:ión|ão)\s+final"
    r"|verdetto(?:\s+finale)?|(?:giudizio|decisione)\s+finale"
    r"|(?:(?:итоговый|окончательный|финальный)\s+)?вердикт|(?:итоговое|окончательное)\s+решение"
)
"""Announcements of a verdict in Chinese, Japanese, Korean, German, French, Spanish, Portuguese, Italian and Russian."""
_OPENING = (
    r"\W{0,12}(?:\d{1,2}[.)]\s*)?(?:(?:so|thus|therefore|hence|overall|finally|in\s+conclusion)\W{1,12})?"
    r"(?:(?:the|my|our|mein|mon|mi|meu|il\s+mio|мой)\s+|我的|私の)?"
    rf"(?P<announced>{_ABROAD}|(?:final\s+|overall\s+)?(?:verdict|judge?ment|decision|winner|choice|preference"
    r"|(?:better|best|preferred|stronger)\s+(?:response|assistant)|(?P<answer>answer)))"
)
_IS = r"(?:\s+(?:is|ist|est|es|è|é)\b\s*:?|\s*(?:是|は)?\s*:)"
_FINAL = re.compile(
    r"(?i)final|overall|最终|最后|最終|综合|総合|최종|endgültig|abschließend|endurteil|итогов|окончательн"
)
STATED = re.compile(rf"(?i)(?:^|(?<=[.!?])\s){_OPENING}{_IS}\s*(?P<said>[^.!?。\n]+)")
"""A verdict in a sentence; in a line without markup."""
HEADING = re.compile(rf"(?i){_OPENING}\W*")
"""A line that only announces a verdict."""
_INTRODUCED = re.compile(
    rf"(?i)\W*(?:\d{{1,2}}[.)]\W*)?|(?:.*[.!?])?{_OPENING}(?:\s+(?:is|ist|est|es)\b|[:：是は])*\W{{0,12}}"
)
_GOES_ON = re.compile(
    r"[\s*_`\"')$\\\]]*(?:$|[.,;!(<。，！；]|(?:[-\u2013\u2014]\s*)?(?:because|since|as)\b|is\s+better\b)"
)
"""Text after an explicit verdict; after a mere mention ("[[A]] if ...", "[[A]] = ...") the sentence continues."""
_SENTENCE_END = re.compile(r"[.!?]\s|\n")
_NO_VERDICT = re.compile(
    r"(?i)\b(?:draft|(?:initial|first|tentative|preliminary)\s+(?:verdict|judge?ment|answer|choice|guess|impression|thought)"
    r"|at\s+first|format\s*(?:is\b|:)|(?:example|template)\s*:|legend"
    r"|(?:choose|select|pick)\w*\s+(?:from|among|between)|I\s+(?:will|must|should|can)\s+(?:write|output|use))(?!\w)(?!.*[.!?]\s)"
)
_NEAR = 200
"""Number of characters before a statement that show how it is meant."""
_SO = r"(?:[,;]|\b(?:is|and))\s*(?:so|thus|therefore|hence)\b"
"""Words after which the judge draws its own conclusion."""
_REPORTED = re.compile(
    r"(?i)\b(?:response|assistant|answer|output|model|candidate|chatbot|it|which|who|that|[AB]|1|2)\b[^.!?\n]*\b(?:answers"
    r"|answered|gives?|gave|conclude[sd]?|state[sd]?|says?|said|writes?|wrote|written|box(?:e[sd])?|claim(?:s|ed)?|end(?:s|ed)?"
    r"|close[sd]?|open(?:s|ed)?|starts?|begins?|reports?|picks?|selects?|chooses?|chose|arrives?|contain(?:s|ed)?|includes?"
    r"|presents?|outputs?|reads?|prints?|adds?|added|inserts?|inject(?:s|ed)?|append(?:s|ed)?|tells?|told|asks?|instructs?"
    r"|demands?|declares?|announces?|repeats?|tries|quotes?|grades|scores|words|phrase|string|text|lines?)\b"
    rf"(?![^.!?\n]*{_SO})[^.!?\n]*$"
    r"|\b(?:response|assistant|answer|output|model|candidate|chatbot|[AB]|1|2)\s?(?:[AB12])?['’]s\s+(?:\w+\s+){0,2}"
    r"(?:answer|response|output|text|verdict|conclusion|line|words)\W*(?:is|was|were)?\W*$"
    r"|(?:写道|写着|说道|声称|と書|と述べ|(?:schreibt|sagt|behauptet|écrit|dit|affirme|escribe|dice|afirma|escreve|diz|scrive"
    r"|afferma|пишет|говорит|утверждает)\b)[^.!?。\n]*$"
)
"""Words before a statement that make it the words of a response."""
_KEY = re.compile(
    r"(?i)(?:\b(?:option|key|solution|correct|right|wrong|equals?|compute[sd]?|value|result|(?<!final )answer\s+is)\b|=)"
    rf"(?![^.!?\n]*{_SO})[^.!?\n]*$"
)
"""Words before a statement that make it the solution of the task."""
_LONGEST_QUOTE = 1000
"""Number of characters before a statement in which a quotation is looked for; bounds the time for long answers."""
_QUOTE_OPENS = r"(?<![^\s(\[{:,;>*\u2014\u2013-])\"(?=[^ \t\n])"
_CLOSED = re.compile(rf"“[^”]*”|„[^“”]*[“”]|«[^»]*»|「[^」]*」|『[^』]*』|{_QUOTE_OPENS}[^\"]*\"|`[^`\n]*`")
_OPEN = re.compile(rf"[“„«「『]|{_QUOTE_OPENS}|`[^`\n]*\Z")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_MARKS = f" \t$*_`\"'#-“„«\\{MASK}"
_ITEM = re.compile(r"[ \t]*(?:\d{1,2}[.)]|[-*•+–])[ \t]+(?=\S)")


def masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without the spans, which do not overlap and are in order; positions in it stay."""
    parts, end = [], 0
    for start, stop in spans:
        parts += [text[end:start], MASK * (stop - start)]
        end = stop
    return "".join([*parts, text[end:]])


def is_draft(text: str, position: int) -> bool:
    """Whether the words before a statement call it a draft, a form or a legend."""
    return _NO_VERDICT.search(_head(text, position)) is not None


def is_introduced(text: str, position: int) -> bool:
    """Whether the words before a statement introduce a verdict."""
    return _INTRODUCED.fullmatch(_head(text, position)) is not None


def is_in_item(text: str, position: int) -> bool:
    """Whether a statement stands behind other words in an item of a list: a reason that mentions it."""
    return _ITEM.match(text, text.rfind("\n", 0, position) + 1, position) is not None and not is_introduced(
        text, position
    )


def is_complete(text: str, end: int) -> bool:
    """Whether a statement ends its clause; after a mere mention the sentence continues."""
    return _GOES_ON.match(text[end : end + 40].partition("\n")[0]) is not None


def is_offer(one: str, other: str, between: str) -> bool:
    """Whether two statements that follow each other only list what may be answered."""
    return one != other and not _SENTENCE_END.search(between)


def is_final(announced: str) -> bool:
    """Whether an announcement calls its verdict final."""
    return _FINAL.search(announced) is not None


def is_alone(text: str, position: int) -> bool:
    """Whether only markup stands before a statement in its line."""
    return not _head(text, position).strip(_MARKS)


def is_quoted(text: str, position: int) -> bool:
    """Whether a statement is the words of a response: in an open quotation, a block quotation, or after "Response B says".

    Quotation marks that enclose only the statement are not enough: judges copy them from the prompt.
    """
    line = text[text.rfind("\n", 0, position) + 1 : position]
    if line.lstrip(" \t").startswith(">"):
        return True
    near = text[max(0, position - _LONGEST_QUOTE) : position]
    before = _BLANK_LINE.split(near)[-1].rstrip("\"'`*_“„«")
    return _OPEN.search(_CLOSED.sub("", before)) is not None or _REPORTED.search(_clause(text, position)) is not None


def is_solution(text: str, position: int) -> bool:
    """Whether the words before a statement make it the solution of the task that the responses solve."""
    return _KEY.search(_clause(text, position)) is not None


def _clause(text: str, position: int) -> str:
    """The sentence before a statement; for one alone in its line the line above, if that ends in a colon."""
    head = _head(text, position)
    if not head.strip(_MARKS):
        above = text[: position - len(head)].rstrip(" \t\n`$\\[").rpartition("\n")[2]
        head = above if above.rstrip("* _").endswith((":", "：")) else ""
    return re.split(r"[.!?。][\s\"”]", head)[-1]


def _head(text: str, position: int) -> str:
    return text[max(text.rfind("\n", 0, position) + 1, position - _NEAR) : position]
