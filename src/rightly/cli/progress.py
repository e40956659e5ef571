"""Progress on standard error: how far, how fast, what it cost, how long yet."""

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


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f}/s" if task.speed else "", style="dim")


@contextmanager
def progress(cost: Callable[[], str]) -> Iterator[Callable[[str, int | None], Callable[[object], None]]]:
    """A display with a bar for each stage; ``cost`` says what was spent so far.

    Yields:
        The function that announces a stage and its size, and gives back what to call after each piece of work.
    """
    columns = (
        TextColumn("{task.description:<13}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TextColumn("{task.fields[cost]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as bars:
        steps: list[_Steps] = []

        def stage(name: str, total: int | None) -> Callable[[object], None]:
            steps.append(_Steps(bars, bars.add_task(name, total=total, cost=""), cost))
            return steps[-1]

        yield stage
        for each in steps:
            each.finish()


class _Steps:
    """Gathers the steps of a stage and draws ten times a second: drawing is dear beside a judge that is a rule."""

    def __init__(self, bars: Progress, task: TaskID, cost: Callable[[], str]) -> None:
        self._bars, self._task, self._cost = bars, task, cost
        self._done = 0
        self._drawn = 0.0

    def __call__(self, _: object) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._drawn > 0.1:
            self._drawn = now
            self._bars.update(self._task, completed=self._done, cost=self._cost())

    def finish(self) -> None:
        """Draw the end; a stage whose size was unknown is as large as what was done."""
        total = self._bars.tasks[self._task].total
        self._bars.update(
            self._task, completed=self._done, total=self._done if total is None else total, cost=self._cost()
        )
