"""Training on this machine with torch, diffusers and peft. Needs the `train` extra."""

from blockweight.train.local.latents import cached_latents
from blockweight.train.local.loop import Run, Seen
from blockweight.train.local.trainee import Trainee, load_trainee

__all__ = ["Run", "Seen", "Trainee", "cached_latents", "load_trainee"]
