"""Families, layouts, and the one map from a LoRA key to its module and block. Standard library only."""

from blockweight.blocks.family import REST, Family, Layout, Rule, canonical_block
from blockweight.blocks.keys import Module, TensorKey, module_of, parse_key
from blockweight.blocks.registry import FAMILIES, detect_family, family_by_name

__all__ = [
    "FAMILIES",
    "REST",
    "Family",
    "Layout",
    "Module",
    "Rule",
    "TensorKey",
    "canonical_block",
    "detect_family",
    "family_by_name",
    "module_of",
    "parse_key",
]
