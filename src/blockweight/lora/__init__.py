"""LoRA files: reading them strictly, writing them whole or not at all, and baking block weights into them."""

from blockweight.lora.bake import BakeReport, bake
from blockweight.lora.bake_plan import ALPHA_READERS, ModulePlan, Recipe, plan_bake
from blockweight.lora.create import write_lora
from blockweight.lora.estimate import Estimate, estimate_bake
from blockweight.lora.factors import Factors
from blockweight.lora.file import Lora, module_name, open_lora
from blockweight.lora.header import Header, TensorInfo, read_header
from blockweight.lora.health import Health
from blockweight.lora.inspect import LoraFacts, ModuleFacts, Part, inspect_lora
from blockweight.lora.lint import Finding, findings_of
from blockweight.lora.provenance import Provenance, provenance_of
from blockweight.lora.spectrum import Spectrum
from blockweight.lora.strength import Basis, Strength
from blockweight.lora.training_settings import block_learning_rates, cover_images, description, training_settings
from blockweight.lora.unbake import UnbakeReport, unbake
from blockweight.lora.verify import BakeCheck, ModuleCheck, verify_baked

__all__ = [
    "ALPHA_READERS",
    "BakeCheck",
    "BakeReport",
    "Basis",
    "Estimate",
    "Factors",
    "Finding",
    "Header",
    "Health",
    "Lora",
    "LoraFacts",
    "ModuleCheck",
    "ModuleFacts",
    "ModulePlan",
    "Part",
    "Provenance",
    "Recipe",
    "Spectrum",
    "Strength",
    "TensorInfo",
    "UnbakeReport",
    "bake",
    "block_learning_rates",
    "cover_images",
    "description",
    "estimate_bake",
    "findings_of",
    "inspect_lora",
    "module_name",
    "open_lora",
    "plan_bake",
    "provenance_of",
    "read_header",
    "training_settings",
    "unbake",
    "verify_baked",
    "write_lora",
]
