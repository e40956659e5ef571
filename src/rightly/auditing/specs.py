"""Build an atomiser from its spec."""

from rightly.auditing.points import Atomiser, GenerativeAtomiser, GivenPoints
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.specs import build_generator, parse_spec, require_model


def build_atomiser(text: str, *, cache: AnswerCache | None, account: Account) -> Atomiser:
    """Build ``given`` (the human reasons unchanged) or any model as an atomiser.

    Args:
        text: Spec of the atomiser.
        cache: Store for the answers; ``None`` keeps none.
        account: Account that pays for the calls.

    Raises:
        InputError: The spec names no atomiser.
    """
    if text == "given":
        return GivenPoints()
    require_model(text, "atomiser", ("given",))
    generator, sampling = build_generator(parse_spec(text), cache=cache, account=account, role="atomiser")
    return GenerativeAtomiser(text, generator, sampling)
