"""Labels of a verdict as judges write them: marked up, with degrees, in sentences, in other languages."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from rightly.types import Choice

PAIRWISE_LABELS: Mapping[str, Choice] = {
    "A": "A", "B": "B", "TIE": "tie",
    "A>>B": "A", "A>B": "A", "A=B": "tie", "B>A": "B", "B>>A": "B",
    "B<<A": "A", "B<A": "A", "B=A": "tie", "A<B": "B", "A<<B": "B",
    "RESPONSE A": "A", "RESPONSE B": "B", "ASSISTANT A": "A", "ASSISTANT B": "B",
    "RESPONSE 1": "A", "RESPONSE 2": "B", "ASSISTANT 1": "A", "ASSISTANT 2": "B",
    "EQUAL": "tie", "DRAW": "tie",
    "ANSWER A": "A", "ANSWER B": "B", "OPTION A": "A", "OPTION B": "B",
}  # fmt: skip
"""The labels that a pairwise prompt offers, upper case, and their choices."""

_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_MARKUP = re.compile(r"\\(?:text|math)[a-z]*|[*_`\"'(){}\[\]$]|\\(?![A-Za-z])")
_RELATIONS = {"gg": ">>", "ll": "<<", "gt": ">", "lt": "<"}
_RELATION = re.compile(r"\\(gg|ll|gt|lt)\b")
_DEGREE = r"(?:(?:slightly|somewhat|marginally|clearly|significantly|much|far|a\s+bit|a\s+little|overall|the)\s+)*"
_NOUNS = (
    r"(?:(?i:response|assistant|answer|option|chatbot|model|candidate|output|antwort|réponse|respuesta|resposta|risposta"
    r"|ответ)\s+|(?:回答|回复|答案|助手|応答|アシスタント|응답|답변)\s*)"
)
_NOUN = re.compile(rf"^{_NOUNS}(?=[A-Z]$)")
_TIES = frozenset(
    ("平局", "平手", "引き分け", "무승부", "UNENTSCHIEDEN", "GLEICHSTAND", "ÉGALITÉ", "EMPATE", "PAREGGIO", "НИЧЬЯ")
)
_LONGEST = 200
"""Number of characters above which a text is not a label."""
_RANKED = re.compile(
    rf"(?i)(?P<label>.+?)\s+(?:is|was)\s+{_DEGREE}(?:(?P<better>better|best|winner|stronger|superior|preferred)"
    r"(?:\s+(?:one|response|answer))?|(?P<worse>worse))(?:\s+than\s+(?P<other>.+))?"
)

LABEL = re.compile(
    rf"(?P<label>(?:{_NOUNS})?[A-Z](?:\s*(?:>>|>|=|<<|<)\s*[A-Z])?|(?:[Aa]\s+)?(?i:tie))"
    r"(?:更好|更优|更佳|较好|胜出|获胜|が優れている|の方が優れている|の勝ち)?"
    r"(?:\s*[,;(\u2013\u2014-](?P<tail>.*)|\s+(?:because|since|as)\b.*|\W*)"
)
"""A label with or without words after it."""
_OTHER_LABEL = re.compile(
    r"(?i)\W*(?:(?:or|and|no|not|but|wait|rather|actually|maybe|perhaps|slightly|somewhat|marginally|leaning|towards?)\W+)*(?:(?:response|assistant)\s+)?"
    r"(?:[A-Z]|tie)\b(?!\s+(?!or\b|and\b)[a-z]{2})"
)


def plain(line: str) -> str:
    """A line in compatibility form, without markup and hidden characters."""
    return re.sub(r"^[\s#>]+|[*`]|__", "", _HIDDEN.sub("", unicodedata.normalize("NFKC", line)))


def spoken(words: str, labels: Mapping[str, Choice]) -> Choice | None:
    """The meaning of a label with or without words after it: ``B``, ``Response B, because A is wrong``."""
    match = LABEL.fullmatch(words.strip(" \t[]()"))
    if match is not None and not (match["tail"] and _OTHER_LABEL.match(match["tail"])):
        return choice_of(match["label"], labels)
    return choice_of(words, labels)


def choice_of(said: Any, labels: Mapping[str, Choice]) -> Choice | None:
    """The meaning of a label or of a sentence that ranks one: ``A``, ``**Response A**``, ``A is better than B``."""
    if not isinstance(said, str) or len(said) > _LONGEST:
        return None
    plain = _RELATION.sub(lambda found: _RELATIONS[found[1]], _HIDDEN.sub("", unicodedata.normalize("NFKC", said)))
    words = " ".join(_MARKUP.sub(" ", plain).split()).strip(" .,;:!")
    label = re.sub(r"\s*([<>=]+)\s*", r"\1", words.upper())
    label = label.removeprefix("A ") if label == "A TIE" else label
    ranked = _RANKED.fullmatch(words) if label not in labels else None
    if ranked is None:
        return _offered_choice(label, labels)
    first = _offered_choice(ranked["label"].upper(), labels)
    second = {"A": "B", "B": "A"}.get(first or "")
    if second is None or (ranked["other"] and _offered_choice(ranked["other"].upper(), labels) != second):
        return None
    return first if ranked["better"] else second


def _offered_choice(label: str, labels: Mapping[str, Choice]) -> Choice | None:
    """The choice of a label, also with a noun before its letter ("CHATBOT B"), or of the word for a tie in other languages."""
    return labels.get(label) or labels.get(_NOUN.sub("", label)) or labels.get("TIE" if label in _TIES else "")
