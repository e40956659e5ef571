"""``rightly matcher-check``: measure a matcher against human links."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import matcher_check

EXAMPLES = """
\b
Examples:
  rightly matcher-check --matcher lexical --matcher embedding
  rightly matcher-check --matcher openai:gpt-4.1-mini?temperature=0
  rightly matcher-check --matcher local:runs/matcher
"""


@click.command(name="matcher-check", epilog=EXAMPLES)
@takes(matcher_check.MatcherCheckConfig)
def command(config: matcher_check.MatcherCheckConfig, as_json: bool) -> None:
    """Measure matchers on 200 summaries with human-labelled matches (SummHay), next to six stored language models.

    Two more checks follow. Voters' reasons: does a fellow voter's reason score above one from another pair? 308 written
    probes: is a paraphrase accepted, and are the opposite, the other response and a changed number rejected? A language model
    gets about 990 requests; its answers are cached. Every report with the matcher prints the results.
    """
    from rich.console import Console

    from rightly.reports.terminal import print_matchers

    checked = matcher_check.run(config, ConsoleEvents())
    if as_json:
        echo_json(checked)
    else:
        print_matchers(checked.matchers, checked.stored, Console())
