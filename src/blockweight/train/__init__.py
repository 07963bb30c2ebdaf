"""Arguments for LoRA trainers: block weights as learning rates per block, and back."""

from blockweight.train.read_back import ReadBack, read_back
from blockweight.train.trainers import TRAINERS, Trainer, trainer_by_name
from blockweight.train.training import TEXT_BLOCKS, Arguments, BlockFate, Fate, Training
from blockweight.train.unet_modules import UnetModule, modules_by_block, unet_modules

__all__ = [
    "TEXT_BLOCKS",
    "TRAINERS",
    "Arguments",
    "BlockFate",
    "Fate",
    "ReadBack",
    "Trainer",
    "Training",
    "UnetModule",
    "modules_by_block",
    "read_back",
    "trainer_by_name",
    "unet_modules",
]
