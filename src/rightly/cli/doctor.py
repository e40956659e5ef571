"""``rightly doctor``: does everyone who loads this reward model get the same rewards?"""

import sys

import click

from rightly.cli.options import echo_json, takes
from rightly.jobs import doctor

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
@takes(doctor.DoctorConfig)
def command(config: doctor.DoctorConfig, as_json: bool) -> None:
    """Score probes with MODEL in every usual way and explain what differs.

    Ways: ours packed and padded, plain transformers one by one and in batches padded right and left, adapter beside its
    base, text tokenised as scripts do it, and a running server.
    """
    from rich.console import Console

    from rightly.reports.reward_terminal import print_diagnosis

    found = doctor.run(config)
    if as_json:
        echo_json(found)
    else:
        print_diagnosis(found, Console(highlight=False))
    if not found.healthy:
        sys.exit(1)
