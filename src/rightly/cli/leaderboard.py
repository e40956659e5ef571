"""``rightly leaderboard``: runs of benchmarks on one page."""

from pathlib import Path

import click

EXAMPLES = """
\b
Examples:
  rightly leaderboard runs/* --out board
"""


@click.command(name="leaderboard", epilog=EXAMPLES)
@click.argument("folders", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="DIR...")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the page goes.")
def command(folders: tuple[Path, ...], out: Path) -> None:
    """Put the benchmark runs in DIR... on one sortable page (report.html) and into leaderboard.md.

    Runs on the same items become one table, with paired tests between all their models.
    """
    from rightly.jobs.bench import merged_benches
    from rightly.reports.bench import write_bench_report
    from rightly.store.run_folder import RunFolder

    results = merged_benches(folders)
    RunFolder(out, {"verb": "leaderboard"}, owns=("report.html", "leaderboard.md"), inputs=folders).begin()
    path = write_bench_report(out, results)
    click.echo(f"{len(results)} benchmarks: {path} and {path.with_name('leaderboard.md')}")
