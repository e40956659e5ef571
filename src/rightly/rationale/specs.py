"""From a line on the command line to a matcher or an atomiser."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from rightly.errors import InputError
from rightly.inference.account import Account
from rightly.inference.cache import AnswerCache
from rightly.inference.generator import Generator
from rightly.inference.specs import SCHEMES, Sampling, build_generator, generator_fingerprint, parse_spec
from rightly.rationale.atomise import Atomiser, GenerativeAtomiser, GivenPoints, atomiser_fingerprint
from rightly.rationale.matching import Matcher
from rightly.rationale.metajudge import MetaJudge, metajudge_fingerprint


@dataclass(frozen=True, slots=True)
class MatcherBuilder:
    """Builds matchers and atomisers that share a cache and an account.

    Attributes:
        cache: Where answers are kept; ``None`` keeps none.
        account: Where calls are booked.
    """

    cache: AnswerCache | None
    account: Account

    def matcher(self, text: str) -> Matcher:
        """``lexical``, ``embedding``, ``embedding:PATH``, ``local:FOLDER``, or any model as MetaJudge.

        Raises:
            InputError: The spec names no matcher.
        """
        spec = parse_spec(text)
        if spec.scheme == "lexical" and not spec.target:
            from rightly.rationale.lexical import LexicalMatcher

            return LexicalMatcher()
        if spec.scheme == "embedding":
            from rightly.rationale.embedding import EmbeddingMatcher

            return EmbeddingMatcher(spec.target or None)
        if spec.scheme == "local" and spec.target:
            from rightly.rationale.local import LocalMatcher

            return LocalMatcher(spec.target)
        _require_model(text, "matcher", ("lexical", "embedding", "local"))
        return MetaJudge(text, *self._build(text, "matcher"))

    def atomiser(self, text: str) -> Atomiser:
        """``given`` (the human reasons as they are), or any model.

        Raises:
            InputError: The spec names no atomiser.
        """
        if text == "given":
            return GivenPoints()
        _require_model(text, "atomiser", ("given",))
        return GenerativeAtomiser(text, *self._build(text, "atomiser"))

    def _build(self, text: str, role: str) -> tuple[Generator, Sampling]:
        return build_generator(parse_spec(text), cache=self.cache, account=self.account, role=role)


def matcher_identity(text: str) -> str:
    """Fingerprint of the matcher that a spec names; loads nothing and needs no key.

    Raises:
        InputError: The spec names no matcher.
    """
    spec = parse_spec(text)
    if spec.scheme == "lexical" and not spec.target:
        from rightly.rationale.lexical import LexicalMatcher

        return LexicalMatcher.fingerprint
    if spec.scheme == "embedding":
        from rightly.rationale.embedding import embedding_fingerprint

        return embedding_fingerprint(spec.target or None)
    if spec.scheme == "local" and spec.target:
        from rightly.rationale.local import local_fingerprint

        return local_fingerprint(Path(spec.target))
    _require_model(text, "matcher", ("lexical", "embedding", "local"))
    return metajudge_fingerprint(*generator_fingerprint(spec))


def atomiser_identity(text: str) -> str:
    """Fingerprint of the atomiser that a spec names; loads nothing and needs no key.

    Raises:
        InputError: The spec names no atomiser.
    """
    if text == "given":
        return GivenPoints.fingerprint
    _require_model(text, "atomiser", ("given",))
    return atomiser_fingerprint(*generator_fingerprint(parse_spec(text)))


def _require_model(text: str, what: str, others: tuple[str, ...]) -> None:
    scheme = parse_spec(text).scheme
    if scheme in SCHEMES:
        return
    near = difflib.get_close_matches(scheme, [*others, *SCHEMES], n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join([*others, *SCHEMES])}"
    raise InputError(f"{text!r} names no {what}", fix=fix)
