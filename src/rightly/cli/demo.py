"""``rightly demo``: audit shipped real data, or train a judge in four ways."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import JSON, config_of, echo_json, parameter, takes
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
def command(context: click.Context, as_json: bool, **_: object) -> None:
    """Audit three judges that are right on every pair, with reasons that people wrote to be right or wrong.

    Outcome accuracy cannot tell them apart; rationale consistency can (1,000 pairs of ComVE). A hard second example follows:
    a held-out person, "longer wins" and "first wins" on 480 pairs of arguments. The last table shows how far the figure
    depends on the matcher. No key, no network. The page is DIR/report.html.
    """
    if context.invoked_subcommand is None:
        _audit(config_of(context, demo.DemoConfig), as_json=as_json)


for _name in demo.DemoConfig.model_fields:
    parameter(demo.DemoConfig, _name)(command)
JSON(command)


@command.command(name="genrm")
@takes(demo_judge.DemoJudgeConfig, as_json=False)
def generative(config: demo_judge.DemoJudgeConfig) -> None:
    """Train a tiny judge in four ways and compare its reasons: about 4 minutes on 2 cores.

    Rewards: the usual one (outcome), the paper's (average precision x outcome), F1 x outcome, and the same with half of the
    styles exchanged, in a synthetic world where every reason is known. The page is DIR/report.html.
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


def _audit(config: demo.DemoConfig, *, as_json: bool) -> None:
    from rich.console import Console

    from rightly.reports.demo import DemoParts, print_demo, write_demo
    from rightly.reports.matchers import matcher_section

    found, report = demo.run(config, ConsoleEvents()), config.out / "report.html"
    parts = DemoParts(
        result=found.first.result,
        items=found.first.items,
        made=found.made,
        check=found.check,
        shown=found.shown,
        second=found.second.result,
        second_item=found.second_item,
        why=found.why,
        sections=(matcher_section(found.cases, found.matched),),
    )
    write_demo(parts, report)
    if as_json:
        echo_json(parts.summary())
    else:
        print_demo(parts, Console())
        Console(stderr=True).print(f"report: {report}", highlight=False)
