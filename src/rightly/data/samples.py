"""Small samples of public data that travel with the package; licences in ``samples/ATTRIBUTION.md`` beside them."""

from pathlib import Path

from rightly.errors import InputError

_FOLDER = Path(__file__).parent / "samples"
SAMPLES = {"ukpconvarg1": "UKPConvArg1", "hh-rlhf": "HH-RLHF"}
"""Name after ``sample:`` to the corpus it is from."""


def sample_path(name: str) -> Path:
    """The file of a shipped sample.

    Raises:
        InputError: No sample has that name.
    """
    if name not in SAMPLES:
        raise InputError(f"no sample is called {name!r}", where="sample:", fix=f"there is {', '.join(SAMPLES)}")
    return _FOLDER / f"{name}.jsonl.gz"
