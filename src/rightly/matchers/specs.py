"""From a line on the command line to a matcher."""

from dataclasses import dataclass
from pathlib import Path

from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.specs import build_generator, generator_fingerprint, parse_spec, require_model
from rightly.matchers.base import Matcher
from rightly.matchers.language_model import LLMMatcher, llm_matcher_fingerprint


@dataclass(frozen=True, slots=True)
class MatcherBuilder:
    """Builds matchers that share a cache and an account.

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
            from rightly.matchers.lexical import LexicalMatcher

            return LexicalMatcher()
        if spec.scheme == "embedding":
            from rightly.matchers.embedding import EmbeddingMatcher

            return EmbeddingMatcher(spec.target or None)
        if spec.scheme == "local" and spec.target:
            from rightly.matchers.trained import LocalMatcher

            return LocalMatcher(spec.target)
        require_model(text, "matcher", ("lexical", "embedding", "local"))
        generator, sampling = build_generator(spec, cache=self.cache, account=self.account, role="matcher")
        return LLMMatcher(text, generator, sampling)


def matcher_identity(text: str) -> str:
    """Fingerprint of the matcher that a spec names; loads nothing and needs no key.

    Raises:
        InputError: The spec names no matcher.
    """
    spec = parse_spec(text)
    if spec.scheme == "lexical" and not spec.target:
        from rightly.matchers.lexical import LexicalMatcher

        return LexicalMatcher.fingerprint
    if spec.scheme == "embedding":
        from rightly.matchers.embedding import embedding_fingerprint

        return embedding_fingerprint(spec.target or None)
    if spec.scheme == "local" and spec.target:
        from rightly.matchers.trained import local_fingerprint

        return local_fingerprint(Path(spec.target))
    require_model(text, "matcher", ("lexical", "embedding", "local"))
    return llm_matcher_fingerprint(*generator_fingerprint(spec))
