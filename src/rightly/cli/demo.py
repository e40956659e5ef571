"""``rightly demo``: an audit of shipped real data, and how far its number hangs on the matcher; a judge trained four ways."""

from pathlib import Path

import click

from rightly.cli.options import default_cache


@click.group(name="demo", invoke_without_command=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-report"), show_default=True, metavar="DIR")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of held-out people.")
@click.pass_context
def command(context: click.Context, out: Path, seed: int) -> None:
    """Audit a held-out person, "longer wins" and "first wins" on 480 pairs of arguments with five voters' reasons each.

    And, on 200 summaries with human-labelled matches, consistency by people's links, by six stored language models' and by
    the offline matchers. No key, no network. The page lies in DIR/report.html.
    """
    if context.invoked_subcommand is None:
        _audit(out, seed)


@command.command(name="genrm")
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-genrm"), show_default=True, metavar="DIR")
@click.option("--steps", type=click.IntRange(1), default=60, show_default=True, help="Of GRPO, for each reward.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the pairs and of sampling.")
def generative(out: Path, steps: int, seed: int) -> None:
    """Train a tiny judge in four ways and watch what becomes of its reasons: some 4 minutes on 2 cores.

    The usual reward (outcome), the paper's (average precision x outcome), F1 x outcome, and the same on pairs of either style;
    in a synthetic world where everything is known. The page lies in DIR/report.html.
    """
    from rightly.errors import MissingExtraError

    try:
        from rightly.cli.genrm_demo import demo
    except ImportError as error:
        raise MissingExtraError(f"training (no module {error.name})", "genrm") from None
    demo(out, steps, seed)


def _audit(out: Path, seed: int) -> None:
    import asyncio

    from rightly.cli.auditing import AuditConfig, audit
    from rightly.cli.progress import progress
    from rightly.inference.account import Account
    from rightly.matchers.embedding import EmbeddingMatcher
    from rightly.matchers.lexical import LexicalMatcher
    from rightly.matchers.validation.human_links import match_cases
    from rightly.matchers.validation.summhay import load_summhay
    from rightly.reports.matchers import matcher_section

    cases = load_summhay()
    with progress(Account()) as stage:
        matched = {}
        for matcher in (LexicalMatcher(), EmbeddingMatcher()):
            matched[matcher.name], _ = asyncio.run(match_cases(matcher, cases, stage(matcher.name[:13], len(cases))))
    config = AuditConfig(
        pairs="sample:ukpconvarg1",
        judges=("annotator", "longer", "first"),
        matcher="embedding",
        out=out,
        seed=seed,
        cache=default_cache(),
    )
    audit(config, sections=[matcher_section(cases, matched)])
