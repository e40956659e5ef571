"""Make the shipped sample of HH-RLHF; running it again gives the same bytes.

    python scripts/make_hh_sample.py FILE

FILE is ``test.jsonl.gz`` of the harmless part. The rule: the 300 pairs whose BLAKE2b hash of the seed and the two
transcripts is smallest. Nothing was looked at and chosen.
"""

import argparse
import gzip
import json
from hashlib import blake2b
from pathlib import Path

SEED = "rightly sample 0"
PAIRS = 300
TARGET = Path(__file__).parents[1] / "src" / "rightly" / "data" / "samples" / "hh-rlhf.jsonl.gz"


def main() -> None:
    """Read the file named on the command line, write the sample."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    with gzip.open(parser.parse_args().file, "rb") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in sorted(rows, key=_rank)[:PAIRS]]
    # No name and no time inside, so that equal rows are equal bytes.
    TARGET.write_bytes(gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0))


def _rank(row: dict) -> str:
    return blake2b(f"{SEED}\n{row['chosen']}\n{row['rejected']}".encode()).hexdigest()


if __name__ == "__main__":
    main()
