"""What to render: scenes, variants, jobs, rounds and analyses; and what infotexts say of them. Nothing here renders or
measures."""

from blockweight.plan.analyses import BlockAnalysis, plan_block_analysis
from blockweight.plan.infotext import Infotext, quote_setting, read_infotext
from blockweight.plan.infotext_scene import Note, SceneSettings, scene_settings
from blockweight.plan.prompts import Span, SubPrompt, read_negative, read_prompt
from blockweight.plan.rounds import SERIES, Round, RoundVariant, plan_round
from blockweight.plan.scenes import Checkpoint, Embedding, Job, LoraUse, Scene, Variant

__all__ = [
    "SERIES",
    "BlockAnalysis",
    "Checkpoint",
    "Embedding",
    "Infotext",
    "Job",
    "LoraUse",
    "Note",
    "Round",
    "RoundVariant",
    "Scene",
    "SceneSettings",
    "Span",
    "SubPrompt",
    "Variant",
    "plan_block_analysis",
    "plan_round",
    "quote_setting",
    "read_infotext",
    "read_negative",
    "read_prompt",
    "scene_settings",
]
