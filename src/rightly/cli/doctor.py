"""``rightly doctor``: does everyone who loads this reward model get the same rewards?"""

import sys
from typing import TYPE_CHECKING, Any

import click

from rightly.cli.options import echo_json

if TYPE_CHECKING:
    from rightly.reward_models.doctor import Diagnosis

EXAMPLES = """
\b
Examples:
  rightly doctor runs/rm
  rightly doctor Skywork/Skywork-Reward-V2-Qwen3-0.6B --dtype bfloat16
  rightly doctor runs/rm --endpoint http://localhost:8000              # beside `vllm serve runs/rm`
  rightly doctor runs/rm --endpoint http://localhost:30000 --protocol sglang
Exit status: 0 where no error was found, 1 where one was, 2 where it could not look.
"""


@click.command(name="doctor", epilog=EXAMPLES)
@click.argument("model")
@click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1; by default the accelerator if there is one.")
@click.option("--revision", metavar="NAME", help="Branch, tag or commit on the hub.")
@click.option("--endpoint", metavar="URL", help="A running server of the same model, to be compared.")
@click.option("--protocol", type=click.Choice(["vllm", "sglang"]), default="vllm", show_default=True)
@click.option("--served-name", metavar="NAME", help="The model's name on the server; by default its first.")
@click.option("--trust-remote-code", is_flag=True, help="Run code that the checkpoint brings.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def command(model: str, as_json: bool, **options: Any) -> None:
    """Score probes with MODEL (folder or hub id) in every usual path and explain what differs.

    Ways: ours packed and padded, plain transformers one by one and in batches padded right and left, adapter beside its
    base, text tokenised as scripts do it, and a running server.
    """
    from rightly.errors import MissingExtraError

    try:
        from rightly.reward_models.doctor import examine
    except ImportError as error:
        raise MissingExtraError(f"the doctor (no module {error.name})", "train") from None
    found = examine(model, **options)
    if as_json:
        echo_json(found)
    else:
        _report(found)
    if not found.healthy:
        sys.exit(1)


def _report(found: "Diagnosis") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    if found.architecture is not None:
        contract = "with" if found.contract else "without"
        console.print(escape(f"{found.model}: {found.architecture}, {found.dtype}, {contract} a token contract"))
        table = Table(box=None, pad_edge=False)
        table.add_column("against one text at a time")
        table.add_column("largest difference", justify="right")
        table.add_column("order flips", justify="right")
        table.add_column("")
        for path in found.paths:
            largest = "-" if path.largest is None else f"{path.largest:.2g}"
            verdict = "same" if path.agrees else "[red]differs[/red]" if path.applicable else "not applicable"
            table.add_row(escape(path.name), largest, str(path.order_flips), verdict)
        console.print(table)
    colours = {"error": "red", "warning": "yellow", "note": "dim"}
    for finding in found.findings:
        colour = colours[finding.severity]
        console.print(
            f"[{colour}]{finding.severity}[/{colour}] {finding.kind}: {escape(finding.problem)}", soft_wrap=True
        )
        if finding.cure:
            console.print(f"  cure: {escape(finding.cure)}", soft_wrap=True)
    console.print("no error found" if found.healthy else "[red]do not rely on its rewards before this is mended[/red]")
