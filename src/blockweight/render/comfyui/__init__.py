"""Rendering through a ComfyUI on any machine, with its core nodes alone. Needs the `remote` extra."""

from blockweight.render.comfyui.models import server_checkpoint
from blockweight.render.comfyui.renderer import ComfyuiRenderer

__all__ = ["ComfyuiRenderer", "server_checkpoint"]
