"""The exceptions of Rightly. On the command line each prints as one line, without a traceback.

RightlyError
├── InputError            a file, a row or a flag is not usable: states where, what came, what to do
│   └── PairError         a pair cannot be scored: names the pair; the reader adds file and row
├── MissingExtraError     an optional dependency is needed: states the install command
├── BudgetExceededError   the next call does not fit the budget of a run folder; finished work is kept (exit code 3)
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
        problem: Expected and received value, in one line.
        where: File, and row if known (``pairs.jsonl:17``).
        fix: Instruction that fixes the problem.
    """

    def __init__(self, problem: str, *, where: str = "", fix: str = "") -> None:
        self.problem, self.where, self.fix = problem, where, fix
        message = f"{where}: {problem}" if where else problem
        super().__init__(f"{message}; {fix}" if fix else message)


class PairError(InputError):
    """A pair cannot be scored or trained on.

    Args:
        pair_id: Id of the pair.
        pair_key: Content key of the pair.
        problem: Problem with the pair, in one line.
        fix: Instruction that fixes the problem.
        where: File and row, once they are known (`rightly.data.load.rows_named`).
    """

    def __init__(self, pair_id: str, pair_key: str, problem: str, *, fix: str = "", where: str = "") -> None:
        super().__init__(f"pair {pair_id!r}: {problem}", where=where, fix=fix)
        self.pair_id, self.pair_key, self.reason = pair_id, pair_key, problem


@contextmanager
def about_pair(pair_id: str, pair_key: str) -> Iterator[None]:
    """Attribute an unusable input inside the block to this pair, so that the error names it."""
    try:
        yield
    except InputError as error:
        raise PairError(pair_id, pair_key, error.problem, fix=error.fix) from None


class MissingExtraError(RightlyError):
    """An optional dependency is needed.

    Args:
        what: Feature that needs the dependency.
        extra: Name of the extra that installs it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency; run: pip install 'rightly[{extra}]'")


class BudgetExceededError(RightlyError):
    """The next call does not fit the budget of the run folder; all answers so far are on disk."""


class EndpointError(RightlyError):
    """An endpoint refuses the whole run (wrong key, unknown model, unreachable host), or does not answer at all."""


def did_you_mean(given: str, known: Iterable[str], otherwise: str = "") -> str:
    """A suggestion for an unknown name: the nearest known name, or else all of them.

    Args:
        given: Unknown name.
        known: Known names.
        otherwise: Text if no known name is similar; by default the list of names.
    """
    names = list(known)
    near = difflib.get_close_matches(given, names, n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise or f"use one of: {', '.join(names)}"


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """Guard imports of optional dependencies inside the block.

    Args:
        what: Feature that needs the dependencies.
        extra: Name of the extra that installs them.

    Raises:
        MissingExtraError: A dependency is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f"{what} (no module {error.name})", extra) from None
