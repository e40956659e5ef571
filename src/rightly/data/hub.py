"""Stream a data set from the Hugging Face hub; needs the extra ``data``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rightly.data.fields import Row
from rightly.errors import InputError, MissingExtraError

_ADDRESS = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^:#]+))?(?::(?P<config>[^#]+))?(?:#(?P<split>.+))?")


@dataclass(frozen=True)
class HubAddress:
    """The address ``ORG/NAME[@revision][:config][#split]``."""

    id: str
    revision: str | None = None
    config: str | None = None
    split: str | None = None


def parse_address(text: str) -> HubAddress | None:
    """Parse ``ORG/NAME[@revision][:config][#split]``; ``None`` if the text is not of this form.

    >>> parse_address("nvidia/HelpSteer3@v1:preference#train")
    HubAddress(id='nvidia/HelpSteer3', revision='v1', config='preference', split='train')
    """
    found = _ADDRESS.fullmatch(text)
    return HubAddress(**found.groupdict()) if found else None


def read_hub(address: HubAddress, name: str) -> Iterator[tuple[int, Row]]:
    """Stream the rows of one split, each with its number (from 1).

    Args:
        address: Address of the data set; the split may be omitted if there is only one.
        name: Name of the data set in errors.

    Raises:
        MissingExtraError: ``datasets`` is not installed.
        InputError: The data set, its config or its split does not exist or cannot be fetched, or one of several splits must
            be chosen.
    """
    try:
        import datasets
        from datasets.exceptions import DatasetsError
    except ImportError:
        raise MissingExtraError("reading data sets of the hub", "data") from None
    try:
        splits = datasets.load_dataset(address.id, address.config, revision=address.revision, streaming=True)
        yield from enumerate(_split(splits, address.split, name), start=1)
    except (OSError, ValueError, DatasetsError) as error:
        reason = str(error).partition("\n")[0]
        fix = "check the id, the config and the network (HF_TOKEN for gated sets)"
        raise InputError(f"cannot be fetched ({reason})", where=name, fix=fix) from None


def _split(splits, split: str | None, name: str) -> Iterator[Row]:  # noqa: ANN001 - a type of an optional package
    names = list(splits)
    if split is None and len(names) > 1:
        raise InputError(f"has the splits {', '.join(names)}", where=name, fix=f"choose a split: {name}#{names[0]}")
    if split is not None and split not in names:
        raise InputError(f"has no split {split!r}, only {', '.join(names)}", where=name, fix=f"try #{names[0]}")
    return iter(splits[split or names[0]])
