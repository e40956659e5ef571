"""Progress on standard error: how far, how fast, what it cost, how long yet."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
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
        TextColumn("{task.description:<13}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TextColumn("{task.fields[cost]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as bars:

        def stage(name: str, total: int | None) -> Callable[[object], None]:
            task = bars.add_task(name, total=total, cost="")
            shown = 0.0
            pending = 0

            def advance(_: object) -> None:
                # Drawing is dear beside a heuristic judge: gather steps and draw ten times a second.
                nonlocal shown, pending
                pending += 1
                now = time.monotonic()
                if now - shown > 0.1:
                    bars.update(task, advance=pending, cost=cost())
                    shown, pending = now, 0
                elif total is not None and bars.tasks[task].completed + pending >= total:
                    bars.update(task, advance=pending, cost=cost())
                    pending = 0

            return advance

        yield stage
