"""Block weights: reading, writing and converting them."""

from blockweight.weights.block_weights import (
    BlockWeights,
    parse_block_weights,
    parse_blocks,
    parse_values,
    split_weights,
    uniform,
    unknown_block,
)
from blockweight.weights.convert import Converted, convert
from blockweight.weights.lr_weights import LrWeights, lr_weights
from blockweight.weights.numbers import format_weight, parse_weight, step_weight

__all__ = [
    "BlockWeights",
    "Converted",
    "LrWeights",
    "convert",
    "format_weight",
    "lr_weights",
    "parse_block_weights",
    "parse_blocks",
    "parse_values",
    "parse_weight",
    "split_weights",
    "step_weight",
    "uniform",
    "unknown_block",
]
