"""The local renderer: torch and diffusers, live block weights. Needs the `local` extra."""

from blockweight.render.local.live import LiveLora
from blockweight.render.local.models import SD1_CONFIG, load_pipeline, pick_device
from blockweight.render.local.renderer import LocalRenderer
from blockweight.render.samplers import SAMPLERS

__all__ = ["SAMPLERS", "SD1_CONFIG", "LiveLora", "LocalRenderer", "load_pipeline", "pick_device"]
