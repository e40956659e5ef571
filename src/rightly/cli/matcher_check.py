"""``rightly matcher-check``: measure a matcher against links that people made."""

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
    """Measure matchers on 200 summaries whose matching points people labelled (SummHay), beside six stored language models.

    And on voters' reasons: does a fellow voter's reason score above one from elsewhere? And on 308 written probes: is a
    paraphrase accepted, and are the opposite, the other response, a changed number rejected? A language model is asked some
    990 times; its answers are kept. What is found is printed under every report that uses the matcher.
    """
    from rich.console import Console

    from rightly.reports.terminal import print_matchers

    checked = matcher_check.run(config, ConsoleEvents())
    if as_json:
        echo_json(checked)
    else:
        print_matchers(checked.matchers, checked.stored, Console())
