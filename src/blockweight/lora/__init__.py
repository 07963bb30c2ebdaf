"""LoRA files: reading them strictly, writing them whole or not at all, and baking block weights into them."""

from blockweight.lora.bake import BakeReport, bake
from blockweight.lora.bake_plan import ALPHA_READERS, ModulePlan, Recipe, plan_bake
from blockweight.lora.create import write_lora
from blockweight.lora.estimate import Estimate, estimate_bake
from blockweight.lora.factors import Factors
from blockweight.lora.file import Lora, module_name, open_lora
from blockweight.lora.header import Header, TensorInfo, read_header
from blockweight.lora.provenance import Provenance, provenance_of
from blockweight.lora.unbake import UnbakeReport, unbake
from blockweight.lora.verify import BakeCheck, ModuleCheck, verify_baked

__all__ = [
    "ALPHA_READERS",
    "BakeCheck",
    "BakeReport",
    "Estimate",
    "Factors",
    "Header",
    "Lora",
    "ModuleCheck",
    "ModulePlan",
    "Provenance",
    "Recipe",
    "TensorInfo",
    "UnbakeReport",
    "bake",
    "estimate_bake",
    "module_name",
    "open_lora",
    "plan_bake",
    "provenance_of",
    "read_header",
    "unbake",
    "verify_baked",
    "write_lora",
]
