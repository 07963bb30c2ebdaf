"""A WebUI with one model and one LoRA, and jobs for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from contract_server import Webui, served

from blockweight.lora import open_lora, write_lora
from blockweight.plan import Checkpoint, LoraUse, Scene
from blockweight.render import Rendering, identify_checkpoint
from blockweight.render.remote import Server, read_addresses
from blockweight.render.webui import WebuiRenderer
from workshop import FULL, job, weights_of, write_lora_file

BLOCKS = ("BASE", "IN01", "IN04", "M00", "OUT03", "OUT11")


@dataclass
class Place:
    """A person's folder beside a WebUI: `own` holds the LoRA, `loras` is the WebUI's folder."""

    root: Path
    own: Path
    loras: Path
    lora: LoraUse
    scene: Scene
    models: dict[str, str]

    @contextmanager
    def site(self, lends: bool = False, wears: bool = True, **options: object) -> Iterator[tuple[Webui, WebuiRenderer]]:
        """A WebUI and its renderer, which lends files if `lends`; the WebUI has the LoRA itself if it `wears` it."""
        if wears:
            (self.loras / "hero.safetensors").write_bytes(Path(self.lora.path).read_bytes())
        with served(Webui(self.loras, self.models, **options)) as webui:
            yield webui, self.renderer(webui, lends)

    def renderer(self, webui: Webui, lends: bool = False, longest: float = 60) -> WebuiRenderer:
        query = f"?loras={self.loras}" if lends else ""
        (address,) = read_addresses(f"webui+{webui.url}{query}")
        return WebuiRenderer(address, Server(address, None, (0, 0), lambda _seconds: None, longest))

    def job(self, weights: str | float | None = None, scene: Scene | None = None, **use: object):
        """A job with 26 weights, or one for all of them."""
        made = job(None, scene or self.scene, replace(self.lora, **use))
        if weights is None:
            return made
        values = weights_of(weights if isinstance(weights, str) else ",".join([str(weights)] * len(FULL)))
        return replace(made, variant=replace(made.variant, weights=values))


MIXED = "1,1,0.5,0,1,0.25,0,0,0,0,0,0,0,0.5,0,0,0,-1,0,0,0,0,0,0,0,2"
"""In 26 blocks."""


def place_in(root: Path) -> Place:
    own, loras = root / "own", root / "loras"
    own.mkdir()
    loras.mkdir()
    file = write_lora_file(own / "hero.safetensors", BLOCKS)
    model = own / "anime.safetensors"
    write_lora(model, {"model.diffusion_model.x": np.zeros(2, np.float32)}, {})
    sha = hashlib.sha256(model.read_bytes()).hexdigest()
    checkpoint: Checkpoint = identify_checkpoint(model)
    scene = replace(
        job().scene, checkpoint=checkpoint, sampler="DPM++ 2M", scheduler="Karras", width=64, height=64, steps=3
    )
    lora = LoraUse(str(file), open_lora(file).digest)
    return Place(root, own, loras, lora, scene, {"other": "0" * 64, "anime": sha})


def rendered(renderer: WebuiRenderer, *jobs, **options) -> list[Rendering]:
    return list(renderer.render(jobs, **options))


def far(one: np.ndarray, other: np.ndarray) -> int:
    """The largest difference, in levels."""
    return int(np.abs(one.astype(int) - other).max())
