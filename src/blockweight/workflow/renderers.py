"""The renderers that a person can choose, each loaded only when it is wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError, quoted
from blockweight.workflow.settings import DEVICES, PRECISIONS, load_settings

if TYPE_CHECKING:
    from blockweight.render import Renderer


_NAME = re.compile(
    rf"local(:(?P<device>{'|'.join(DEVICES)}))?(:(?P<precision>{'|'.join(PRECISIONS)}))?"
    r"|fake(:(?P<seconds>\d{1,3}(\.\d{1,3})?))?",
    re.ASCII,
)


AT_ONCE = 6
"""The most pictures that a renderer which somebody watches makes at once: they appear sooner, and a pause waits for
fewer, at little loss (small pictures go faster in larger batches)."""


def renderer_named(name: str) -> Renderer:
    """The renderer of this name, for somebody who watches: `local` for this machine, by the best device that it has, or
    by another one (`local:cpu`, any of DEVICES), in its usual precision or another one (`local:cuda:bf16`, any of
    PRECISIONS), or `fake` for stripes instead of pictures, at once and without a model (`fake:0.1` takes 0.1 s for
    each), to try what is around the rendering. BlockweightError for another name, and a device that the machine
    lacks."""
    found = check_renderer(name)
    if name.startswith("local"):
        return local_renderer(AT_ONCE, found["device"] or "", found["precision"] or "")
    from blockweight.render.fake import FakeRenderer  # noqa: PLC0415 - numpy is not needed to read --help

    return FakeRenderer(float(found["seconds"] or 0))


def check_renderer(name: str) -> Mapping[str, str | None]:
    """What a name of `renderer_named` says. BlockweightError for another name."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise BlockweightError(
            f"There is no renderer {quoted(name)}; use local, local:cpu, local:cuda or local:mps, with :fp16, :bf16 or "
            ":fp32 behind it for another precision, or fake to try the pages without a model."
        )
    return found.groupdict()


def chosen_renderer() -> str:
    """The name of the renderer that the settings choose. BlockweightError for settings that cannot be read."""
    settings = load_settings()
    return ":".join(["local", *filter(None, (settings.device, settings.precision))])


def local_renderer(largest: int | None = None, device: str | None = None, precision: str | None = None) -> Renderer:
    """The renderer on this machine, with at most `largest` pictures at once (None: as many as it likes), by `device`:
    one of DEVICES, empty for the best that there is, in `precision`: one of PRECISIONS, empty for the device's usual;
    None for what the settings say. BlockweightError if the `local` extra is not installed, and for a device that the
    machine lacks."""
    wanted = load_settings().device if device is None else device
    numbers = load_settings().precision if precision is None else precision
    try:
        import torch  # noqa: PLC0415 - takes seconds to import

        from blockweight.render.local import LocalRenderer  # noqa: PLC0415
    except (ImportError, OSError) as error:  # OSError: torch is there, but one of its libraries cannot be loaded
        raise BlockweightError(
            f"Rendering on this machine needs torch, diffusers and transformers ({error}); "
            'install them with: pip install "blockweight[local]"'
        ) from error
    lacks = {"cuda": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
    if lacks.get(wanted):
        raise BlockweightError(
            f"This machine has no {DEVICES[wanted]} that its torch can use; choose another device in the settings."
        )
    place = torch.device(wanted) if wanted else None
    dtype = getattr(torch, PRECISIONS[numbers]) if numbers else None
    if largest is None:
        return LocalRenderer(place, dtype=dtype)
    return LocalRenderer(place, largest=largest, dtype=dtype)
