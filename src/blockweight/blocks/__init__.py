"""Families, layouts, and the one map from a LoRA key to its module and block. Standard library only."""

from blockweight.blocks.detect import detect_family, recognises
from blockweight.blocks.dialects import DIALECTS, dialect_of
from blockweight.blocks.explain import KeyMeaning, explain_keys
from blockweight.blocks.family import Family, Rule
from blockweight.blocks.keys import DENOISERS, TEXT_ENCODERS, Module, TensorKey, module_of, parse_key, parse_name
from blockweight.blocks.layout import INSPIRE, REST, Layout, canonical_block, series_and_number
from blockweight.blocks.registry import (
    FAMILIES,
    all_layouts,
    family_by_name,
    layout_by_name,
    layouts_of_length,
    standard_blocks,
)

__all__ = [
    "DENOISERS",
    "DIALECTS",
    "FAMILIES",
    "INSPIRE",
    "REST",
    "TEXT_ENCODERS",
    "Family",
    "KeyMeaning",
    "Layout",
    "Module",
    "Rule",
    "TensorKey",
    "all_layouts",
    "canonical_block",
    "detect_family",
    "dialect_of",
    "explain_keys",
    "family_by_name",
    "layout_by_name",
    "layouts_of_length",
    "module_of",
    "parse_key",
    "parse_name",
    "recognises",
    "series_and_number",
    "standard_blocks",
]
