"""What to render: scenes, variants, jobs, rounds and analyses; and what infotexts say of them. Nothing here renders or
measures."""

from blockweight.plan.analyses import BlockAnalysis, plan_block_analysis
from blockweight.plan.infotext import Infotext, quote_setting, read_infotext
from blockweight.plan.infotext_scene import Note, SceneSettings, scene_settings
from blockweight.plan.rounds import SERIES, Round, RoundVariant, plan_round
from blockweight.plan.scenes import Checkpoint, Job, LoraUse, Scene, Variant

__all__ = [
    "SERIES",
    "BlockAnalysis",
    "Checkpoint",
    "Infotext",
    "Job",
    "LoraUse",
    "Note",
    "Round",
    "RoundVariant",
    "Scene",
    "SceneSettings",
    "Variant",
    "plan_block_analysis",
    "plan_round",
    "quote_setting",
    "read_infotext",
    "scene_settings",
]
