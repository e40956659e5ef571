"""The checks of a matcher beyond those that a report needs: people's reasons of other kinds, and atomic points."""

from collections.abc import Callable, Collection, Sequence

from rightly.matchers.base import Matcher
from rightly.matchers.validation.atoms import AtomCase, AtomCheck, check_atoms, joined_cases
from rightly.matchers.validation.comve import check_comve, load_comve
from rightly.matchers.validation.perspectrum import check_perspectrum, load_perspectrum
from rightly.matchers.validation.ranked import OrderCheck
from rightly.matchers.validation.winowhy import check_winowhy, load_winowhy
from rightly.types import Frozen

JOINED, METACRITIQUE = "joined reasons", "MetaCritique"


class WideChecks(Frozen):
    """Results of a matcher on the wider checks.

    Attributes:
        matcher: Name of the matcher.
        orders: Results on ComVE, WinoWhy and Perspectrum.
        atoms: Results on joined reasons, and on MetaCritique's critiques if its file is given.
    """

    matcher: str
    orders: tuple[OrderCheck, ...]
    atoms: tuple[AtomCheck, ...]

    def lines(self) -> tuple[str, ...]:
        """The results in sentences."""
        return tuple(check.line() for check in (*self.orders, *self.atoms))


async def check_widely(
    matcher: Matcher,
    on_done: Callable[[object], None] = lambda _: None,
    *,
    trained_on: Collection[str] = (),
    metacritique: Sequence[AtomCase] = (),
) -> WideChecks:
    """Run the wider checks on the shipped data; the matcher is not closed.

    Args:
        matcher: The matcher to check.
        on_done: Callback after each match.
        trained_on: Names of the data sets of which the matcher was trained on another part: ``comve``, ``perspectrum``, ...
        metacritique: Cases of MetaCritique's annotation; without any, the check is left out.
    """
    claims = load_perspectrum()
    perspectrum = "perspectrum" in trained_on
    orders = (
        await check_comve(matcher, load_comve(), on_done, trained_on="comve" in trained_on),
        await check_winowhy(matcher, load_winowhy(), on_done, trained_on="winowhy" in trained_on),
        await check_perspectrum(matcher, claims, on_done, trained_on=perspectrum),
    )
    joined = list(joined_cases(claims))
    atoms = [await check_atoms(matcher, joined, on_done, data=JOINED, trained_on=perspectrum)]
    if metacritique:
        atoms.append(await check_atoms(matcher, metacritique, on_done, data=METACRITIQUE))
    return WideChecks(matcher=matcher.name, orders=orders, atoms=tuple(atoms))
