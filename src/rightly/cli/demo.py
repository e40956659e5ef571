"""``rightly demo``: an audit of shipped real data; a judge trained four ways."""

import click

from rightly.cli.audit import show_audit
from rightly.cli.console import ConsoleEvents
from rightly.cli.options import config_of, parameter, takes
from rightly.jobs import demo, demo_judge

FACTS = (
    "A Llama of 130,000 parameters learned from a noisy annotator to list reasons and to give a verdict. GRPO then trains it "
    "in four ways, from the same start, on the same pairs, for the same number of steps. In the last, the styles of half the "
    "pairs are exchanged, so that style says nothing.",
    "In training the styled answer is the better one in three of four pairs; on the hard pairs it never is. Audits are greedy "
    "answers to pairs that no run is trained on; matching is exact.",
)


@click.group(name="demo", invoke_without_command=True)
@click.pass_context
def command(context: click.Context, **_: object) -> None:
    """Audit a held-out person, "longer wins" and "first wins" on 480 pairs of arguments with five voters' reasons each.

    And, on 200 summaries with human-labelled matches, consistency by people's links, by six stored language models' and by
    the offline matchers. No key, no network. The page lies in DIR/report.html.
    """
    if context.invoked_subcommand is None:
        _audit(config_of(context, demo.DemoConfig))


for _name in reversed(demo.DemoConfig.model_fields):
    parameter(demo.DemoConfig, _name)(command)


@command.command(name="genrm")
@takes(demo_judge.DemoJudgeConfig, as_json=False)
def generative(config: demo_judge.DemoJudgeConfig) -> None:
    """Train a tiny judge in four ways and watch what becomes of its reasons: some 4 minutes on 2 cores.

    The usual reward (outcome), the paper's (average precision x outcome), F1 x outcome, and the same on pairs of either style;
    in a synthetic world where everything is known. The page lies in DIR/report.html.
    """
    from rich.console import Console

    from rightly.reports.dynamics import Shown, write_dynamics
    from rightly.reports.judge_training import print_dynamics

    found, report = demo_judge.run(config, ConsoleEvents()), config.out / "report.html"
    pair = found.pair
    heading = f"The first hard pair of the audit with {len(pair.rationales)} human points; {pair.label} is better: "
    shown = Shown(
        heading + " | ".join([pair.context[0].content, *pair.responses]),
        [rationale.text for rationale in pair.rationales],
        {name: (each.reasons, each.verdict) for name, each in found.judged.items()},
    )
    write_dynamics(report, "One judge, trained four ways", found.dynamics, FACTS, [shown])
    print_dynamics(Console(), found.dynamics)
    click.echo(f"page: {report}")


def _audit(config: demo.DemoConfig) -> None:
    from rightly.reports.matchers import matcher_section

    found = demo.run(config, ConsoleEvents())
    show_audit(found.audit, as_json=False, sections=(matcher_section(found.cases, found.matched),))
