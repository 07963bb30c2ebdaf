"""The local renderer, loaded only by the commands that render."""

from __future__ import annotations

from blockweight.errors import BlockweightError
from blockweight.render import Renderer


def local_renderer() -> Renderer:
    """The renderer on this machine; BlockweightError if the `local` extra is not installed."""
    try:
        from blockweight.render.local import LocalRenderer  # noqa: PLC0415 - torch takes seconds to import
    except ImportError as error:
        raise BlockweightError(
            f"Rendering on this machine needs torch, diffusers and transformers ({error}); "
            'install them with: pip install "blockweight[local]"'
        ) from error
    return LocalRenderer()
