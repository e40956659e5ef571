"""``rightly matcher-check``: measure matchers on people's links and reasons, and on written probes."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import matcher_check

EXAMPLES = """
\b
Examples:
  rightly matcher-check --matcher lexical --matcher embedding --matcher "embedding?filter=true"
  rightly matcher-check --matcher local:minilm --matcher "local:minilm?relation=covers"
  rightly matcher-check --matcher "local:minilm?relation=entails"     zero-shot entailment, for comparison
  rightly matcher-check --matcher "openai:gpt-4.1-mini?temperature=0" --reports-only
"""


@click.command(name="matcher-check", epilog=EXAMPLES)
@takes(matcher_check.MatcherCheckConfig)
def command(config: matcher_check.MatcherCheckConfig, as_json: bool) -> None:
    """Measure whether matchers decide as people do that two reasons make the same point.

    SummHay: is a reference point covered by a summary? Next to six stored language models. UKPConvArg1: does a fellow voter's
    reason score above others? Probes: are the same text, edits and paraphrases accepted, and the opposite, the other
    response and a changed number rejected? Every report with the matcher prints these three.

    ComVE: a right reason above a confusing one. WinoWhy: a valid reason above an invalid one. Perspectrum: an equivalent
    reason above others. Atomic points: does a text cover them? All data are shipped. A language model gets about 4,700
    requests; its answers are cached.
    """
    from rich.console import Console

    from rightly.reports.matcher_checks import check_sections
    from rightly.reports.terminal import print_reward_fitness, print_sections

    checked = matcher_check.run(config, ConsoleEvents())
    if as_json:
        echo_json(checked)
    else:
        console = Console()
        print_sections(check_sections(checked.matchers, checked.wide, checked.stored), console)
        print_reward_fitness(checked.matchers, console)
