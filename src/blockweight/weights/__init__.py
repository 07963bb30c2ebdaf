"""Block weights: reading, writing and converting them."""

from blockweight.weights.arithmetic import PLACES, average, combined, complement, difference, interpolate
from blockweight.weights.block_expressions import parse_blocks
from blockweight.weights.block_weights import DEFAULT_NAME, BlockWeights, check_name, uniform, unknown_block
from blockweight.weights.convert import Converted, convert, convert_for
from blockweight.weights.default_presets import DEFAULT_PRESETS, default_preset, default_presets
from blockweight.weights.elemental import Elemental, is_elemental, parse_elemental
from blockweight.weights.hints import Hint, HintTable, shipped_hints
from blockweight.weights.levels import level_weights, parse_groups
from blockweight.weights.lr_weights import LrWeights, lr_weights
from blockweight.weights.notations.block_lr import BLOCK_ORDER, BlockRates, block_index, block_rates
from blockweight.weights.notations.pasted import Pasted, from_mapping, parse_pasted
from blockweight.weights.notations.table import display_width
from blockweight.weights.notations.tag import retag
from blockweight.weights.numbers import format_weight, parse_weight, plain_number, step_weight
from blockweight.weights.preset_book import Merged, PresetBook, merge_books, parse_book
from blockweight.weights.reading import Context, Reading, read_weights

__all__ = [
    "BLOCK_ORDER",
    "DEFAULT_NAME",
    "DEFAULT_PRESETS",
    "PLACES",
    "BlockRates",
    "BlockWeights",
    "Context",
    "Converted",
    "Elemental",
    "Hint",
    "HintTable",
    "LrWeights",
    "Merged",
    "Pasted",
    "PresetBook",
    "Reading",
    "average",
    "block_index",
    "block_rates",
    "check_name",
    "combined",
    "complement",
    "convert",
    "convert_for",
    "default_preset",
    "default_presets",
    "difference",
    "display_width",
    "format_weight",
    "from_mapping",
    "interpolate",
    "is_elemental",
    "level_weights",
    "lr_weights",
    "merge_books",
    "parse_blocks",
    "parse_book",
    "parse_elemental",
    "parse_groups",
    "parse_pasted",
    "parse_weight",
    "plain_number",
    "read_weights",
    "retag",
    "shipped_hints",
    "step_weight",
    "uniform",
    "unknown_block",
]
