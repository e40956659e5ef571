"""The opposite of a sentence, by rule: a negation is put in or taken out, or one word becomes its antonym.

Written negatives for a matcher: word overlap and cosine both rank an opposite above a paraphrase, and people's data hold few
opposites that share their words. `opposite` gives ``None`` where no rule applies; what it gives is not always good English.
"""

import re

_TAKE_OUT = (
    (r"\b(is|are|was|were|does|do|did|can|could|will|would|should|has|have|had)(?:n['’]t| not)\b", r"\1"),
    (r"\bcannot\b", "can"),
    (r"\bcan['’]t\b", "can"),
    (r"\bwon['’]t\b", "will"),
    (r"\bdont\b", "do"),
    (r"\bdoesnt\b", "does"),
    (r"\b(?:fails|failed) to\b", "manages to"),
    (r"\bwithout (?:any )?", "with "),
    (r"\bnever\b", "always"),
    (r"\b(?:nothing|none)\b", "much"),
    (r"\bnobody\b", "everybody"),
    (r"\bno (?=[a-z])", "a lot of "),
    (r"\bneither\b", "both"),
    (r"\bnot\b ?", ""),
)
_ANTONYMS = """
includes omits|included omitted|includes leaves_out|contains lacks|contains leaves_out|has lacks|have lack
mentions ignores|mentions leaves_out|mentioned ignored|states hides|states leaves_out|gives omits|gives withholds
gave withheld|provides lacks|provides omits|provided omitted|offers withholds|offers lacks|explains skips
explained skipped|answers avoids|answers dodges|addresses ignores|addresses sidesteps|addressed ignored|follows breaks
follows violates|follows ignores|keeps drops|keeps loses|adds removes|adds drops|uses avoids|used avoided
supports contradicts|supports undermines|supported contradicted|supported unsupported|proves disproves
proved disproved|agrees disagrees|cites invents|cites omits|quotes misquotes|names leaves_out|lists omits|shows hides
shows conceals|starts ends|begins ends|opens closes|accepts rejects|accepts refuses|accepted rejected|admits denies
confirms denies|allows forbids|allowed forbidden|passes fails|succeeds fails|works fails|wins loses
increases decreases|increase decrease|rises falls|grows shrinks|improves worsens|helps harms|help hurt|gains loses
likes dislikes|loves hates|trusts distrusts|respects disrespects|remembers forgets|catches misses|notices overlooks
handles mishandles|reads misreads|understands misunderstands|interprets misinterprets|represents misrepresents
simplifies complicates|clarifies obscures|strengthens weakens|encourages discourages|praises criticises|thanks insults
warns reassures|opens closes|expands cuts|speeds_up slows_down|correct incorrect|correct wrong|correctly incorrectly
correctly wrongly|right wrong|accurate inaccurate|accurately inaccurately|true false|valid invalid|good bad
better worse|best worst|strong weak|stronger weaker|clear unclear|clear confusing|clearly vaguely|clearer vaguer
relevant irrelevant|relevant off-topic|on-topic off-topic|complete incomplete|complete partial|completely partly
specific vague|specific generic|concrete abstract|detailed sketchy|detailed superficial|deep shallow
thorough superficial|thoroughly superficially|precise imprecise|convincing unconvincing|persuasive unpersuasive
logical illogical|rational irrational|reasonable unreasonable|consistent inconsistent|coherent incoherent
organized disorganized|organised disorganised|structured chaotic|readable unreadable|polite rude|politely rudely
friendly hostile|kind cruel|respectful insulting|formal casual|formal informal|serious joking|calm angry|warm cold
neutral biased|fair unfair|honest dishonest|honest misleading|sincere fake|humble arrogant|cautious reckless
careful careless|safe unsafe|safe dangerous|healthy unhealthy|harmless harmful|legal illegal|moral immoral
ethical unethical|natural unnatural|normal abnormal|possible impossible|likely unlikely|necessary unnecessary
important unimportant|useful useless|helpful unhelpful|effective ineffective|efficient inefficient|fast slow
faster slower|quick slow|cheap expensive|easy hard|easier harder|simple complicated|simple complex|short long
shorter longer|brief lengthy|concise wordy|concise rambling|large small|larger smaller|big small|bigger smaller
high low|higher lower|early late|earlier later|before after|first last|old new|older newer|modern outdated|rich poor
full empty|hot cold|wet dry|heavy light|loud quiet|many few|more less|most least|all none|always never|often rarely
everyone nobody|everything nothing|with without|inside outside|above below|up down|positive negative
optimistic pessimistic|original unoriginal|original cliched|creative unimaginative|interesting boring|engaging dull
vivid flat|funny humourless|balanced one-sided|objective subjective|factual opinionated|facts opinions|fact opinion
evidence speculation|proof guesswork|success failure|strength weakness|advantage disadvantage|benefit drawback
benefits drawbacks|pros cons
"""
_PUT_IN = (
    (r"\b(is|are|was|were|can|could|will|would|should|does|do|did)\b(?! not|n['’]t)", r"\1 not"),
    (r"\b(has|have|had) (?!not|been)", r"\1 no "),
    (
        r"\b(gives|gave|provides|provided|offers|offered|contains|includes|uses|used|shows|makes|adds|cites|presents|states) ",
        r"\1 no ",
    ),
)  # fmt: skip


def _antonyms() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in "|".join(_ANTONYMS.split("\n")).split("|"):
        if pair.strip():
            one, other = (word.replace("_", " ") for word in pair.split())
            found.setdefault(one, []).append(other)
            found.setdefault(other, []).append(one)
    return found


ANTONYMS = _antonyms()
_WORD = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, ANTONYMS), key=len, reverse=True)) + r")\b")


def negations(text: str) -> list[str]:
    """The sentence turned round, in every way that a rule knows: without its negation, with an antonym, with a negation."""
    found = [re.sub(pattern, new, text, count=1) for pattern, new in _TAKE_OUT if re.search(pattern, text)]
    if not found:
        found += [re.sub(pattern, new, text, count=1) for pattern, new in _PUT_IN if re.search(pattern, text)][:1]
    for match in _WORD.finditer(text):
        found += [text[: match.start()] + other + text[match.end() :] for other in ANTONYMS[match.group()]]
    return [each for each in dict.fromkeys(found) if each != text]
