"""The work behind ``audit``, ``report`` and ``demo``: ask what is missing, score, write the report."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rightly.cli.asking import (
    AskConfig,
    answer_cache,
    build_judges,
    echo_lines,
    require_answers,
    run_and_close,
    spending,
)
from rightly.cli.estimate import asked_of_graders, asked_of_judges, estimate_lines, sample, spending_lines
from rightly.cli.progress import progress
from rightly.errors import InputError
from rightly.inference.book import Price, SpendingBook
from rightly.inference.cache import AnswerCache
from rightly.judges.specs import priced_model
from rightly.rationale.atomise import AtomRecord
from rightly.rationale.audit import ask, items, reference_pairs, score_folder
from rightly.rationale.matching import MatchRecord
from rightly.rationale.result import AuditResult
from rightly.rationale.scoring import Scored
from rightly.rationale.specs import MatcherBuilder
from rightly.rationale.table import AuditFacts, audit_result
from rightly.rationale.trust import trust_in, unmeasured
from rightly.reports.audit_html import TableSection, write_audit_report
from rightly.reports.terminal import print_audit
from rightly.runs import RunFolder
from rightly.types import Judgment, PreferencePair


class AuditConfig(AskConfig):
    """What ``rightly audit`` does."""

    matcher: str
    atomiser: str = "given"
    spurious_below: float = 0.25


class Audit:
    """An opened audit: its judges, matcher, pairs and folder.

    Args:
        config: What to do.
        cache: Where answers are kept.
    """

    def __init__(self, config: AuditConfig, cache: AnswerCache) -> None:
        self.config, self.account = config, config.account()
        self.judges = build_judges(config.builder(cache, self.account), config.judges)
        builder = MatcherBuilder(cache=cache, account=self.account)
        self.matcher, self.atomiser = builder.matcher(config.matcher), builder.atomiser(config.atomiser)
        self.pairs = _load(config)
        self.folder = RunFolder(config.out, _identity(config), fresh=not config.resume)
        self.names = [judge.name for judge in self.judges]
        self.reference = reference_pairs(self.pairs, self.judges, config.seed)

    def ask(self) -> None:
        """Make every record that is missing."""
        self.folder.write("settings.json", json.loads(self.config.model_dump_json()))
        with spending(self.account, self.folder):
            echo_lines(self._estimate())
            self._ask()
        self._require_answers()

    def _require_answers(self) -> None:
        """Nothing is scored where judges, atomiser or matcher got no answer at all."""
        judgments = self.folder.records("judgments", Judgment).latest()
        points = self.folder.records("points", AtomRecord).latest()
        matches = self.folder.records("matches", MatchRecord).latest()
        require_answers(self.account, "judge", [(j.judge, j.failure) for j in judgments if j.judge in self.names])
        require_answers(self.account, "atomiser", [(p.atomiser, p.failure) for p in points if p.raw or p.failure])
        require_answers(self.account, "matcher", [(m.matcher, m.match.failure) for m in matches])

    def _estimate(self) -> list[str]:
        looked = sample(self.pairs)
        graders = asked_of_graders(self.atomiser, self.matcher, self.judges, looked, self.config.max_reasons)
        asked = [*asked_of_judges(self.judges, looked), *graders]
        return estimate_lines(asked, len(looked), len(self.pairs), self.account)

    def _ask(self) -> None:
        with progress(self.account) as stage:
            work = ask(
                self.pairs,
                self.judges,
                self.atomiser,
                self.matcher,
                reference=self.reference,
                folder=self.folder,
                max_reasons=self.config.max_reasons,
                stage=stage,
            )
            run_and_close(work, *self.judges, self.atomiser, self.matcher)

    def prices(self) -> dict[str, Price]:
        """The price of each judge's model, where it is known."""
        models = {name: priced_model(name) for name in self.names}
        return {name: self.account.prices[model] for name, model in models.items() if model in self.account.prices}

    def score(self) -> list[Scored]:
        """Score the records."""
        return score_folder(self.folder, self.reference, self.names, self.matcher.name, self.config.max_reasons)

    def result(self, scored: Sequence[Scored]) -> AuditResult:
        """Summarise the scored records; writes ``audit.json``."""
        trust = trust_in(self.matcher, self.config.cache.parent)
        facts = AuditFacts(
            source=self.config.pairs,
            atomiser=self.atomiser.name,
            matcher=self.matcher.name,
            matcher_smoke_only=self.matcher.smoke_only,
            reliability=(unmeasured(self.matcher.name),) if trust is None else trust.lines(),
            carries_ranking=None if trust is None else trust.reliability.carries_ranking,
            max_reasons=self.config.max_reasons,
            spurious_below=self.config.spurious_below,
            seed=self.config.seed,
            judge_notes={judge.name: judge.note for judge in self.judges},
            prices=self.prices(),
        )
        result = audit_result(self.reference, scored, self.names, facts)
        self.folder.write("audit.json", result)
        return result


def audit(
    config: AuditConfig, *, asking: bool = True, quiet: bool = False, sections: Sequence[TableSection] = ()
) -> AuditResult:
    """Run an audit, write its report, print its summary.

    Args:
        config: What to do.
        asking: Make missing records first; otherwise score what is there.
        quiet: Print no summary.
        sections: Further parts of the report.

    Raises:
        InputError: The pairs are not usable for an audit.
    """
    with answer_cache(config.cache) as cache:
        opened = Audit(config, cache)
        if asking:
            opened.ask()
        scored = opened.score()
        result = opened.result(scored)
    shown = list(items(scored, opened.names))
    opened.folder.write_lines("items.jsonl", shown)
    report = config.out / "report.html"
    write_audit_report(result, shown, report, sections)
    if not asking:
        echo_lines(spending_lines(SpendingBook.read(config.out)))
    if not quiet:
        print_audit(result, Console())
        Console(stderr=True).print(f"report: {report}", highlight=False)
    return result


def scored_audit(config: AuditConfig) -> dict[str, list[Scored]]:
    """The scored judgments of a stored audit, by judge."""
    with answer_cache(config.cache) as cache:
        opened = Audit(config, cache)
        scored = opened.score()
    return {name: [each for each in scored if each.judgment.judge == name] for name in opened.names}


def stored_config(out: Path) -> AuditConfig:
    """The configuration of the audit that a folder holds, without its budget: nothing is asked again.

    Raises:
        InputError: The folder holds no audit.
    """
    try:
        stored = json.loads((out / "settings.json").read_text(encoding="utf-8"))
        identity = json.loads((out / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("holds no audit", where=str(out), fix="give the --out folder of rightly audit") from error
    return AuditConfig(**(stored | {"pairs": identity["pairs"], "out": out, "budget": None}))


def _identity(config: AuditConfig) -> dict[str, object]:
    """What may not change between two runs in one folder; judges and matchers may come and go."""
    return {"verb": "audit", "seed": config.seed, "max_reasons": config.max_reasons} | config.identity()


def _load(config: AuditConfig) -> list[PreferencePair]:
    pairs = list(config.load())
    if not pairs:
        raise InputError("holds no pairs", where=config.pairs, fix="give a file with at least one")
    if config.atomiser == "given" and not any(pair.rationales for pair in pairs):
        raise InputError(
            f"none of {len(pairs)} pairs has a human rationale, so there is nothing to be consistent with",
            where=config.pairs,
            fix="give pairs with rationales, or use rightly judge for outcomes alone",
        )
    wide = next((pair for pair in pairs if len(pair.responses) != 2), None)
    if wide is not None:
        problem = f"pair {wide.id!r} has {len(wide.responses)} responses"
        raise InputError(problem, where=config.pairs, fix="an audit needs pairs of two")
    return pairs
