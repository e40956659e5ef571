"""``rightly audit``: outcome accuracy and rationale consistency of judges, side by side."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import audit

EXAMPLES = """
\b
Examples:
  rightly audit sample:ukpconvarg1 --judge longer --judge annotator --matcher lexical --out audit
  rightly audit pairs.jsonl --judge openai:gpt-4.1 --matcher openai:gpt-4.1-mini?temperature=0 --out audit
  rightly audit nvidia/HelpSteer3:preference#validation --limit 500 --judge hf:./my-genrm \\
      --atomiser openai:gpt-4.1?max_tokens=2048 --matcher openai:gpt-4.1?max_tokens=2048 \\
      --price gpt-4.1=2,8 --budget 20 --out audit
"""


@click.command(name="audit", epilog=EXAMPLES)
@takes(audit.AuditConfig)
def command(config: audit.AuditConfig, as_json: bool) -> None:
    """Measure judges on PAIRS with human rationales: outcome accuracy and rationale consistency.

    Write model options after a question mark: openai:MODEL?temperature=0&max_tokens=4096&orders=single.
    """
    show_audit(audit.run(config, ConsoleEvents()), as_json=as_json)


def show_audit(found: audit.Audit, *, as_json: bool, sections: tuple = ()) -> None:
    """Write the page of an audit and print its summary."""
    from rich.console import Console

    from rightly.reports.audit_html import write_audit_report
    from rightly.reports.terminal import print_audit

    report = found.folder / "report.html"
    write_audit_report(found.result, found.items, report, sections)
    if as_json:
        echo_json(found.result)
    else:
        print_audit(found.result, Console())
        Console(stderr=True).print(f"report: {report}", highlight=False)
