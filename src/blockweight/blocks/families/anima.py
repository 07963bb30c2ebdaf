"""Anima: Cosmos-Predict2 2B with an adapter for its text encoder (Qwen3).

Names: kohya-ss/sd-scripts, `library/anima_models.py` (`blocks`, `llm_adapter.blocks`), and diffusers' `transformer` and
`text_conditioner`. B are the 28 blocks, A the adapter's 6. Without the adapter or the text encoder its LoRAs look like
Cosmos-Predict2's.
"""

from __future__ import annotations

from blockweight.blocks.families.cosmos_predict2 import COSMOS_RULES, COSMOS_SIGNS
from blockweight.blocks.families.shared import JOINT_ATTENTION, TEXT_LAYERS, named, series
from blockweight.blocks.family import Family, Rule
from blockweight.blocks.layout import sizes

_ORDER = "BASE A# IN B# OUT"

ANIMA = Family(
    name="anima",
    title="Anima",
    order=_ORDER,
    layouts=sizes("anima", _ORDER, ("2B", {"A": 6, "B": 28})),
    rules=(
        series(r"llm_adapter_blocks_(\d+)_", "A"),
        Rule(("text_conditioner",), r"blocks_(\d+)_", "A"),
        *COSMOS_RULES,
        named("IN", "llm_adapter"),
        Rule(("text_conditioner",), r"", "IN"),
        TEXT_LAYERS,
    ),
    signs=(*COSMOS_SIGNS, r"^llm_adapter_", r"^text_conditioner\."),
    foreign=(JOINT_ATTENTION,),
)
