"""Judge pairs and store every judgment; files larger than memory are streamed."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rightly.inference.book import LEDGER
from rightly.inference.run_now import in_one_go
from rightly.jobs.asking import answer_cache, build_judges, closing, require_answers, say_all, spending
from rightly.jobs.config import JudgingConfig
from rightly.jobs.cost import asked_of_judges, estimate_lines, sample
from rightly.jobs.events import SILENT, Events
from rightly.judges.collect import collect_judgments
from rightly.judges.tally import JudgeTally, LabelIndex
from rightly.store.records import RecordFile
from rightly.store.run_folder import RunFolder
from rightly.types import Frozen, Judgment

JUDGMENTS = "judgments.jsonl"


class JudgeConfig(JudgingConfig):
    """Configuration of a judging run."""


class Tallies(Frozen):
    """Counts and accuracy of every judge, as in ``summary.json``."""

    judges: tuple[JudgeTally, ...]


@dataclass(frozen=True)
class Judged(Iterable[Judgment]):
    """Result of a judging run; iterating reads the judgments from disk, one by one.

    Attributes:
        folder: Run folder.
        tallies: Verdicts, failures and accuracy of every judge.
    """

    folder: Path
    tallies: Tallies

    def __iter__(self) -> Iterator[Judgment]:
        """The newest judgment of every pair, judge and order."""
        return iter(RecordFile(self.folder / JUDGMENTS, Judgment).latest())


async def arun(config: JudgeConfig, events: Events = SILENT) -> Judged:
    """Make the missing judgments; writes ``judgments.jsonl`` and ``summary.json``.

    Raises:
        InputError: The pairs are not usable, or a spec names no judge.
        BudgetExceededError: The next call does not fit the budget; finished work is kept.
        EndpointError: No request of a judge was answered.
    """
    account = config.account()
    identity = {"verb": "judge", "seed": config.seed, "max_reasons": config.max_reasons} | config.identity()
    folder = RunFolder(
        config.out,
        identity,
        owns=(JUDGMENTS, "summary.json"),
        ledger=LEDGER,
        inputs=(*config.files, config.cache),
        fresh=not config.resume,
    )
    folder.settings = json.loads(config.model_dump_json())
    with answer_cache(config.cache) as cache:
        judges = build_judges(config.builder(cache, account), config.judges)
        labels = LabelIndex([judge.identity for judge in judges])
        with spending(account, folder, events), folder.records("judgments", Judgment) as records:
            pairs, looked = labels.watch(config.load()), sample(config.load())
            say_all(events, estimate_lines(asked_of_judges(judges, looked), len(looked), config.limit, account))
            with events.progress(account) as stage:
                async with closing(judges):
                    await collect_judgments(pairs, judges, records, stage("judging", None))
            tallies = Tallies(judges=tuple(labels.tally(records)))
    require_answers(account, "judge", [end for tally in tallies.judges for end in tally.ends()])
    folder.write("summary.json", tallies)
    return Judged(config.out, tallies)


run = in_one_go(arun)
