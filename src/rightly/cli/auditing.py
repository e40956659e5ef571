"""The work behind ``audit``, ``report`` and ``demo``: ask what is missing, score, write the report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from rightly.auditing.aggregate import AuditMetadata, audit_result
from rightly.auditing.cast import Cast, Maker
from rightly.auditing.points import Atomiser, AtomRecord
from rightly.auditing.result import AuditResult
from rightly.auditing.scoring import Scored
from rightly.auditing.specs import build_atomiser
from rightly.auditing.stages import OWNS, ask, items, reference_pairs, score_folder
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
from rightly.inference.account import Account, parse_price
from rightly.inference.book import LEDGER, Price, SpendingBook
from rightly.judges.base import Judge
from rightly.judges.collect import current_judgments
from rightly.judges.specs import priced_model
from rightly.matchers.base import Matcher, MatchRecord
from rightly.matchers.specs import MatcherBuilder
from rightly.matchers.validation.trust import Trust, known, trust_in
from rightly.reports.audit_html import TableSection, write_audit_report
from rightly.reports.terminal import print_audit
from rightly.store.run_folder import SETTINGS, RunFolder, read_identity
from rightly.types import Judgment, PreferencePair


class AuditConfig(AskConfig):
    """What ``rightly audit`` does."""

    matcher: str
    atomiser: str = "given"
    spurious_below: float = 0.25


def audit(
    config: AuditConfig, *, cast: Cast | None = None, quiet: bool = False, sections: Sequence[TableSection] = ()
) -> AuditResult:
    """Run an audit, write its report, print its summary.

    Args:
        config: What to do.
        cast: Score what this cast made, and ask nobody; ``None`` builds judges, atomiser and matcher and makes what is missing.
        quiet: Print no summary.
        sections: Further parts of the report.

    Raises:
        InputError: The pairs are not usable for an audit.
    """
    pairs = _load(config)
    folder = RunFolder(
        config.out,
        _identity(config),
        owns=OWNS,
        ledger=LEDGER,
        inputs=(config.pairs, config.cache),
        fresh=cast is None and not config.resume,
    )
    asking = cast is None
    if cast is None:
        cast = _ask(config, pairs, folder)
    reference = reference_pairs(pairs, cast.judges, config.seed)
    scored = score_folder(folder, pairs, reference, cast, config.max_reasons)
    facts = AuditMetadata(
        source=config.pairs,
        cast=cast,
        max_reasons=config.max_reasons,
        spurious_below=config.spurious_below,
        prices=_prices(cast.names, dict(map(parse_price, config.prices))),
    )
    result = audit_result(reference, scored, facts)
    folder.write("audit.json", result)
    shown = list(items(scored, cast.names))
    folder.write_lines("items.jsonl", shown)
    report = config.out / "report.html"
    write_audit_report(result, shown, report, sections)
    if not asking:
        echo_lines(spending_lines(SpendingBook.read(config.out)))
    if not quiet:
        print_audit(result, Console())
        Console(stderr=True).print(f"report: {report}", highlight=False)
    return result


class _Asked(NamedTuple):
    """Everybody that an audit asks."""

    judges: list[Judge]
    atomiser: Atomiser
    matcher: Matcher

    def cast(self, trust: Trust | None) -> Cast:
        """Who they are."""
        return Cast(
            judges=tuple(judge.identity for judge in self.judges),
            atomiser=Maker(name=self.atomiser.name, fingerprint=self.atomiser.fingerprint),
            matcher=Maker(name=self.matcher.name, fingerprint=self.matcher.fingerprint),
            smoke_only=self.matcher.smoke_only,
        ).with_trust(trust)


def _ask(config: AuditConfig, pairs: Sequence[PreferencePair], folder: RunFolder) -> Cast:
    """Make every record that is missing; who made them is noted with the first."""
    account = config.account()
    with answer_cache(config.cache) as cache:
        builder = MatcherBuilder(cache=cache, account=account)
        judges = build_judges(config.builder(cache, account), config.judges)
        asked = _Asked(
            judges, build_atomiser(config.atomiser, cache=cache, account=account), builder.matcher(config.matcher)
        )
        cast = asked.cast(trust_in(asked.matcher, config.cache.parent))
        folder.settings = {"config": config.model_dump(mode="json"), "cast": cast.model_dump(mode="json")}
        with spending(account, folder):
            echo_lines(_estimate(config, pairs, asked, account))
            with progress(account) as stage:
                work = ask(
                    pairs,
                    judges,
                    asked.atomiser,
                    asked.matcher,
                    reference=reference_pairs(pairs, cast.judges, config.seed),
                    folder=folder,
                    max_reasons=config.max_reasons,
                    stage=stage,
                )
                run_and_close(work, *judges, asked.atomiser, asked.matcher)
    _require_answers(account, pairs, folder, cast)
    return cast


def _estimate(config: AuditConfig, pairs: Sequence[PreferencePair], asked: _Asked, account: Account) -> list[str]:
    looked = sample(pairs)
    graders = asked_of_graders(asked.atomiser, asked.matcher, asked.judges, looked, config.max_reasons)
    return estimate_lines([*asked_of_judges(asked.judges, looked), *graders], len(looked), len(pairs), account)


def _require_answers(account: Account, pairs: Sequence[PreferencePair], folder: RunFolder, cast: Cast) -> None:
    """Nothing is scored where judges, atomiser or matcher got no answer at all."""
    judgments = current_judgments(folder.records("judgments", Judgment).latest(), pairs, cast.judges)
    points = [p for p in folder.records("points", AtomRecord).latest() if p.made_by == cast.atomiser.fingerprint]
    matches = [m for m in folder.records("matches", MatchRecord).latest() if m.made_by == cast.matcher.fingerprint]
    require_answers(account, "judge", [(j.judge, j.failure) for j in judgments])
    require_answers(account, "atomiser", [(p.atomiser, p.failure) for p in points if p.raw or p.failure])
    require_answers(account, "matcher", [(m.matcher, m.match.failure) for m in matches])


def _prices(judges: Sequence[str], prices: Mapping[str, Price]) -> dict[str, Price]:
    """The price of each judge's model, where it is known."""
    models = {name: priced_model(name) or "" for name in judges}
    return {name: prices[model] for name, model in models.items() if model in prices}


class StoredAudit(NamedTuple):
    """An audit that a folder holds: what was done and who made its records."""

    config: AuditConfig
    cast: Cast

    def scored(self) -> dict[str, list[Scored]]:
        """The scored judgments, by judge; loads no model."""
        pairs = _load(self.config)
        folder = RunFolder(self.config.out, _identity(self.config), owns=OWNS, ledger=LEDGER)
        reference = reference_pairs(pairs, self.cast.judges, self.config.seed)
        scored = score_folder(folder, pairs, reference, self.cast, self.config.max_reasons)
        return {name: [each for each in scored if each.judgment.judge == name] for name in self.cast.names}


def stored_audit(out: Path) -> StoredAudit:
    """The audit that a folder holds, with the newest that is known of its matcher.

    Raises:
        InputError: The folder holds no audit.
    """
    try:
        stored = json.loads((out / SETTINGS).read_text(encoding="utf-8"))
        identity = read_identity(out) or {}
        config = AuditConfig(**(stored["config"] | {"pairs": identity["pairs"], "out": out}))
        cast = Cast.model_validate(stored["cast"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("holds no audit", where=str(out), fix="give the --out folder of rightly audit") from error
    trust = known(cast.matcher.fingerprint, config.cache.parent)
    return StoredAudit(config, cast if trust is None else cast.with_trust(trust))


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
