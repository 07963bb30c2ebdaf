"""LoRA files: reading them strictly, writing them whole or not at all, and what can be done to the weights in them."""

from blockweight.lora.algebra import Change, Factors
from blockweight.lora.bake import BakeReport, bake
from blockweight.lora.bake_blocks import BlockPart, plan_blocks
from blockweight.lora.bake_plan import ALPHA_READERS, BlockRefusedError, ModulePlan, Recipe, plan_bake
from blockweight.lora.checkpoint_merge import CheckpointReport, changed_count, merge_into_checkpoint
from blockweight.lora.checkpoint_names import CheckpointFile, open_checkpoint
from blockweight.lora.conflicts import BlockConflict, conflicts
from blockweight.lora.convert import ConvertReport, convert_names
from blockweight.lora.create import write_lora
from blockweight.lora.dialects import Dialect
from blockweight.lora.estimate import Estimate, estimate_bake
from blockweight.lora.extract import Extracted, ExtractReport, extract, layer_count
from blockweight.lora.file import Lora, module_name, open_lora
from blockweight.lora.header import Header, TensorInfo, read_header
from blockweight.lora.health import Health
from blockweight.lora.inspect import LoraFacts, ModuleFacts, Part, inspect_lora
from blockweight.lora.layer_change import LayerChange, layer_change
from blockweight.lora.lint import Finding, findings_of
from blockweight.lora.merge import MergeReport, merge
from blockweight.lora.merge_check import MergedCheck
from blockweight.lora.merge_plan import PRECISIONS, MergePlan, plan_merge
from blockweight.lora.parents import resized
from blockweight.lora.pieces import Piece, piece_bytes, pieces_of
from blockweight.lora.provenance import Provenance, provenance_of
from blockweight.lora.shrink import RankRule
from blockweight.lora.spectrum import Spectrum
from blockweight.lora.split import SplitFile, split, split_names
from blockweight.lora.strength import Basis, Strength
from blockweight.lora.terms import Term, open_alike, same_layers
from blockweight.lora.training_settings import block_learning_rates, cover_images, description, training_settings
from blockweight.lora.unbake import UnbakeReport, unbake
from blockweight.lora.verify import BakeCheck, ModuleCheck, verify_baked

__all__ = [
    "ALPHA_READERS",
    "PRECISIONS",
    "BakeCheck",
    "BakeReport",
    "Basis",
    "BlockConflict",
    "BlockPart",
    "BlockRefusedError",
    "Change",
    "CheckpointFile",
    "CheckpointReport",
    "ConvertReport",
    "Dialect",
    "Estimate",
    "ExtractReport",
    "Extracted",
    "Factors",
    "Finding",
    "Header",
    "Health",
    "LayerChange",
    "Lora",
    "LoraFacts",
    "MergePlan",
    "MergeReport",
    "MergedCheck",
    "ModuleCheck",
    "ModuleFacts",
    "ModulePlan",
    "Part",
    "Piece",
    "Provenance",
    "RankRule",
    "Recipe",
    "Spectrum",
    "SplitFile",
    "Strength",
    "TensorInfo",
    "Term",
    "UnbakeReport",
    "bake",
    "block_learning_rates",
    "changed_count",
    "conflicts",
    "convert_names",
    "cover_images",
    "description",
    "estimate_bake",
    "extract",
    "findings_of",
    "inspect_lora",
    "layer_change",
    "layer_count",
    "merge",
    "merge_into_checkpoint",
    "module_name",
    "open_alike",
    "open_checkpoint",
    "open_lora",
    "piece_bytes",
    "pieces_of",
    "plan_bake",
    "plan_blocks",
    "plan_merge",
    "provenance_of",
    "read_header",
    "resized",
    "same_layers",
    "split",
    "split_names",
    "training_settings",
    "unbake",
    "verify_baked",
    "write_lora",
]
