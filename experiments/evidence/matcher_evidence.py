"""Which matcher can be trusted, and how fast is it? All checks of `rightly matcher-check`, and matched lists a second.

    python experiments/evidence/matcher_evidence.py --matcher lexical --matcher embedding --matcher "embedding?filter=true" \\
        --matcher local:minilm --matcher "local:minilm?relation=covers" --matcher "local:minilm?relation=entails"

The speed is that of 5 x 5 lists of voters' reasons, which no matcher has seen before, beside an endpoint that answers after
200 ms, 64 requests at a time. Run it alone on the machine: set OMP_NUM_THREADS to the cores that the matcher may use.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rightly.data.load import load_pairs
from rightly.inference.account import Account
from rightly.inference.dispatch import run_bounded
from rightly.inference.generator import Completion
from rightly.inference.specs import Sampling
from rightly.jobs.matcher_check import MatcherCheckConfig, run
from rightly.matchers.base import Matcher
from rightly.matchers.language_model import LLMMatcher
from rightly.matchers.specs import MatcherBuilder
from rightly.reports.matcher_checks import check_sections
from rightly.reports.tables import TableSection
from rightly.reports.terminal import print_reward_fitness, print_sections

PER_LIST = 5
WARM_UP = 4
"""Number of matches before the clock starts: the model is loaded."""

Lists = tuple[Sequence[str], Sequence[str]]


class Slow:
    """An endpoint that answers after 200 ms."""

    name = fingerprint = "slow"
    concurrency = 64

    async def generate(self, request: object) -> Completion:
        await asyncio.sleep(0.2)
        return Completion(text="<matches>\n" + "\n".join(f"R{n}@S{n}: 0.9" for n in range(1, 6)) + "\n</matches>")

    async def aclose(self) -> None:
        pass


def lists_of_reasons(count: int) -> list[Lists]:
    """Lists of voters' reasons; no reason is in two of them, so that nothing is computed once for several."""
    texts = sorted({reason.text for pair in load_pairs("sample:ukpconvarg1") for reason in pair.rationales})
    random.Random(1).shuffle(texts)
    lists = [texts[place : place + PER_LIST] for place in range(0, len(texts) - PER_LIST + 1, PER_LIST)]
    return list(zip(lists[::2], lists[1::2], strict=False))[:count]


async def lists_a_second(matcher: Matcher, lists: Sequence[Lists]) -> float:
    """Matches a second after `WARM_UP` matches, as many at once as the matcher takes."""
    for pair in lists[:WARM_UP]:
        await matcher.match(*pair)
    start = time.perf_counter()
    async for _ in run_bounded(lists[WARM_UP:], lambda pair: matcher.match(*pair), concurrency=matcher.concurrency):
        pass
    seconds = time.perf_counter() - start
    await matcher.aclose()
    return (len(lists) - WARM_UP) / seconds


def speed(specs: Sequence[str], count: int) -> TableSection:
    """Matched lists a second of every matcher, and of the slow endpoint."""
    lists = lists_of_reasons(count)
    builder = MatcherBuilder(cache=None, account=Account())
    found = {spec: asyncio.run(lists_a_second(builder.matcher(spec), lists)) for spec in specs}
    slow = LLMMatcher("an endpoint of 200 ms, 64 at once", Slow(), Sampling())  # type: ignore[arg-type]
    found[slow.name] = asyncio.run(lists_a_second(slow, [*lists] * (1 + 640 // len(lists))))
    return TableSection(
        title="Speed",
        intro=f"Lists of {PER_LIST} x {PER_LIST} reasons a second, on {len(lists) - WARM_UP} lists.",
        columns=("matcher", "lists a second"),
        rows=tuple((name, f"{value:,.0f}") for name, value in found.items()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matcher", action="append", required=True, help="A matcher's spec; repeat.")
    parser.add_argument("--metacritique", type=Path, help="MetaCritique's data/annotation_data.json.")
    parser.add_argument("--lists", type=int, default=200, help="Number of lists for the speed. Default 200.")
    parser.add_argument("--work", type=Path, default=Path("runs/matcher_evidence"), help="Folder for the results.")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    cache = options.work / "answers.db"
    checked = run(MatcherCheckConfig(matchers=tuple(options.matcher), metacritique=options.metacritique, cache=cache))
    (options.work / "checked.json").write_text(checked.model_dump_json(indent=1), encoding="utf-8")
    console = Console()
    sections = check_sections(checked.matchers, checked.wide, checked.stored)
    print_sections([*sections, speed(options.matcher, options.lists)], console)
    print_reward_fitness(checked.matchers, console)


if __name__ == "__main__":
    main()
