"""What a verb that asks models works with: the pairs, the judges, the book, the folder; opened once, closed once."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.inference.account import Account, parse_price
from rightly.inference.cache import AnswerCache
from rightly.judges.judge import Judge
from rightly.judges.specs import JudgeBuilder, priced_model
from rightly.types import Frozen, PreferencePair


class PairsConfig(Frozen):
    """Which pairs."""

    pairs: str
    columns: str | None = None
    limit: int | None = None

    def load(self) -> Iterator[PreferencePair]:
        """The pairs, one by one."""
        return load_pairs(self.pairs, columns=self.columns, limit=self.limit)

    def identity(self) -> dict[str, Any]:
        """What makes these pairs these, with the path of a file whole, so that any folder can find it again."""
        path = Path(self.pairs)
        whole = str(path.resolve()) if path.exists() else self.pairs
        return {"pairs": whole, "columns": self.columns, "limit": self.limit}


class AskConfig(PairsConfig):
    """Pairs, judges, and what asking may cost."""

    judges: tuple[str, ...]
    max_reasons: int = 5
    seed: int = 0
    out: Path
    resume: bool = True
    cache: Path
    budget: float | None = None
    prices: tuple[str, ...] = ()
    as_json: bool = False

    def account(self) -> Account:
        """The book of the run."""
        account = Account(dict(map(parse_price, self.prices)), self.budget)
        for spec in self.judges:
            model = priced_model(spec)
            if model is not None:
                account.check(model)
        return account

    def builder(self, cache: AnswerCache, account: Account) -> JudgeBuilder:
        """Builds this run's judges."""
        return JudgeBuilder(cache=cache, account=account, max_reasons=self.max_reasons, seed=self.seed)


@contextmanager
def answer_cache(path: Path) -> Iterator[AnswerCache]:
    """The answer cache, closed at the end."""
    cache = AnswerCache(path)
    try:
        yield cache
    finally:
        cache.close()


def build_judges(builder: JudgeBuilder, specs: tuple[str, ...]) -> list[Judge]:
    """The judges, each once.

    Raises:
        InputError: No judge, or one twice.
    """
    if not specs:
        raise InputError("no judge is named", fix="add --judge SPEC, for example --judge longer")
    repeated = next((spec for i, spec in enumerate(specs) if spec in specs[:i]), None)
    if repeated is not None:
        raise InputError(f"judge {repeated!r} is named twice", fix="name it once")
    return [builder.build(spec) for spec in specs]


def run_and_close(work: Coroutine[Any, Any, None], *closing: Any) -> None:
    """Run the asking, then close judges and matchers, also when it stops early."""

    async def whole() -> None:
        try:
            await work
        finally:
            for each in closing:
                await each.aclose()

    asyncio.run(whole())
