"""What a benchmark is, and the check that its data are the ones that its name promises."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rightly.benchmarks.protocol import Protocol
from rightly.data.load import Rows, open_rows
from rightly.errors import InputError
from rightly.types import PreferencePair, content_key


@dataclass(frozen=True)
class Source:
    """Where the data are.

    Attributes:
        hub: Data set on the hub, with config and split where there are several (``ORG/NAME:config#split``); empty where it is
            not there.
        files: Pattern of the names of its files below a folder that is given instead, relative to it.
        upstream: Other location of the files.
        revision: Commit on the hub that is loaded; ``None`` where it could not be verified and the newest is taken.
    """

    hub: str
    files: str
    upstream: str = ""
    revision: str | None = None

    @property
    def address(self) -> str:
        """The hub address with its revision."""
        name, mark, rest = self.hub.partition(":") if ":" in self.hub else self.hub.partition("#")
        return f"hub:{name}" + (f"@{self.revision}" if self.revision else "") + mark + rest


@dataclass(frozen=True)
class Expected:
    """What a subset must hold.

    Attributes:
        n: Number of items.
        fingerprint: Fingerprint of the items (`fingerprint`); ``None`` if the data were not available when this was written.
    """

    n: int
    fingerprint: str | None = None


@dataclass(frozen=True)
class Published:
    """A row that others published, in percent; for orientation, never computed here."""

    name: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: Name on the command line.
        title: Usual name.
        source: Location of the data.
        licence: Licence of the data.
        citation: Citation of the paper.
        items: Rows of one file (and where the file lies below the given folder) to items.
        protocols: Ways to a number; the first is the official one.
        headline: Column of the overall row that is the number.
        failure_policy: Treatment of unusable answers under the official protocol, in words.
        judges: Deviation from the official form if a judge compares pairs; empty if pairs are the official form.
        whole: Whether a judge is officially asked about all responses of an item, at once or one by one.
        several: Subsets with several right answers, which need ratings: a judge answers in its own format for them, and one
            that only chooses has no score there.
        expected: Expected content of every subset.
        published: Rows of others.
    """

    name: str
    title: str
    source: Source
    licence: str
    citation: str
    items: Callable[[Rows, Path], Iterator[PreferencePair]]
    protocols: tuple[Protocol, ...]
    headline: str
    failure_policy: str
    judges: str = ""
    whole: bool = False
    several: frozenset[str] = frozenset()
    expected: Mapping[str, Expected] = field(default_factory=dict)
    published: tuple[Published, ...] = ()

    def load(self, data: str | None = None) -> list[PreferencePair]:
        """The items.

        Args:
            data: A file, a folder or a hub address; ``None`` is the official data set on the hub.

        Raises:
            InputError: There are no data, or a row is not of this benchmark; names file and row.
        """
        if data is None and not self.source.hub:
            raise InputError(f"{self.title} is not on the hub", fix=f"give --data with {self.source.upstream}")
        found: list[PreferencePair] = []
        for name, place in self._places(data):
            rows = open_rows(name)
            found += rows.converted(lambda each, place=place: self.items(each, place))
        twice = next((name for name, count in Counter(item.id for item in found).items() if count > 1), None)
        if twice is not None:
            raise InputError(f"item {twice!r} is there twice", where=data or self.source.hub)
        return found

    def _places(self, data: str | None) -> list[tuple[str, Path]]:
        if data is None or not Path(data).is_dir():
            return [(data or self.source.address, Path(data or self.source.hub))]
        folder = Path(data)
        files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        wanted = [path for path in files if re.fullmatch(self.source.files, path.as_posix())]
        if not wanted:
            raise InputError(
                f"holds no file of {self.title} that is named as upstream names it",
                where=data,
                fix=f"give the files of {self.source.hub or self.source.upstream}",
            )
        return [(str(folder / path), path) for path in wanted]

    def deviations(self, items: list[PreferencePair]) -> list[str]:
        """How the items differ from those that the name promises; one line each."""
        by_domain: dict[str, list[PreferencePair]] = {}
        for item in items:
            by_domain.setdefault(item.domain or "all", []).append(item)
        missing = [name for name in self.expected if name not in by_domain]
        said = [f"without {', '.join(missing)}"] if missing and self.expected else []
        for name, own in by_domain.items():
            expected = self.expected.get(name)
            if expected is None:
                said += [f"with {name}, which is no part of it"] if self.expected else []
            elif expected.n != len(own):
                said.append(f"{len(own)} of {expected.n} items of {name}")
            elif expected.fingerprint not in (None, fingerprint(own)):
                said.append(f"the items of {name} are not the published ones")
        return said


def fingerprint(items: list[PreferencePair]) -> str:
    """A short hash of contexts, responses and labels, whatever their order and the format they came in."""
    return content_key(sorted(f"{item.content_key} {item.label}" for item in items))[:16]
