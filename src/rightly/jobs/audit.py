"""An audit: make the missing judgments, human points and matches, then compute the result from the records."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from rightly.auditing.aggregate import AuditMetadata, audit_result
from rightly.auditing.cast import Cast, Maker
from rightly.auditing.points import Atomiser, GenerativeAtomiser
from rightly.auditing.prose import ProseSplitter
from rightly.auditing.result import AuditResult, Item
from rightly.auditing.scoring import ScoredJudgment
from rightly.auditing.specs import build_atomiser
from rightly.auditing.stages import OWNS, ask, items, records_of, reference_pairs, score_folder
from rightly.data.load import load_pairs
from rightly.data.source import source_name
from rightly.errors import InputError
from rightly.inference.account import Account, parse_price
from rightly.inference.book import LEDGER, Price, SpendingBook
from rightly.inference.run_now import in_one_go
from rightly.inference.specs import price_of
from rightly.jobs.asking import answer_cache, build_judges, closing, require_answers, say_all, spending
from rightly.jobs.config import AnyMatcher, Flag, JudgingConfig
from rightly.jobs.cost import asked_of_graders, asked_of_judges, estimate_lines, sample, spending_lines
from rightly.jobs.events import SILENT, Events
from rightly.judges.base import Judge
from rightly.judges.specs import spec_of
from rightly.matchers.base import Matcher
from rightly.matchers.specs import MatcherBuilder
from rightly.matchers.validation.trust import Trust, known, trust_in
from rightly.store.run_folder import SETTINGS, RunFolder, read_identity
from rightly.types import PreferencePair

PAIRS = "pairs_in_memory.jsonl"
"""File for pairs given in memory, so that the audit can be scored again; no other audit writes or reads it."""


class AuditConfig(JudgingConfig):
    """Configuration of an audit: pairs, judges, atomiser and matcher."""

    matcher: Annotated[AnyMatcher, Flag(metavar="SPEC")]
    """Matcher of the reasons: a model (openai:MODEL, ...), local:FOLDER (trained), embedding, lexical (smoke tests);
    rationalerm-official:FILE (a result file of RationaleRM's MetaJudge), rationalerm-official:MODEL_SPEC?prompt=PATH."""
    atomiser: Annotated[str, Flag(metavar="SPEC")] = "given"
    """Atomiser that splits human feedback into points: a model, or given (the human reasons unchanged)."""
    spurious_below: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Consistency in [0, 1] below which a right verdict counts as right for the wrong reasons."""


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Attributes:
        folder: Run folder.
        result: Table with one row per judge, paired tests and notes, as in ``audit.json``.
        items: Pairs with their judgments and matches, as in ``items.jsonl``.
    """

    folder: Path
    result: AuditResult
    items: list[Item]


async def arun(config: AuditConfig, events: Events = SILENT) -> Audit:
    """Make the missing records and score all of them; writes ``audit.json``, ``items.jsonl`` and ``scores.jsonl``.

    Raises:
        InputError: The pairs are not usable for an audit, or a spec is unknown.
        BudgetExceededError: The next call does not fit the budget; finished work is kept.
        EndpointError: No request of the judges, the atomiser or the matcher was answered.
    """
    pairs = _load(config)
    folder = _folder(config, fresh=not config.resume)
    return _scored(config, pairs, folder, await _ask(config, pairs, folder, events))


run = in_one_go(arun)


def rescore(folder: Path, spurious_below: float | None = None, events: Events = SILENT) -> Audit:
    """Score the records of an audit again, without calls and without loading a model.

    Args:
        folder: Run folder of an audit.
        spurious_below: Consistency below which a right verdict counts as spurious; by default the audit's own threshold.
        events: Listener for the cost of the audit.

    Raises:
        InputError: The folder holds no audit.
    """
    stored = stored_audit(folder)
    changes = {} if spurious_below is None else {"spurious_below": spurious_below}
    config = stored.config.model_copy(update=changes)
    audit = _scored(config, _load(config), _folder(config), stored.cast)
    say_all(events, spending_lines(SpendingBook.read(folder)))
    return audit


def _scored(config: AuditConfig, pairs: Sequence[PreferencePair], folder: RunFolder, cast: Cast) -> Audit:
    reference = reference_pairs(pairs, cast.judges, config.seed)
    scored = score_folder(folder, pairs, reference, cast, config.max_reasons)
    metadata = AuditMetadata(
        source=source_name(config.pairs),
        cast=cast,
        max_reasons=config.max_reasons,
        spurious_below=config.spurious_below,
        prices=_prices(cast.names, dict(map(parse_price, config.prices))),
    )
    result = audit_result(reference, scored, metadata)
    folder.write("audit.json", result)
    shown = list(items(scored, cast.names))
    folder.write_lines("items.jsonl", shown)
    return Audit(config.out, result, shown)


class _Asked(NamedTuple):
    """The judges, the atomiser and the matcher of an audit."""

    judges: list[Judge]
    atomiser: Atomiser
    matcher: Matcher

    @property
    def splitter(self) -> ProseSplitter | None:
        """The atomiser's model as the splitter of judges' prose; ``None`` if the human reasons are used unchanged."""
        return self.atomiser.splitter if isinstance(self.atomiser, GenerativeAtomiser) else None

    def cast(self, trust: Trust | None) -> Cast:
        """Their identities, as a cast."""
        splitter = self.splitter
        return Cast(
            splitter=None if splitter is None else Maker(name=splitter.name, fingerprint=splitter.fingerprint),
            judges=tuple(judge.identity for judge in self.judges),
            atomiser=Maker(name=self.atomiser.name, fingerprint=self.atomiser.fingerprint),
            matcher=Maker(name=self.matcher.name, fingerprint=self.matcher.fingerprint),
            smoke_only=self.matcher.smoke_only,
        ).with_trust(trust)


async def _ask(config: AuditConfig, pairs: Sequence[PreferencePair], folder: RunFolder, events: Events) -> Cast:
    """Make every missing record; the cast is stored with the first."""
    account = config.account()
    with answer_cache(config.cache) as cache:
        judges = build_judges(config.builder(cache, account), config.judges)
        atomiser = build_atomiser(config.atomiser, cache=cache, account=account)
        matcher = config.matcher
        if isinstance(matcher, str):
            matcher = MatcherBuilder(cache=cache, account=account).matcher(matcher)
        asked = _Asked(judges, atomiser, matcher)
        cast = asked.cast(await trust_in(asked.matcher, config.cache.parent))
        folder.settings = {
            "config": config.model_dump(mode="json"),
            "cast": cast.model_dump(mode="json"),
            "in_memory": not config.files,
        }
        with spending(account, folder, events):
            if not isinstance(config.pairs, str):
                folder.write_lines(PAIRS, config.pairs)
            say_all(events, _estimate(config, pairs, asked, account))
            with events.progress(account) as stage:
                async with closing([*judges, atomiser, matcher]):
                    await ask(
                        pairs,
                        judges,
                        atomiser,
                        matcher,
                        splitter=asked.splitter,
                        reference=reference_pairs(pairs, cast.judges, config.seed),
                        folder=folder,
                        max_reasons=config.max_reasons,
                        stage=stage,
                    )
    _require_answers(account, pairs, folder, cast)
    return cast


def _estimate(config: AuditConfig, pairs: Sequence[PreferencePair], asked: _Asked, account: Account) -> list[str]:
    looked = sample(pairs)
    graders = asked_of_graders(asked.atomiser, asked.matcher, asked.judges, looked, config.max_reasons)
    return estimate_lines([*asked_of_judges(asked.judges, looked), *graders], len(looked), len(pairs), account)


def _require_answers(account: Account, pairs: Sequence[PreferencePair], folder: RunFolder, cast: Cast) -> None:
    """Stop before scoring if no request of the judges, the atomiser or the matcher was answered."""
    made = records_of(folder, pairs, cast)
    require_answers(account, "judge", [(j.judge, j.failure) for j in made.judgments])
    require_answers(account, "atomiser", [(p.atomiser, p.failure) for p in made.points if p.raw or p.failure])
    require_answers(account, "matcher", [(m.matcher, m.match.failure) for m in made.matches])


def _prices(judges: Sequence[str], prices: Mapping[str, Price]) -> dict[str, Price]:
    """Known prices of the judges' models."""
    found = {name: price_of(spec_of(name), prices) for name in judges}
    return {name: price for name, price in found.items() if price is not None}


class StoredAudit(NamedTuple):
    """An audit stored in a folder: its configuration and the makers of its records."""

    config: AuditConfig
    cast: Cast

    def scored(self) -> dict[str, list[ScoredJudgment]]:
        """The scored judgments by judge; loads no model."""
        pairs = _load(self.config)
        reference = reference_pairs(pairs, self.cast.judges, self.config.seed)
        scored = score_folder(_folder(self.config), pairs, reference, self.cast, self.config.max_reasons)
        return {name: [each for each in scored if each.judgment.judge == name] for name in self.cast.names}


def stored_audit(out: Path) -> StoredAudit:
    """The audit stored in a folder, with the newest measurements of its matcher.

    Raises:
        InputError: The folder holds no audit.
    """
    try:
        stored = json.loads((out / SETTINGS).read_text(encoding="utf-8"))
        identity = read_identity(out) or {}
        pairs = load_pairs(out / PAIRS) if stored["in_memory"] else identity["pairs"]
        config = AuditConfig(**(stored["config"] | {"pairs": pairs, "out": out}))
        cast = Cast.model_validate(stored["cast"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("holds no audit", where=str(out), fix="give the --out folder of rightly audit") from error
    trust = known(cast.matcher.fingerprint, config.cache.parent)
    return StoredAudit(config, cast if trust is None else cast.with_trust(trust))


def _folder(config: AuditConfig, *, fresh: bool = False) -> RunFolder:
    """The run folder; its identity are the settings that must not change between two runs: judges and matchers may."""
    return RunFolder(
        config.out,
        {"verb": "audit", "seed": config.seed, "max_reasons": config.max_reasons} | config.identity(),
        owns=OWNS if config.files else (*OWNS, PAIRS),
        ledger=LEDGER,
        inputs=(*config.files, config.cache),
        fresh=fresh,
    )


def _load(config: AuditConfig) -> list[PreferencePair]:
    pairs = list(config.load())
    if not pairs:
        raise InputError("holds no pairs", where=source_name(config.pairs), fix="give a file with at least one")
    if config.atomiser == "given" and not any(pair.rationales for pair in pairs):
        raise InputError(
            f"none of {len(pairs)} pairs has a human rationale, so there is nothing to be consistent with",
            where=source_name(config.pairs),
            fix="give pairs with rationales, or use rightly judge for outcomes only",
        )
    wide = next((pair for pair in pairs if len(pair.responses) != 2), None)
    if wide is not None:
        problem = f"pair {wide.id!r} has {len(wide.responses)} responses"
        raise InputError(problem, where=source_name(config.pairs), fix="give pairs of two responses")
    return pairs
