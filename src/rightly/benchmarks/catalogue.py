"""All benchmarks by name."""

from rightly.benchmarks import judgebench
from rightly.benchmarks.benchmark import Benchmark
from rightly.benchmarks.evalbiasbench import EVALBIASBENCH
from rightly.benchmarks.helpsteer3 import HELPSTEER3
from rightly.benchmarks.hhh import HHH
from rightly.benchmarks.llmbar import LLMBAR
from rightly.benchmarks.own import OWN
from rightly.benchmarks.ppe import PPE
from rightly.benchmarks.rewardbench import REWARDBENCH
from rightly.benchmarks.rewardbench2 import REWARDBENCH2
from rightly.benchmarks.rm_bench import RM_BENCH
from rightly.errors import InputError, did_you_mean

BENCHMARKS = {
    each.name: each
    for each in (
        RM_BENCH,
        judgebench.GPT,
        judgebench.CLAUDE,
        REWARDBENCH,
        REWARDBENCH2,
        LLMBAR,
        HELPSTEER3,
        EVALBIASBENCH,
        HHH,
        *PPE,
        OWN,
    )
}


def benchmark_named(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        InputError: There is none.
    """
    if name not in BENCHMARKS:
        raise InputError(f"no benchmark is called {name!r}", fix=did_you_mean(name, BENCHMARKS))
    return BENCHMARKS[name]
