"""Block weights: reading, writing and converting them."""

from blockweight.weights.block_weights import BlockWeights, parse_block_weights, parse_blocks, uniform, unknown_block
from blockweight.weights.numbers import format_weight, parse_weight, step_weight

__all__ = [
    "BlockWeights",
    "format_weight",
    "parse_block_weights",
    "parse_blocks",
    "parse_weight",
    "step_weight",
    "uniform",
    "unknown_block",
]
