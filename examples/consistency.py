"""Rationale consistency of one judgment, from a judge's answer and two human points."""

import asyncio

from rightly.auditing.consistency import reason_metrics
from rightly.judges.parsing import parse_answer
from rightly.matchers.lexical import LexicalMatcher

people = ["Response B cites no source for the 1998 figure", "Response A explains every step"]
answer = '{"reasons": [{"point": "Response A explains each step"}, {"point": "Response A is nice"}], "verdict": "A"}'
judged = parse_answer(answer)
match = asyncio.run(LexicalMatcher().match(people, [reason.text for reason in judged.rationales]))
metrics = reason_metrics(len(people), len(judged.rationales), match.links)
print(f"verdict {judged.verdict}, consistency {metrics.consistency:.2f}, precision {metrics.precision:.2f}")
