"""What the reward-model benchmarks share: data sets, tokeniser, model shape, and the measurement of one process.

The model is a Qwen3 of 25M parameters with random weights: speed does not depend on what weights say, and rewards of
random weights still tell whether two ways of computing agree.
"""

import argparse
import gzip
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from rightly.data.load import load_pairs
from rightly.types import Message, PreferencePair

VOCABULARY = 8192
SHAPE = dict(
    hidden_size=384,
    intermediate_size=1920,
    num_hidden_layers=8,
    num_attention_heads=6,
    num_key_value_heads=2,
    head_dim=64,
    max_position_embeddings=4096,
)
TINY = SHAPE | dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, head_dim=16)


def build_model(folder: Path, pairs: list[PreferencePair], *, tiny: bool) -> Path:
    """A checkpoint of that shape with a byte-level BPE tokeniser trained on the pairs; made once a folder."""
    if (folder / "config.json").exists():
        return folder
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast, Qwen3Config

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    texts = (text for pair in pairs for text in (*(m.content for m in pair.context), *pair.responses))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|pad|>", "<|end|>"]
    bpe.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token=special[0], eos_token=special[1])
    torch.manual_seed(0)
    shape = TINY if tiny else SHAPE
    config = Qwen3Config(vocab_size=VOCABULARY, num_labels=1, pad_token_id=0, **shape)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def hh_pairs(source: str) -> list[PreferencePair]:
    """HH-RLHF pairs."""
    return list(load_pairs(source))


def spread(pairs: list[PreferencePair], count: int) -> list[PreferencePair]:
    """``count`` pairs at even steps through a list."""
    step = max(len(pairs) // count, 1)
    return pairs[::step][:count]


def long_prompts(pairs: list[PreferencePair], count: int) -> list[PreferencePair]:
    """The pairs with most prompt for their responses."""
    return sorted(pairs, key=lambda p: -_length(p.context) / (1 + sum(map(len, p.responses))))[:count]


def short_prompts(count: int) -> list[PreferencePair]:
    """Arguments of UKPConvArg1: a prompt of one line, responses of a few sentences."""
    return spread(list(load_pairs("sample:ukpconvarg1")), count)


def best_of(pairs: list[PreferencePair], prompts: int, responses: int) -> list[PreferencePair]:
    """Prompts of HH with that many responses each: their own two and those of the pairs that follow in the file."""
    own = [response for pair in pairs for response in pair.responses]
    return [
        PreferencePair(
            id=f"best-of-{number}",
            context=pair.context,
            responses=tuple(own[(2 * number + i) % len(own)] for i in range(responses)),
        )
        for number, pair in enumerate(spread(pairs, prompts))
    ]


def rm_bench(folder: Path, prompts: int) -> list[PreferencePair]:
    """RM-Bench over the domains in the folder, six responses a prompt, the same number of prompts of each domain."""
    files = sorted(folder.glob("*_filtered.json*"))
    if not files:
        raise SystemExit(f"no *_filtered.json(.gz) in {folder}")
    pairs = []
    for file in files:
        content = file.read_bytes()
        rows = json.loads(gzip.decompress(content) if file.suffix == ".gz" else content)
        step = max(len(rows) * len(files) // prompts, 1)
        for row in rows[::step][: max(prompts // len(files), 1)]:
            user = Message(role="user", content=row["prompt"])
            responses = (*row["chosen"], *row["rejected"])
            pairs.append(PreferencePair(id=f"{file.name}:{row['id']}", context=(user,), responses=responses))
    return pairs


class Meter:
    """CPU and wall seconds since the last start, of this process."""

    def start(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def stop(self) -> dict[str, float]:
        return {"cpu": time.process_time() - self.cpu, "wall": time.perf_counter() - self.wall}


def peak_memory() -> float:
    """MiB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_own_process(script: str, arguments: Iterable[str]) -> dict:
    """Run a variant of a benchmark in a process of its own; its last line is its result."""
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="where model and data are made")
    parser.add_argument("--hh", default="sample:hh-rlhf", help="HH-RLHF pairs: a file or sample:hh-rlhf")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a tiny model, one round: does it run?")
    parser.add_argument("--only", nargs="*", help="these variants")
    parser.add_argument("--sets", nargs="*", help="these sets")
    parser.add_argument("--out", type=Path, help="write all figures as JSON")
    parser.add_argument("--run", nargs=2, metavar=("SET", "VARIANT"), help=argparse.SUPPRESS)


def _length(context: tuple[Message, ...]) -> int:
    return sum(len(message.content) for message in context)
