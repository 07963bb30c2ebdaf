"""What to render: scenes, variants, jobs, rounds and analyses; and what infotexts say of them. Nothing here renders or
measures."""

from blockweight.plan.analyses import BlockAnalysis, plan_block_analysis
from blockweight.plan.bisection import Bisection, Group, group_name, halves, plan_bisection
from blockweight.plan.comfyui_prompt import ComfyLora, ComfyPicture, read_comfyui, workflow_nodes
from blockweight.plan.designs import MOST_FACTORS, Signs, folded, two_level_design
from blockweight.plan.hires import (
    LATENT_UPSCALERS,
    MOST_PIXELS,
    PIXEL_UPSCALERS,
    PIXELS_PER_LATENT,
    UPSCALERS,
    Hires,
    HiresSize,
    hires_size,
    picture_size,
)
from blockweight.plan.infotext import Infotext, quote_setting, read_infotext
from blockweight.plan.infotext_decided import NEGATIVE_PLACE, PROMPT_PLACE, decided_of
from blockweight.plan.infotext_loras import Extras, TaggedLora, TaggedLoras, tagged_loras
from blockweight.plan.infotext_parts import ControlSettings, PartsSettings
from blockweight.plan.infotext_sampling import SamplingSettings
from blockweight.plan.infotext_scene import SceneSettings, scene_settings
from blockweight.plan.infotext_writing import GRID_SCRIPT, OURS, file_title, grid_infotext, infotext_of
from blockweight.plan.notes import Note
from blockweight.plan.pairs import Pair, PairAnalysis, plan_pairs
from blockweight.plan.parts import CONTROL_MODES, RESIZE_MODES, Control, Held, Part, Start
from blockweight.plan.previews import preview_of
from blockweight.plan.prompt_swaps import swapped
from blockweight.plan.prompts import Span, SubPrompt, read_negative, read_prompt
from blockweight.plan.rounds import SERIES, Round, RoundVariant, plan_round
from blockweight.plan.samplers import AUTOMATIC, SAMPLERS, SCHEDULES, read_sampler
from blockweight.plan.scenes import (
    NOISE_SOURCES,
    SERVER_MODEL,
    Checkpoint,
    Embedding,
    Job,
    LoraUse,
    OtherLora,
    Scene,
    Variant,
)
from blockweight.plan.screening import Screening, plan_screening
from blockweight.plan.sizes import check_sides
from blockweight.plan.turns import taking_turns
from blockweight.plan.value_lists import MOST_VALUES, join_values, split_numbers, split_values

__all__ = [
    "AUTOMATIC",
    "CONTROL_MODES",
    "GRID_SCRIPT",
    "LATENT_UPSCALERS",
    "MOST_FACTORS",
    "MOST_PIXELS",
    "MOST_VALUES",
    "NEGATIVE_PLACE",
    "NOISE_SOURCES",
    "OURS",
    "PIXELS_PER_LATENT",
    "PIXEL_UPSCALERS",
    "PROMPT_PLACE",
    "RESIZE_MODES",
    "SAMPLERS",
    "SCHEDULES",
    "SERIES",
    "SERVER_MODEL",
    "UPSCALERS",
    "Bisection",
    "BlockAnalysis",
    "Checkpoint",
    "ComfyLora",
    "ComfyPicture",
    "Control",
    "ControlSettings",
    "Embedding",
    "Extras",
    "Group",
    "Held",
    "Hires",
    "HiresSize",
    "Infotext",
    "Job",
    "LoraUse",
    "Note",
    "OtherLora",
    "Pair",
    "PairAnalysis",
    "Part",
    "PartsSettings",
    "Round",
    "RoundVariant",
    "SamplingSettings",
    "Scene",
    "SceneSettings",
    "Screening",
    "Signs",
    "Span",
    "Start",
    "SubPrompt",
    "TaggedLora",
    "TaggedLoras",
    "Variant",
    "check_sides",
    "decided_of",
    "file_title",
    "folded",
    "grid_infotext",
    "group_name",
    "halves",
    "hires_size",
    "infotext_of",
    "join_values",
    "picture_size",
    "plan_bisection",
    "plan_block_analysis",
    "plan_pairs",
    "plan_round",
    "plan_screening",
    "preview_of",
    "quote_setting",
    "read_comfyui",
    "read_infotext",
    "read_negative",
    "read_prompt",
    "read_sampler",
    "scene_settings",
    "split_numbers",
    "split_values",
    "swapped",
    "tagged_loras",
    "taking_turns",
    "two_level_design",
    "workflow_nodes",
]
