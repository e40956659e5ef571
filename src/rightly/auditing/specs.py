"""From a line on the command line to an atomiser."""

from rightly.auditing.points import Atomiser, GenerativeAtomiser, GivenPoints
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.specs import build_generator, parse_spec, require_model


def build_atomiser(text: str, *, cache: AnswerCache | None, account: Account) -> Atomiser:
    """``given`` (the human reasons as they are), or any model.

    Args:
        text: The spec.
        cache: Where answers are kept; ``None`` keeps none.
        account: Where calls are booked.

    Raises:
        InputError: The spec names no atomiser.
    """
    if text == "given":
        return GivenPoints()
    require_model(text, "atomiser", ("given",))
    generator, sampling = build_generator(parse_spec(text), cache=cache, account=account, role="atomiser")
    return GenerativeAtomiser(text, generator, sampling)
