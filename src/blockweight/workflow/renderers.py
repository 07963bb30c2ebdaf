"""The renderers that a person can choose, each loaded only when it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError

if TYPE_CHECKING:
    from blockweight.render import Renderer


def local_renderer() -> Renderer:
    """The renderer on this machine; BlockweightError if the `local` extra is not installed."""
    try:
        from blockweight.render.local import LocalRenderer  # noqa: PLC0415 - torch takes seconds to import
    except (ImportError, OSError) as error:  # OSError: torch is there, but one of its libraries cannot be loaded
        raise BlockweightError(
            f"Rendering on this machine needs torch, diffusers and transformers ({error}); "
            'install them with: pip install "blockweight[local]"'
        ) from error
    return LocalRenderer()
