"""Progress on standard error: completed share, speed, cost, remaining time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rightly.inference.account import Account

REMIND_S = 30.0
"""Seconds between reports of retries without an interactive display (a log)."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f}/s" if task.speed else "", style="dim")


class _Summary(ProgressColumn):
    """Spending so far and current problems; read on every redraw, even while no call ends."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ended: dict[TaskID, str] = {}
        super().__init__()

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text(self._ended.setdefault(task.id, self._account.summary()))
        return Text("  ".join(filter(None, (self._account.summary(), self._account.trouble))))


@contextmanager
def progress(account: Account) -> Iterator[Callable[[str, int | None], Callable[[object], None]]]:
    """Show a bar for each stage, the account's spending, and its retries while no answer arrives.

    Yields:
        The function that announces a stage and its size; it returns the function to call after each piece of work.
    """
    columns = (
        TextColumn("{task.description:<13}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        _Summary(account),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    if not console.is_terminal:
        account.on_retry = _Reminder(console)
    with Progress(*columns, console=console, refresh_per_second=4) as bars:
        steps: list[_Steps] = []

        def stage(name: str, total: int | None) -> Callable[[object], None]:
            steps.append(_Steps(bars, bars.add_task(name, total=total)))
            return steps[-1]

        yield stage
        for each in steps:
            each.finish()


class _Steps:
    """Collects the steps of a stage and draws ten times a second, because drawing is slow compared with simple rules."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars, self._task = bars, task
        self._done = 0
        self._drawn = 0.0

    def __call__(self, _: object) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._drawn > 0.1:
            self._drawn = now
            self._bars.update(self._task, completed=self._done)

    def finish(self) -> None:
        """Draw the end; a stage of unknown size is as large as the work done."""
        total = self._bars.tasks[self._task].total
        self._bars.update(self._task, completed=self._done, total=self._done if total is None else total)


class _Reminder:
    """Prints the first retry, then the latest one every `REMIND_S` seconds."""

    def __init__(self, console: Console) -> None:
        self._console, self._said = console, -REMIND_S

    def __call__(self, trouble: str) -> None:
        now = time.monotonic()
        if now - self._said >= REMIND_S:
            self._said = now
            self._console.print(Text(trouble))
