"""The exceptions of Rightly; all of them print as one line, without a traceback, on the command line.

RightlyError
├── InputError            a file, a row or a flag is not usable: says where, what came, what to do
│   └── PairError         a pair that was read cannot be scored: names it; who read it adds file and row
├── MissingExtraError     an optional dependency is needed: says the install command
├── BudgetExceededError   the next call does not fit the budget of a run folder; what is done is kept (exit code 3)
└── EndpointError         an endpoint refuses every call (bad key, unknown model) or answers none (exit code 1)
"""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class RightlyError(Exception):
    """Base of every error that a user can act on."""


class InputError(RightlyError):
    """A file, a row or a flag is not usable.

    Args:
        problem: What was expected and what came, in one line.
        where: The file, and the row when known (``pairs.jsonl:17``).
        fix: What to do about it.
    """

    def __init__(self, problem: str, *, where: str = "", fix: str = "") -> None:
        self.problem, self.where, self.fix = problem, where, fix
        message = f"{where}: {problem}" if where else problem
        super().__init__(f"{message}; {fix}" if fix else message)


class PairError(InputError):
    """A pair that was read cannot be scored or trained on.

    Args:
        pair_id: The pair.
        pair_key: Its content key.
        problem: What is wrong with it, in one line.
        fix: What to do about it.
        where: The file and the row, once they are known (`rightly.data.load.rows_named`).
    """

    def __init__(self, pair_id: str, pair_key: str, problem: str, *, fix: str = "", where: str = "") -> None:
        super().__init__(f"pair {pair_id!r}: {problem}", where=where, fix=fix)
        self.pair_id, self.pair_key, self.reason = pair_id, pair_key, problem


@contextmanager
def about_pair(pair_id: str, pair_key: str) -> Iterator[None]:
    """An unusable input inside the block is this pair's: the error names it."""
    try:
        yield
    except InputError as error:
        raise PairError(pair_id, pair_key, error.problem, fix=error.fix) from None


class MissingExtraError(RightlyError):
    """An optional dependency is needed.

    Args:
        what: The feature that needs it.
        extra: The name of the extra that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency; run: pip install 'rightly[{extra}]'")


class BudgetExceededError(RightlyError):
    """The next call does not fit the budget of the run folder; everything answered so far is on disk."""


class EndpointError(RightlyError):
    """An endpoint refuses the run as a whole (wrong key, unknown model, unreachable host), or answers nothing at all."""


def did_you_mean(given: str, known: Iterable[str], otherwise: str = "") -> str:
    """What to do about an unknown name: the known one that is nearest to it, or else all of them.

    Args:
        given: The name that is unknown.
        known: The names that there are.
        otherwise: What to say where none is near; the list of names when empty.
    """
    names = list(known)
    near = difflib.get_close_matches(given, names, n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise or f"use one of: {', '.join(names)}"


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Imports of optional dependencies inside the block.

    Args:
        what: The feature that needs them.
        extra: The name of the extra that brings them.

    Raises:
        MissingExtraError: One is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f"{what} (no module {error.name})", extra) from None
