"""The renderers that a person can choose, each loaded only when it is wanted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError, quoted

if TYPE_CHECKING:
    from blockweight.render import Renderer


_NAME = re.compile(r"local|fake(:\d{1,3}(\.\d{1,3})?)?", re.ASCII)


AT_ONCE = 6
"""The most pictures that a renderer which somebody watches makes at once: they appear sooner, and a pause waits for
fewer, at little loss (small pictures go faster in larger batches)."""


def renderer_named(name: str) -> Renderer:
    """The renderer of this name, for somebody who watches: `local` for this machine, or `fake` for stripes instead of
    pictures, at once and without a model (`fake:0.1` takes 0.1 s for each), to try what is around the rendering.
    BlockweightError for another name."""
    check_renderer(name)
    if name == "local":
        return local_renderer(AT_ONCE)
    from blockweight.render.fake import FakeRenderer  # noqa: PLC0415 - numpy is not needed to read --help

    return FakeRenderer(float(name.partition(":")[2] or 0))


def check_renderer(name: str) -> None:
    """BlockweightError for a name that `renderer_named` does not know."""
    if not _NAME.fullmatch(name):
        raise BlockweightError(
            f"There is no renderer {quoted(name)}; use local, or fake to try the pages without a model."
        )


def local_renderer(largest: int | None = None) -> Renderer:
    """The renderer on this machine, with at most `largest` pictures at once (None: as many as it likes).
    BlockweightError if the `local` extra is not installed."""
    try:
        from blockweight.render.local import LocalRenderer  # noqa: PLC0415 - torch takes seconds to import
    except (ImportError, OSError) as error:  # OSError: torch is there, but one of its libraries cannot be loaded
        raise BlockweightError(
            f"Rendering on this machine needs torch, diffusers and transformers ({error}); "
            'install them with: pip install "blockweight[local]"'
        ) from error
    return LocalRenderer() if largest is None else LocalRenderer(largest=largest)
