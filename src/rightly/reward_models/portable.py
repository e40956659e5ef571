"""Prepare a model so that all software computes the same rewards once it is saved.

Other software does not read the contract. Its content is therefore also stored where other software looks:

- one pad token in tokeniser and configuration, which no text ends with (`rightly.reward_models.padding`);
- a chat template that ends with the pooled token, since scripts score the rendered template;
- a tokeniser that adds no token to rendered text, since the template adds the start token;
- ``problem_type = "regression"``: without it, pipelines of transformers and vLLM apply a sigmoid to a single label.
"""

import json
from typing import Any

from rightly.reward_models.contract import TokenContract, Tokenizer, last_token, rendered_ending
from rightly.reward_models.padding import add_pad_token, choose_pad_token, fit_embedding, pad_with

_ENDED = (
    "{% set rightly_text +%}TEMPLATE{%+ endset %}{% set rightly_cut = rightly_text.rstrip() %}"
    "{% if add_generation_prompt or not messages or messages[-1]['role'] != 'assistant' %}{{ rightly_text }}"
    "{% elif rightly_cut.endswith(FINAL) %}{{ rightly_cut }}{% else %}{{ rightly_text + FINAL }}{% endif %}"
)
"""A template that is truncated after the final token of a last response, or ended with it."""


def make_portable(model: Any, tokenizer: Tokenizer, contract: TokenContract) -> TokenContract:
    """Store the contract's content in tokeniser and configuration.

    Args:
        model: The transformers model.
        tokenizer: Tokeniser of the model, modified in place.
        contract: Contract of the model.

    Returns:
        The contract with the chosen pad token.
    """
    rows = len(model.get_input_embeddings().weight)
    pad = _pad(model, tokenizer, contract, rows)
    pad_with(model, tokenizer, pad)
    contract = contract.model_copy(update={"pad_token": pad})
    if contract.form == "chat":
        if contract.final_token is not None and not rendered_ending(tokenizer).endswith(contract.final_token):
            _end_template(tokenizer, contract.final_token)
        _add_no_tokens(tokenizer)
    fit_embedding(model, tokenizer)
    model.config.problem_type = "regression"
    return contract


def _pad(model: Any, tokenizer: Tokenizer, contract: TokenContract, rows: int) -> str:
    """The contract's pad token if it is valid; an encoder's own token comes first, since it may count positions from it."""
    ends = (contract.final_token, last_token(tokenizer, contract))
    own = model.config.get_text_config().pad_token_id if contract.form == "pair" else None
    named = None if own is None else tokenizer.convert_ids_to_tokens(own)
    for token in (named, contract.pad_token):
        if token not in (None, *ends) and tokenizer.convert_tokens_to_ids(token) < rows:
            return str(token)
    return choose_pad_token(tokenizer, ends, rows) or add_pad_token(tokenizer)


def _end_template(tokenizer: Tokenizer, final: str) -> None:
    template = tokenizer.chat_template
    named = template if isinstance(template, dict) else {"default": template}
    # Jinja drops one line break at the end of a template, not at the end of a block.
    body = named["default"].removesuffix("\n")
    ended = _ENDED.replace("FINAL", json.dumps(final, ensure_ascii=False)).replace("TEMPLATE", body)
    tokenizer.chat_template = {**named, "default": ended} if isinstance(template, dict) else ended


def _add_no_tokens(tokenizer: Tokenizer) -> None:
    """Replace the step that adds start and end tokens, if there is one."""
    if tokenizer.num_special_tokens_to_add() == 0 or not tokenizer.is_fast:
        return
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A", pair="$A $B", special_tokens=[])
