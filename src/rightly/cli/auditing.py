"""The work behind ``audit``, ``report`` and ``demo``: ask what is missing, score, write the report."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rightly.cli.progress import progress
from rightly.cli.session import AskConfig, answer_cache, build_judges, run_and_close
from rightly.errors import InputError
from rightly.inference.account import Account
from rightly.judges.judge import Judge
from rightly.judges.specs import priced_model
from rightly.rationale.atomise import Atomiser
from rightly.rationale.audit import ask, items, reference_pairs, score_folder
from rightly.rationale.matching import Matcher
from rightly.rationale.result import AuditResult
from rightly.rationale.specs import MatcherBuilder
from rightly.rationale.table import AuditFacts, audit_result
from rightly.reports.audit_html import Section, write_audit_report
from rightly.reports.terminal import print_audit
from rightly.runs import RunFolder
from rightly.types import PreferencePair


class AuditConfig(AskConfig):
    """What ``rightly audit`` does."""

    matcher: str
    atomiser: str = "given"
    spurious_below: float = 0.25


def audit(config: AuditConfig, *, quiet: bool = False, sections: Sequence[Section] = ()) -> AuditResult:
    """Run an audit, write its report, print its summary.

    Args:
        config: What to do.
        quiet: Print no summary.
        sections: Further parts of the report.

    Raises:
        InputError: The pairs are not usable for an audit.
    """
    account = config.account()
    with answer_cache(config.cache) as cache:
        judges = build_judges(config.builder(cache, account), config.judges)
        builder = MatcherBuilder(cache=cache, account=account)
        matcher, atomiser = builder.matcher(config.matcher), builder.atomiser(config.atomiser)
        pairs = _load(config)
        folder = RunFolder(config.out, _identity(config), fresh=not config.resume)
        folder.write("settings.json", json.loads(config.model_dump_json()))
        with progress(account.summary) as stage:
            work = ask(
                pairs,
                judges,
                atomiser,
                matcher,
                folder=folder,
                max_reasons=config.max_reasons,
                stage=stage,
                seed=config.seed,
            )
            run_and_close(work, *judges, atomiser, matcher)
        return finish(config, folder, pairs, judges, matcher, atomiser, account, quiet=quiet, sections=sections)


def finish(
    config: AuditConfig,
    folder: RunFolder,
    pairs: Sequence[PreferencePair],
    judges: Sequence[Judge],
    matcher: Matcher,
    atomiser: Atomiser,
    account: Account,
    *,
    quiet: bool,
    sections: Sequence[Section],
) -> AuditResult:
    """The arithmetic half: score the records, write ``audit.json``, ``items.jsonl`` and the report."""
    names = [judge.name for judge in judges]
    reference = reference_pairs(pairs, judges, config.seed)
    scored = score_folder(folder, reference, names, matcher.name, config.max_reasons)
    facts = AuditFacts(
        source=config.pairs,
        atomiser=atomiser.name,
        matcher=matcher.name,
        matcher_smoke_only=matcher.smoke_only,
        reliability=reliability_lines(matcher),
        max_reasons=config.max_reasons,
        spurious_below=config.spurious_below,
        seed=config.seed,
        judge_notes={judge.name: judge.note for judge in judges},
        prices={name: account.prices[model] for name in names if (model := priced_model(name)) in account.prices},
    )
    result = audit_result(reference, scored, names, facts)
    folder.write("audit.json", result)
    shown = list(items(scored, names))
    folder.write_lines("items.jsonl", shown)
    report = config.out / "report.html"
    write_audit_report(result, shown, report, sections)
    if not quiet:
        print_audit(result, Console())
        Console(stderr=True).print(f"report: {report}", highlight=False)
    return result


def stored_config(out: Path) -> AuditConfig:
    """The configuration of the audit that a folder holds.

    Raises:
        InputError: The folder holds no audit.
    """
    try:
        stored = json.loads((out / "settings.json").read_text(encoding="utf-8"))
        identity = json.loads((out / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("holds no audit", where=str(out), fix="give the --out folder of rightly audit") from error
    return AuditConfig(**(stored | {"pairs": identity["pairs"], "out": out}))


def _identity(config: AuditConfig) -> dict[str, object]:
    """What may not change between two runs in one folder; judges and matchers may come and go."""
    wanted = ("pairs", "columns", "split", "limit", "seed", "max_reasons")
    whole = config.model_dump(mode="json") | config.identity()
    return {"verb": "audit"} | {name: whole[name] for name in wanted}


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
