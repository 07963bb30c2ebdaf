"""Block weights by name as JSON, and as our own TOML recipe, which a person can keep beside a LoRA:

    name = "Gobuhime"
    layout = "sd1-26"

    [weights]
    BASE = 1
    IN00 = 0

`layout` may be left out where the blocks tell it; `REST` may stand among the weights.
"""

from __future__ import annotations

import ast
import json
import tomllib
import warnings
from collections.abc import Mapping
from typing import Any

from blockweight.blocks import REST
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import BlockWeights
from blockweight.weights.numbers import format_weight

_MOST_KEYS = 10_000


def write_recipe(weights: BlockWeights) -> str:
    """The weights as a TOML recipe. REST is written where it is not 1."""
    rows = [f"{block} = {format_weight(value)}" for block, value in weights.items()]
    if weights.rest != 1:
        rows.append(f"{REST} = {format_weight(weights.rest)}")
    # A name is one line without control characters, so its JSON string is a TOML string too.
    head = f"name = {json.dumps(weights.name, ensure_ascii=False)}\nlayout = {json.dumps(weights.layout.name)}"
    return "\n".join([head, "", "[weights]", *rows])


def read_toml(text: str) -> Mapping[str, Any]:
    """A TOML text's content; BlockweightError for what is no TOML."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BlockweightError(f"The recipe is not TOML ({_reason(error)}); write BASE = 1 under [weights].") from error


def read_json(text: str) -> object:
    """The content of a JSON text, or of a dict or list as it stands in Python code; BlockweightError for neither."""
    try:
        return json.loads(text, object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd literals, on the terminal
                return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise BlockweightError(
                f'The text is neither JSON nor a Python dict ({_reason(error)}); write it as {{"BASE": 1, "IN00": 0}}.'
            ) from error


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None) if len(keys) < _MOST_KEYS else None
    if twice is not None:
        raise BlockweightError(f"{quoted(twice)} is given twice; give it one value.")
    return dict(pairs)


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0][:80]
