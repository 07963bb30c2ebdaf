"""Blockweight: find out what each block of a LoRA does, tune its block weights, and bake them in."""

__version__ = "0.1.0"
