"""Block weights: reading, writing and converting them."""

from blockweight.weights.block_weights import BlockWeights, parse_block_weights, parse_blocks, uniform, unknown_block
from blockweight.weights.lr_weights import LrWeights, lr_weights
from blockweight.weights.numbers import format_weight, parse_weight, step_weight

__all__ = [
    "BlockWeights",
    "LrWeights",
    "format_weight",
    "lr_weights",
    "parse_block_weights",
    "parse_blocks",
    "parse_weight",
    "step_weight",
    "uniform",
    "unknown_block",
]
