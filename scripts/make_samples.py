"""Make the shipped sample of UKPConvArg1; running it again gives the same bytes.

    python scripts/make_samples.py FOLDER

FOLDER holds ``pairs.jsonl.gz``: UKPConvArg1 as one JSON object a pair (id, debate, side, title, description, stance,
response_a, response_b, votes, strict_label), white space and HTML entities normalised, worker ids replaced.

The rule: of the pairs that have a strict label and at least four votes with a written reason, the 20 of each side of
each debate whose BLAKE2b hash of the seed and the id is smallest. Nothing was looked at and chosen.
"""

import argparse
import gzip
import json
from collections import defaultdict
from hashlib import blake2b
from pathlib import Path

SEED = "rightly sample 0"
A_SIDE = 20
TARGET = Path(__file__).parents[1] / "src" / "rightly" / "data" / "samples" / "ukpconvarg1.jsonl.gz"


def main() -> None:
    """Read the folder named on the command line, write the sample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    source = parser.parse_args().folder / "pairs.jsonl.gz"
    with gzip.open(source, "rb") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in pick(rows)]
    TARGET.parent.mkdir(exist_ok=True)
    # No name and no time inside, so that equal rows are equal bytes.
    TARGET.write_bytes(gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0))


def pick(rows: list[dict]) -> list[dict]:
    """The rows of the rule, by debate, side and hash."""
    sides = defaultdict(list)
    for row in rows:
        if row["strict_label"] and sum(bool((vote["reason"] or "").strip()) for vote in row["votes"]) >= 4:
            sides[row["debate"], row["side"]].append(row)
    return [row for side in sorted(sides) for row in sorted(sides[side], key=_rank)[:A_SIDE]]


def _rank(row: dict) -> str:
    return blake2b(f"{SEED} {row['id']}".encode()).hexdigest()


if __name__ == "__main__":
    main()
