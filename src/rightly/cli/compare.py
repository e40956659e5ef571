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

    from rightly.auditing.compare import Comparison
    from rightly.jobs.compare import CompareConfig, run
    from rightly.reports.bench import print_gaps
    from rightly.reports.terminal import print_tests

    found = run(CompareConfig(folders=folders))
    if not isinstance(found, Comparison):
        for result in found:
            echo_json(result) if as_json else print_gaps(result, Console())
        return
    for note in found.notes:
        click.echo(note, err=True)
    if as_json:
        echo_json(found)
    else:
        print_tests(found.tests, Console())
