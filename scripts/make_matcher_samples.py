"""Make the samples of `rightly matcher-check`; running it again gives the same bytes.

    python scripts/make_matcher_samples.py --winowhy winowhy.json --perspectrum FOLDER

WinoWhy: the questions with at least two valid reasons and an invalid one, of the reasons that people wrote. Perspectrum: the
claims of the development part with all clusters. Only the fields that the checks read are kept; no text was changed.
"""

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from rightly.matchers.validation.perspectrum import perspectrum_claims
from rightly.matchers.validation.winowhy import winowhy_questions

TARGET = Path(__file__).parents[1] / "src" / "rightly" / "matchers" / "samples"


def main() -> None:
    """Read the files named on the command line, write the samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("winowhy", "perspectrum"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    write(
        "winowhy",
        [
            {"question": each.text, "nouns": each.nouns, "valid": each.valid, "invalid": each.invalid}
            for each in winowhy_questions(options.winowhy)
            if len(each.valid) > 1 and each.invalid
        ],
    )
    write(
        "perspectrum",
        [
            {"claim": claim.text, "clusters": [[cluster.texts, cluster.supports] for cluster in claim.clusters]}
            for claim in perspectrum_claims(options.perspectrum, "dev")
        ],
    )


def write(name: str, rows: Sequence[dict]) -> None:
    """Write a packed file without a name or a time inside, so that equal rows are equal bytes."""
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path = TARGET / f"{name}.jsonl.gz"
    path.write_bytes(gzip.compress(content.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
