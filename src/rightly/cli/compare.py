"""``rightly compare``: judges of one or several audits, tested on the pairs that they share."""

from pathlib import Path

import click

from rightly.cli.options import echo_json

EXAMPLES = """
\b
Examples:
  rightly compare audit
  rightly compare audit-monday audit-friday
"""


@click.command(name="compare", epilog=EXAMPLES)
@click.argument("folders", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="DIR...")
@click.option("--json", "as_json", is_flag=True, help="Print the tests as JSON on standard output.")
def command(folders: tuple[Path, ...], as_json: bool) -> None:
    """Test every two models of the audits, or of the benchmark runs, in DIR... against each other, paired by item.

    Audits: outcomes and consistency. Benchmarks: the official number. The unit is the context; p-values and intervals are
    Holm-adjusted over all pairs of models. What was not measured with the same yardstick (matcher, atomiser, human points,
    labels) is not tested, and said.
    """
    from rich.console import Console

    from rightly.auditing.comparability import AuditRun, comparable
    from rightly.auditing.compare import Comparison, paired_tests
    from rightly.auditing.judge_summary import JudgmentsByPair
    from rightly.cli.auditing import stored_audit
    from rightly.cli.bench_run import holds_bench, merged_benches
    from rightly.reports.terminal import print_tests

    if all(map(holds_bench, folders)):
        from rightly.reports.bench import print_gaps

        for result in merged_benches(folders):
            echo_json(result) if as_json else print_gaps(result, Console())
        return
    stored = [stored_audit(folder) for folder in folders]
    names = [str(folder) if len(folders) > 1 else "" for folder in folders]
    runs, notes = comparable(
        [
            AuditRun(name, each.cast, each.config.max_reasons, each.scored())
            for name, each in zip(names, stored, strict=True)
        ]
    )
    views = [
        JudgmentsByPair(f"{run.name}/{judge}" if run.name else judge, scored)
        for run in runs
        for judge, scored in run.scored.items()
    ]
    comparison = Comparison(tests=paired_tests(views), notes=notes)
    for note in notes:
        click.echo(note, err=True)
    if as_json:
        echo_json(comparison)
    else:
        print_tests(comparison.tests, Console())
