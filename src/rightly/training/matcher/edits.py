"""Small edits of a text by rule: some keep the point, some change a number or a condition, some drop what is specific.

Written paraphrases are reworded and written near misses often are not, so a model trained on them alone learns "reworded is the
same" and rejects even a text beside itself. Edits break that shortcut in both directions.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence

_SAME_WORDS = """
shows demonstrates|gives provides|big large|because since|also additionally|wrong incorrect|right correct|many numerous
explains clarifies|begins starts|ends finishes|uses employs|needs requires|gets receives|helps assists|says states
mentions notes|omits leaves_out|lacks is_missing|contains includes|quick fast|answer reply|mistake error|buy purchase
people persons|children kids|often frequently|nearly almost|entire whole|simple easy|difficult hard|important significant
fails_to does_not|cannot is_unable_to|must has_to|should ought_to|doesn't does_not|isn't is_not|can't cannot|won't will_not
don't do_not|it's it_is|that's that_is|aren't are_not|didn't did_not|wasn't was_not|about regarding|but yet|while whereas
like such_as|for_example for_instance|although though|maybe perhaps|sentence phrase|picture image|job work|make create
"""
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_OPENINGS = ("I think that ", "It is true that ", "Because ", "In my opinion, ", "Note that ", "The reason is that ")
_CLOSINGS = (".", "!", " in my view", ", I think", " here", " indeed", "...")
_FILLERS = ("really", "clearly", "actually", "also", "simply", "indeed")
_SCOPES = """
all some|all most|all none_of_the|every some|every hardly_any|each some|always sometimes|always never|always rarely|most few
most all|many few|some all|some no|none some|never sometimes|only also|both neither|both one_of_the|at_least at_most
more_than less_than|more_than exactly|fewer_than more_than|less_than more_than|before after|after before|first last
last first|twice once|once twice|double half|half double|half all|above below|below above|over under|minimum maximum
maximum minimum|top bottom|start end|beginning end|end beginning|left right|early late|daily weekly|weekly daily|weekly monthly
monthly yearly|hours minutes|hour day|minutes seconds|days weeks|day week|weeks months|months years|years months|year month
metres feet|kilometres metres|grams kilograms|percent points|thousand million|million billion|hundred thousand|odd even
even odd|empty full|unless if|if unless|without with|within outside|everyone someone|everybody nobody|everything something
nothing something|anywhere everywhere|often rarely|rarely often|usually rarely|sometimes always|entire part_of_the
whole half_of_the|until from|men women|women men|adults children|children adults|beginners experts|summer winter
morning evening|north south|east west|oldest newest|newest oldest|largest smallest|smallest largest|highest lowest
lowest highest|longest shortest|positive negative|increasing decreasing|ascending descending|red blue|black white|monday friday
"""
_SPECIFIC = re.compile(
    r",? (?:by|with|from|in|for|because|such as|when|if|that|which|on|about|without|of|to|at|after|before|as|where|who|since|"
    r"so|through|under|during|between|against|into|than|and|but) .+$"
)
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:\.\d+)?(?![\w.,]*\d)")
_ACRONYM = re.compile(r"[A-Z]{2}")
LEAST_LEFT, LEAST_DROPPED = 3, 3
"""Number of words that must stay, and that must go, when what is specific is dropped."""


def _exchanges(pairs: str, *, both_ways: bool) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in "|".join(pairs.split("\n")).split("|"):
        if pair.strip():
            one, other = (word.replace("_", " ") for word in pair.split())
            found.setdefault(one, []).append(other)
            if both_ways:
                found.setdefault(other, []).append(one)
    return found


def _any_of(words: Mapping[str, list[str]]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + r")\b", re.IGNORECASE)


_SAME = _exchanges(_SAME_WORDS, both_ways=True)
_SCOPE = _exchanges(_SCOPES, both_ways=False)
_SAME_PATTERN, _SCOPE_PATTERN = _any_of(_SAME), _any_of(_SCOPE)
_WORD_NUMBER = re.compile(r"\b(?:" + "|".join(_NUMBERS[2:]) + r")\b", re.IGNORECASE)


def light_edit(text: str, draw: random.Random, most: int = 3) -> str:
    """The same point with one to ``most`` small edits; the text itself where none applies."""
    for edit in draw.sample(_EDITS, draw.randint(1, most)):
        text = edit(text, draw)
    return text


def changed_detail(text: str, draw: random.Random) -> str | None:
    """The text with one number, quantity or condition changed; ``None`` where there is none to change."""
    changes: list[Callable[[str, random.Random], str | None]] = [_change_number, _change_word_number, _change_scope]
    for change in draw.sample(changes, len(changes)):
        if (found := change(text, draw)) is not None:
            return found
    return None


def less_specific(text: str, draw: random.Random) -> str | None:
    """The text without its last phrase or clause; ``None`` where too little would go or stay."""
    cuts = [match.start() for match in re.finditer(r"[ ,]", text) if _SPECIFIC.match(text, match.start())]
    good = [cut for cut in cuts if len(text[:cut].split()) >= LEAST_LEFT and len(text[cut:].split()) >= LEAST_DROPPED]
    return text[: draw.choice(good)].rstrip(" ,") if good else None


def _synonym(text: str, draw: random.Random) -> str:
    return _exchange(text, draw, _SAME_PATTERN, _SAME) or text


def _change_scope(text: str, draw: random.Random) -> str | None:
    return _exchange(text, draw, _SCOPE_PATTERN, _SCOPE)


def _exchange(
    text: str, draw: random.Random, pattern: re.Pattern[str], words: Mapping[str, Sequence[str]]
) -> str | None:
    found = list(pattern.finditer(text))
    if not found:
        return None
    match = draw.choice(found)
    new = draw.choice(words[match.group().lower()])
    return text[: match.start()] + (new.capitalize() if match.group()[0].isupper() else new) + text[match.end() :]


def _change_number(text: str, draw: random.Random) -> str | None:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    match = draw.choice(found)
    value, digits = float(match.group()), len(match.group().partition(".")[2])
    new = draw.choice((value + draw.choice((1, 2, 3, 5, 10)), value * draw.choice((2, 10)) + 1, value // 2 + 1))
    shown = f"{new:.{digits}f}"
    return text[: match.start()] + shown + text[match.end() :] if shown != match.group() else None


def _change_word_number(text: str, draw: random.Random) -> str | None:
    found = list(_WORD_NUMBER.finditer(text))
    if not found:
        return None
    match = draw.choice(found)
    new = draw.choice([each for each in _NUMBERS[2:] if each != match.group().lower()])
    return text[: match.start()] + new + text[match.end() :]


def _figure(text: str, draw: random.Random) -> str:
    """A number word as a figure, or a figure as a word."""
    if match := _WORD_NUMBER.search(text):
        return text[: match.start()] + str(_NUMBERS.index(match.group().lower())) + text[match.end() :]
    match = _NUMBER.search(text)
    if match and match.group().isdigit() and 2 <= int(match.group()) < len(_NUMBERS):
        return text[: match.start()] + _NUMBERS[int(match.group())] + text[match.end() :]
    return text


def _opening(text: str, draw: random.Random) -> str:
    first = text if _ACRONYM.match(text) or text.startswith(("X", "Y", "I ")) else text[:1].lower() + text[1:]
    return draw.choice(_OPENINGS) + first


def _closing(text: str, draw: random.Random) -> str:
    return text.rstrip(".!") + draw.choice(_CLOSINGS)


def _filler(text: str, draw: random.Random) -> str:
    words = text.split(" ")
    place = draw.randint(1, max(1, min(3, len(words) - 1)))
    return " ".join([*words[:place], draw.choice(_FILLERS), *words[place:]])


def _article(text: str, draw: random.Random) -> str:
    found = list(re.finditer(r"\b(?:the|a|an) ", text))
    if not found:
        return text
    match = draw.choice(found)
    return text[: match.start()] + ("" if draw.random() < 0.5 else "the ") + text[match.end() :]


def _typo(text: str, draw: random.Random) -> str:
    words = [(match.start(), match.end()) for match in re.finditer(r"[a-z]{6,}", text)]
    if not words:
        return text
    start, end = draw.choice(words)
    place = draw.randrange(start + 1, end - 2)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def _case(text: str, draw: random.Random) -> str:
    return text.lower()


_EDITS: Sequence[Callable[[str, random.Random], str]] = (
    _synonym, _synonym, _figure, _opening, _closing, _filler, _article, _typo, _case,
)  # fmt: skip
