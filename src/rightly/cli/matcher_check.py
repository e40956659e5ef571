"""``rightly matcher-check``: measure a matcher against links that people made."""

from pathlib import Path

import click

from rightly.cli.options import default_cache, echo_json
from rightly.types import Frozen

EXAMPLES = """
\b
Examples:
  rightly matcher-check --matcher lexical --matcher embedding
  rightly matcher-check --matcher openai:gpt-4.1-mini?temperature=0
  rightly matcher-check --matcher local:runs/matcher
"""


@click.command(name="matcher-check", epilog=EXAMPLES)
@click.option("--matcher", "specs", multiple=True, required=True, metavar="SPEC", help="A matcher; repeat for several.")
@click.option(
    "--cache", type=click.Path(path_type=Path), default=default_cache, metavar="FILE", help="Where answers are kept."
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON on standard output.")
def command(specs: tuple[str, ...], cache: Path, as_json: bool) -> None:
    """Measure matchers on 200 summaries whose matching points people labelled (SummHay), beside six stored language models.

    And on voters' reasons: does a fellow voter's reason score above one from elsewhere? And on 308 written probes: is a
    paraphrase accepted, and are the opposite, the other response, a changed number rejected? A language model is asked some
    990 times; its answers are kept. What is found is printed under every report that uses the matcher.
    """
    from rich.console import Console

    from rightly.cli.asking import answer_cache, echo_lines, failure_lines, require_answers
    from rightly.cli.progress import progress
    from rightly.inference.account import Account
    from rightly.matchers.specs import MatcherBuilder
    from rightly.matchers.validation.human_links import MatcherReliability, reliability
    from rightly.matchers.validation.summhay import load_summhay
    from rightly.matchers.validation.trust import Trust, measure
    from rightly.reports.terminal import print_matchers

    class Checked(Frozen):
        matchers: tuple[Trust, ...]
        stored: tuple[MatcherReliability, ...]

    account = Account()
    with answer_cache(cache) as answers, progress(account) as stage:
        builder = MatcherBuilder(cache=answers, account=account)
        matchers = [builder.matcher(spec) for spec in specs]
        trusts = tuple(measure(matcher, cache.parent, stage(matcher.name[:13], None)) for matcher in matchers)
    echo_lines(failure_lines(account))
    require_answers(
        account,
        "matcher",
        [
            (matcher.name, None if trust.n_matched else "provider")
            for matcher, trust in zip(matchers, trusts, strict=True)
        ],
    )
    cases = load_summhay()
    stored = tuple(
        reliability(f"{name} (stored)", cases, {case.id: case.stored[name] for case in cases})
        for name in cases[0].stored
    )
    checked = Checked(matchers=trusts, stored=stored)
    if as_json:
        echo_json(checked)
    else:
        print_matchers(trusts, stored, Console())
