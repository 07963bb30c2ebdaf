"""The renderer that lets AUTOMATIC1111's WebUI, Forge or one of their relatives draw. Needs the `remote` extra."""

from blockweight.render.webui.discovery import Site, discover
from blockweight.render.webui.models import server_checkpoint
from blockweight.render.webui.renderer import WebuiRenderer

__all__ = ["Site", "WebuiRenderer", "discover", "server_checkpoint"]
