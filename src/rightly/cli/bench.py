"""``rightly bench``: a benchmark, the official number, and what it hides."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import bench

EXAMPLES = """
\b
Examples:
  rightly bench rm-bench --model rm:Skywork/Skywork-Reward-V2-Qwen3-0.6B --out runs/rm-bench
  rightly bench judgebench-gpt --model openai:gpt-4.1?temperature=0 --model rm:run1 --out runs/judgebench
  rightly bench llmbar --data LLMBar/ --model gpt-4=stored:results/GPT-4 --out runs/llmbar
  rightly bench pairs --data my-pairs.jsonl --model rm:run1 --model rm:run2 --out runs/mine
Every table holds the rules longer, shorter and first. Run the same command again and nothing is asked twice.
"""


@click.command(name="bench", epilog=EXAMPLES)
@takes(bench.BenchConfig)
def command(config: bench.BenchConfig, as_json: bool) -> None:
    """Run a BENCHMARK of reward models and judges, or your own pairs.

    Known: rm-bench, judgebench-gpt, judgebench-claude, rewardbench, rewardbench2, llmbar, helpsteer3, evalbiasbench, hhh,
    ppe-mmlu-pro, ppe-math, ppe-gpqa, ppe-ifeval, ppe-mbpp-plus, pairs.

    The official number is starred; every other convention stands beside it. A deviation from the official data or form is
    part of the name.
    """
    from rich.console import Console

    from rightly.reports.bench import print_bench, write_bench_report

    found = bench.run(config, ConsoleEvents())
    report = write_bench_report(found.folder, [found.result])
    if as_json:
        echo_json(found.result)
    else:
        print_bench(found.result, Console())
        Console(stderr=True).print(f"report: {report}", highlight=False)
