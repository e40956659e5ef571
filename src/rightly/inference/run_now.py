"""Run a coroutine from synchronous code, even if an event loop is already running (a notebook)."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def run_now(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine, run in this thread or, if a loop already runs here, in a new thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


def in_one_go(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a synchronous version of a coroutine function; its name lacks the leading ``a``."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_now(function(*args, **kwargs))

    run.__name__ = run.__qualname__ = function.__name__.removeprefix("a")
    return run
