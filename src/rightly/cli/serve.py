"""``rightly serve``: rewards over HTTP, in the protocols that trainers speak."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import takes
from rightly.jobs import serve

EXAMPLES = """
\b
Examples:
  rightly serve --model Skywork/Skywork-Reward-V2-Qwen3-0.6B --port 8000
  rightly serve --model run1 --model run2 --model run3 --std-penalty 1      # mean minus one standard deviation
  rightly serve --judge openai:gpt-4.1-mini
  RIGHTLY_TOKEN=... rightly serve --model runs/first --host 0.0.0.0
\b
  OpenRLHF   --reward.remote_url http://HOST:8000/get_reward
  slime      --rm-type remote_rm --rm-url http://HOST:8000/slime
  vLLM's and SGLang's clients, verl's reward loop: /classify, /pooling, /v1/embeddings
  your own   POST /v1/score {"items": [{"prompt": "...", "responses": ["...", "..."]}]}
The description of all routes is at /docs.
"""


@click.command(name="serve", epilog=EXAMPLES)
@takes(serve.ServeConfig, as_json=False)
def command(config: serve.ServeConfig) -> None:
    """Serve reward models, one or an ensemble, and a pairwise judge.

    With RIGHTLY_TOKEN set, requests need it as their bearer token.
    """
    serve.run(config, ConsoleEvents())
