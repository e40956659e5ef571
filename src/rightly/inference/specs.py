"""Build a model from its spec: ``openai:gpt-4.1?temperature=0``, ``hf:PATH``, ``vllm:PATH``, ``replay:FILE``."""

import importlib
import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from pydantic import Field, ValidationError

from rightly.errors import InputError, did_you_mean
from rightly.inference.account import BATCH_SHARE, Account, AccountedGenerator, AccountMeter
from rightly.inference.answer_cache import AnswerCache, CachedGenerator
from rightly.inference.book import Price
from rightly.inference.generator import Generator, Request
from rightly.inference.providers import PROVIDERS
from rightly.types import Frozen, Turn


class Engine(NamedTuple):
    """The engine of a scheme, imported on first use, so that an API needs neither torch nor vLLM.

    Attributes:
        module: Module of the engine.
        build: Name of its builder, which takes the target, a ``meter`` if metered, and the options.
        identify: Name of the function that computes its fingerprint without loading it.
        options: Options of the engine and their types; ``dict`` is a JSON object.
        metered: Whether every attempt is booked separately, since it may be billed.
    """

    module: str
    build: str
    identify: str
    options: Mapping[str, type]
    metered: bool = False


_SENT: Mapping[str, type] = {"reasoning_effort": str, "extra_body": dict, "chat_template_kwargs": dict}
_HOSTED = Engine(
    "rightly.inference.openai_api",
    "OpenAIGenerator",
    "endpoint_fingerprint",
    {
        **_SENT,
        "base_url": str,
        "key_env": str,
        "concurrency": int,
        "timeout_s": float,
        "max_attempts": int,
        "batch": bool,
        "poll_s": float,
    },
    metered=True,
)
_ENGINES: Mapping[str, Engine] = {
    "openai": _HOSTED,
    **dict.fromkeys(PROVIDERS, _HOSTED),
    "hf": Engine(
        "rightly.inference.transformers_engine",
        "transformers_generator",
        "transformers_fingerprint",
        {"batch_size": int, "device": str, "dtype": str, "chat_template_kwargs": dict},
    ),
    "vllm": Engine(
        "rightly.inference.vllm",
        "vllm_generator",
        "vllm_fingerprint",
        {
            "batch_size": int,
            "tensor_parallel_size": int,
            "dtype": str,
            "max_model_len": int,
            "chat_template_kwargs": dict,
        },
    ),
    "replay": Engine("rightly.inference.replay", "ReplayGenerator", "replay_fingerprint", {}),
}
SCHEMES = tuple(_ENGINES)
_IDENTIFYING = {"base_url", "dtype", "max_model_len", *_SENT}
"""Engine options that are part of the model's identity; the others only affect speed."""


class Sampling(Frozen):
    """Decoding options of every call to one model; ``None`` leaves the choice to the server."""

    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = None

    def request(
        self,
        messages: tuple[Turn, ...],
        sample: int = 0,
        *,
        response_format: str | None = None,
        logprobs_of: tuple[str, ...] = (),
    ) -> Request:
        """The request for these messages with these options; the other arguments are fields of `Request`."""
        return Request(
            messages=messages,
            sample=sample,
            response_format=response_format,
            logprobs_of=logprobs_of,
            **self.model_dump(),
        )


class Spec(NamedTuple):
    """A parsed spec: ``scheme:target?option=value&...``, or ``scheme?option=value`` without a target."""

    scheme: str
    target: str
    options: dict[str, str]


def parse_spec(text: str) -> Spec:
    """Split a spec into its parts; the builder interprets them."""
    named, _, query = text.partition("?")
    scheme, _, target = named.partition(":")
    return Spec(scheme, target, dict(parse_qsl(query, keep_blank_values=True)))


def require_model(text: str, what: str, others: tuple[str, ...]) -> None:
    """Check that a spec has the scheme of a model.

    Args:
        text: The spec.
        what: Role of the model: ``judge``, ``matcher``, ``atomiser``.
        others: Valid names that are not models.

    Raises:
        InputError: The spec does not start with a known scheme.
    """
    scheme = parse_spec(text).scheme
    if scheme not in SCHEMES:
        raise InputError(f"{text!r} is not a known {what}", fix=did_you_mean(scheme, [*others, *SCHEMES]))


def is_metered(spec: Spec) -> bool:
    """Whether calls of the model may cost money."""
    return spec.scheme in _ENGINES and _ENGINES[spec.scheme].metered


def price_of(text: str, prices: Mapping[str, Price]) -> Price | None:
    """The price of the calls of a spec, by its model's name in the price list; ``None`` if it has none or costs nothing."""
    spec = parse_spec(text)
    if not is_metered(spec) or spec.target not in prices:
        return None
    price, share = prices[spec.target], BATCH_SHARE if spec.options.get("batch") == "true" else 1.0
    return Price(price.input * share, price.output * share)


def build_generator(
    spec: Spec, *, cache: AnswerCache | None, account: Account, role: str
) -> tuple[Generator, Sampling]:
    """The model that a spec names, with its account and its cache, and the options of its calls.

    Args:
        spec: The parsed spec.
        cache: Store for the answers; ``None`` keeps none.
        account: Account that pays for the calls.
        role: Role of the model: ``judge``, ``atomiser``, ``matcher``.

    Raises:
        InputError: Unknown scheme or option, a value of the wrong type, or no price for a model under a budget.
    """
    values, options = _options(spec)
    engine = _ENGINES[spec.scheme]
    if engine.metered:
        account.require(spec.target, options.max_tokens)
    if values.pop("batch", False):
        generator = _batched(spec, values, cache, account, role)
    else:
        if engine.metered:
            values["meter"] = AccountMeter(account, role, spec.target)
        generator = import_name(engine.module, engine.build)(spec.target, **values)
    if spec.scheme == "replay":
        return generator, options
    booked = AccountedGenerator(generator, account, role, spec.target)
    return (booked if cache is None else CachedGenerator(booked, cache)), options


def generator_fingerprint(spec: Spec) -> tuple[str, Sampling]:
    """Identity of the model that a spec names, and the options of its calls; loads nothing and needs no key.

    Raises:
        InputError: The conditions of `build_generator`, or the model does not exist.
    """
    values, options = _options(spec)
    made_of = {name: value for name, value in values.items() if name in _IDENTIFYING}
    engine = _ENGINES[spec.scheme]
    return import_name(engine.module, engine.identify)(spec.target, **made_of), options


def _batched(
    spec: Spec, values: Mapping[str, Any], cache: AnswerCache | None, account: Account, role: str
) -> Generator:
    """The model that a spec with ``batch=true`` names."""
    from rightly.inference.batch_api import BatchGenerator
    from rightly.inference.batch_money import BatchMoney

    if cache is None:
        raise InputError("batch=true needs an answer cache", fix="name one, or remove batch=true")
    money = BatchMoney(account, role, spec.target)
    return BatchGenerator(
        spec.target, cache=cache, money=money, **{k: v for k, v in values.items() if k != "concurrency"}
    )


def import_name(module: str, name: str) -> Any:
    """Import a module and return its attribute with the given name."""
    return getattr(importlib.import_module(module), name)


def _options(spec: Spec) -> tuple[dict[str, object], Sampling]:
    """The engine options and the decoding options, validated."""
    text = f"{spec.scheme}:{spec.target}"
    if spec.scheme not in SCHEMES or not spec.target:
        raise InputError(
            f"{text!r} is not a known model",
            fix=did_you_mean(spec.scheme, SCHEMES, "use openai:MODEL, hf:PATH, vllm:PATH"),
        )
    known = _ENGINES[spec.scheme].options
    sampling = {name: value for name, value in spec.options.items() if name in Sampling.model_fields}
    own = {name: value for name, value in spec.options.items() if name not in sampling}
    for name in own:
        if name not in known:
            raise InputError(
                f"{text!r}: unknown option {name!r}", fix=did_you_mean(name, [*known, *Sampling.model_fields])
            )
    try:
        values = {name: _value(known[name], name, value) for name, value in own.items()}
        options = Sampling.model_validate_strings(sampling)
    except (ValueError, ValidationError) as error:
        raise InputError(f"{text!r}: an option has an unusable value ({_first_line(error)})") from error
    if "poll_s" in values and not values.get("batch"):
        raise InputError(f"{text!r}: poll_s is an option of batches", fix="add batch=true, or remove poll_s")
    if spec.scheme in PROVIDERS:
        values = {**PROVIDERS[spec.scheme]._asdict(), **values}
    return values, options


def _value(kind: type, name: str, text: str) -> object:
    if kind is dict:
        return _json_object(name, text)
    if kind is bool:
        if text not in ("true", "false"):
            raise ValueError(f"{name}={text} is neither true nor false")
        return text == "true"
    try:
        value = kind(text)
    except ValueError as error:
        raise ValueError(f"{name}={text} is not a {'whole ' if kind is int else ''}number") from error
    if kind is not str and not 0 < value < math.inf:
        raise ValueError(f"{name}={text} is not above 0")
    return value


def _json_object(name: str, text: str) -> object:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        example = '{"enable_thinking":false}' if name == "chat_template_kwargs" else '{"top_k":20}'
        raise ValueError(
            f"{name}={text} is not a JSON object; write {name}={example}, and in it %26 for &, %2B for + and %25 for %"
        )
    return value


def _first_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{first['loc'][0]}: {first['msg']}"
    return str(error)
