"""The local renderer: torch and diffusers, live block weights. Needs the `local` extra."""

from blockweight.render.local.architectures import SD1_CONFIG
from blockweight.render.local.live import LiveLora
from blockweight.render.local.models import load_pipeline, pick_device
from blockweight.render.local.renderer import LocalRenderer

__all__ = ["SD1_CONFIG", "LiveLora", "LocalRenderer", "load_pipeline", "pick_device"]
