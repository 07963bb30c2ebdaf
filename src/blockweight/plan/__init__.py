"""What to render: scenes, variants, jobs, rounds and analyses. Nothing here renders or measures."""

from blockweight.plan.analyses import BlockAnalysis, plan_block_analysis
from blockweight.plan.rounds import SERIES, Round, RoundVariant, plan_round
from blockweight.plan.scenes import Checkpoint, Job, LoraUse, Scene, Variant

__all__ = [
    "SERIES",
    "BlockAnalysis",
    "Checkpoint",
    "Job",
    "LoraUse",
    "Round",
    "RoundVariant",
    "Scene",
    "Variant",
    "plan_block_analysis",
    "plan_round",
]
