"""Build a matcher from its spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from rightly.errors import InputError
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.inference.specs import build_generator, generator_fingerprint, import_name, parse_spec, require_model
from rightly.matchers.base import Matcher
from rightly.matchers.language_model import LLMMatcher, llm_matcher_fingerprint
from rightly.matchers.official_grammar import SCHEME as OFFICIAL
from rightly.matchers.official_judge import OfficialMetaJudge, official_judge_fingerprint, official_model
from rightly.matchers.official_results import ReplayedMetaJudge, results_fingerprint


class Offline(NamedTuple):
    """A matcher without a language model, imported on first use.

    Attributes:
        module: Module of the matcher.
        build: Name of its class, which takes the target of a spec or ``None``, and the options.
        identify: Name of the function that computes its fingerprint without loading it.
        options: Names of its options.
    """

    module: str
    build: str
    identify: str
    options: tuple[str, ...] = ()


OFFLINE: Mapping[str, Offline] = {
    "lexical": Offline("rightly.matchers.lexical", "LexicalMatcher", "lexical_fingerprint", ("weighted",)),
    "embedding": Offline("rightly.matchers.embedding", "EmbeddingMatcher", "embedding_fingerprint", ("filter",)),
    "local": Offline("rightly.matchers.trained", "LocalMatcher", "local_fingerprint", ("relation",)),
}


@dataclass(frozen=True, slots=True)
class MatcherBuilder:
    """Builds matchers that share a cache and an account.

    Attributes:
        cache: Store for the answers; ``None`` keeps none.
        account: Account that pays for the calls.
    """

    cache: AnswerCache | None
    account: Account

    def matcher(self, text: str) -> Matcher:
        """Build ``lexical``, ``embedding``, ``embedding:PATH``, ``local:minilm``, ``local:FOLDER``, or any model as MetaJudge.

        ``local:...?relation=covers`` asks whether a reason covers a point, ``?relation=entails`` whether each entails the
        other, instead of whether both are the same; ``embedding?filter=true`` applies all rules to the cosine;
        ``lexical?weighted=true`` weights words by how few texts hold them.

        ``rationalerm-official:FILE`` replays a result file, ``rationalerm-official:MODEL_SPEC?prompt=PATH`` asks a model with
        the official prompt.

        Raises:
            InputError: The spec names no matcher.
        """
        spec = parse_spec(text)
        if spec.scheme in OFFLINE:
            return _offline(text, "build")
        if spec.scheme == OFFICIAL:
            return self._official(text)
        require_model(text, "matcher", (*OFFLINE, OFFICIAL))
        generator, sampling = build_generator(spec, cache=self.cache, account=self.account, role="matcher")
        return LLMMatcher(text, generator, sampling)

    def _official(self, text: str) -> Matcher:
        asked = official_model(text)
        if asked is None:
            return ReplayedMetaJudge(text.partition(":")[2])
        generator, sampling = build_generator(asked[0], cache=self.cache, account=self.account, role="matcher")
        return OfficialMetaJudge(text, generator, sampling, asked[1])


def matcher_identity(text: str) -> str:
    """Fingerprint of the matcher that a spec names; loads nothing and needs no key.

    Raises:
        InputError: The spec names no matcher.
    """
    spec = parse_spec(text)
    if spec.scheme in OFFLINE:
        return _offline(text, "identify")
    if spec.scheme == OFFICIAL:
        asked = official_model(text)
        if asked is None:
            return results_fingerprint(text.partition(":")[2])
        return official_judge_fingerprint(*generator_fingerprint(asked[0]), asked[1])
    require_model(text, "matcher", (*OFFLINE, OFFICIAL))
    return llm_matcher_fingerprint(*generator_fingerprint(spec))


def _offline(text: str, what: Literal["build", "identify"]) -> Any:
    spec = parse_spec(text)
    offline = OFFLINE[spec.scheme]
    unknown = sorted(set(spec.options) - set(offline.options))
    if unknown:
        known = f"its options are {', '.join(offline.options)}" if offline.options else "it has none"
        raise InputError(f"{text!r}: {spec.scheme} has no option {unknown[0]!r}", fix=known)
    return import_name(offline.module, getattr(offline, what))(spec.target or None, **spec.options)
