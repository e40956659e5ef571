"""What asking will take, said by role before the first call, and what it took."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from rightly.auditing.points import Atomiser, GenerativeAtomiser
from rightly.inference.account import Account
from rightly.inference.book import Price, SpendingBook
from rightly.inference.bounds import estimate_usage, worst_usage
from rightly.inference.generator import Request
from rightly.judges.base import Judge
from rightly.judges.panel import PanelJudge
from rightly.judges.specs import priced_model
from rightly.matchers.base import Matcher
from rightly.matchers.language_model import LLMMatcher
from rightly.types import PreferencePair, Usage

ANSWER_TOKENS = 400
"""A guess at one answer: five reasons and a verdict; thinking comes on top."""
REASON = "x" * 120
"""Stands for a judge's reason, whose text is not known before it is given."""
_SAMPLE = 200
_GUESSES = (
    f"(estimated at 4 characters a token, {ANSWER_TOKENS} tokens an answer, {len(REASON)} characters a reason to be "
    "matched; answers on disk or in the cache cost nothing)"
)


class Asked(NamedTuple):
    """What one model will be asked in one role.

    Attributes:
        role: ``judge``, ``atomiser`` or ``matcher``.
        name: The spec.
        requests: Requests of the pairs that were looked at.
    """

    role: str
    name: str
    requests: list[Request]

    @property
    def worst(self) -> Usage | None:
        """The most that one attempt at each can be billed for; ``None`` where an answer has no limit."""
        found = [worst_usage(request) for request in self.requests]
        known = [usage for usage in found if usage is not None]
        return sum(known, Usage()) if len(known) == len(found) else None


def asked_of_judges(judges: Sequence[Judge], pairs: Sequence[PreferencePair]) -> list[Asked]:
    """What the judges that ask a model will ask about these pairs, the members of a panel each by itself."""
    single = [one for judge in judges for one in (judge.members if isinstance(judge, PanelJudge) else [judge])]
    return [Asked("judge", judge.name, [r for pair in pairs for r in judge.requests(pair)]) for judge in single]


def asked_of_graders(
    atomiser: Atomiser, matcher: Matcher, judges: Sequence[Judge], pairs: Sequence[PreferencePair], max_reasons: int
) -> list[Asked]:
    """What the atomiser and the matcher will be asked about these pairs; the lists to be matched are guessed."""
    with_reasons = [pair for pair in pairs if pair.rationales]
    asked = []
    if isinstance(atomiser, GenerativeAtomiser):
        asked.append(Asked("atomiser", atomiser.name, [atomiser.request(pair) for pair in with_reasons]))
    if isinstance(matcher, LLMMatcher):
        reasons = [REASON] * max_reasons
        lists = [
            matcher.request([reason.text for reason in pair.rationales], reasons)
            for pair in with_reasons
            for judge in judges
            for _ in judge.orders(pair)
        ]
        asked.append(Asked("matcher", matcher.name, lists))
    return asked


def sample(pairs: Iterable[PreferencePair]) -> list[PreferencePair]:
    """The pairs that prompts are measured on: the first 200."""
    return list(islice(pairs, _SAMPLE))


def estimate_lines(asked: Sequence[Asked], n_looked: int, n_pairs: int | None, account: Account) -> list[str]:
    """A line for each model and role, and one for the sum against the budget; none where no model is asked.

    Args:
        asked: What will be asked about the pairs that were looked at.
        n_looked: How many these are.
        n_pairs: How many there are in all; ``None`` when nobody knows, then the figures are for 1,000 pairs.
        account: Prices, budget, and what the run folder spent before.
    """
    asked = [each for each in asked if each.requests]
    if not asked:
        return []
    scale = (1000 if n_pairs is None else n_pairs) / n_looked
    per = " for every 1,000 pairs" if n_pairs is None else ""
    lines, sums, worsts = [], [], []
    for each in asked:
        usage, price = estimate_usage(each.requests, output_tokens=ANSWER_TOKENS), _price(each.name, account)
        worst = None if price is None or each.worst is None else price.of(each.worst) * scale
        lines.append(
            f"{each.role} {each.name}: about {len(each.requests) * scale:,.0f} calls, {usage.input_tokens * scale:,.0f} "
            f"tokens in and {usage.output_tokens * scale:,.0f} out"
            f"{'' if price is None else _dollars(price.of(usage) * scale, worst)}{per}"
        )
        if price is not None:
            sums.append(price.of(usage) * scale)
            worsts.append(worst)
    if account.budget is not None or len(sums) > 1:
        known = [worst for worst in worsts if worst is not None]
        total = _dollars(sum(sums), sum(known) if len(known) == len(worsts) else None).removeprefix(", ")
        lines.append(f"{'all' if len(sums) == len(asked) else 'all with a price'}: {total}{per}{_against(account)}")
    return [*lines, _GUESSES]


def spending_lines(book: SpendingBook) -> list[str]:
    """What a run folder spent, by role and model, over all its processes; none where nothing was billed."""
    lines = []
    for (role, model), one in sorted(book.settled.items()):
        money = f", ${one.dollars:,.4f}" if one.unpriced != one.usage else ""
        part = " for those that had a price" if money and one.unpriced != Usage() else ""
        lines.append(
            f"{role} {model}: {one.calls:,} calls billed, {one.usage.input_tokens:,} tokens in and "
            f"{one.usage.output_tokens:,} out{money}{part}"
        )
    if book.open:
        lines.append(
            f"{len(book.open):,} calls were sent and their bill never came (stopped, timed out, server error): up to "
            f"${book.reserved():,.4f} more, which counts as spent"
        )
    return ["spent in this run folder:", *lines] if lines else []


def _price(name: str, account: Account) -> Price | None:
    model = priced_model(name)
    return None if model is None else account.prices.get(model)


def _dollars(expected: float, worst: float | None) -> str:
    return f", about ${expected:,.2f}" + ("" if worst is None else f" and at most ${worst:,.2f}")


def _against(account: Account) -> str:
    if account.budget is None:
        return ""
    spent = account.spent
    before = f", of which ${spent:,.4f} is spent" if spent else ""
    return f"; the budget is ${account.budget:g}{before}: no call is sent that could pass it"
