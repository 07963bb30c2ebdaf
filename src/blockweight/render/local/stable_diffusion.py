"""Stable Diffusion 1.x, 2.x and XL: diffusers' models, and samplers, prompts and noise as the WebUI has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Job, Scene
from blockweight.render.fitting import read_part
from blockweight.render.local.architectures import architecture_of
from blockweight.render.local.asked import Asked
from blockweight.render.local.checks import check_size
from blockweight.render.local.conditioning import directions
from blockweight.render.local.controls import ControlShelf, Guides
from blockweight.render.local.decoding import decoded
from blockweight.render.local.drawing import Pass, Predict, asks_of, draw, trained_of
from blockweight.render.local.engine import Reached, Seen, Stepped, Visit
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.sampling import Model
from blockweight.render.local.texts import TextEmbeddings
from blockweight.render.local.vaes import Vaes


class StableDiffusion:
    """The engine of a pipeline as `load_pipeline` gives it."""

    names = ()

    def __init__(self, pipeline: Any, device: torch.device) -> None:
        self.pipeline = pipeline
        self._kind = architecture_of(pipeline)
        self._device = device
        self._texts = TextEmbeddings()
        self._vaes = Vaes(pipeline.vae)
        self._controls = ControlShelf(pipeline.unet)
        self._seen: Callable[[Tensor], None] = _unseen

    @property
    def families(self) -> tuple[str, ...]:
        """The families of block weights that fit the model."""
        return self._kind.families

    @property
    def dtype(self) -> torch.dtype:
        """The UNet's."""
        found: torch.dtype = self.pipeline.unet.dtype
        return found

    @property
    def components(self) -> Mapping[str, nn.Module]:
        """The UNet and the text encoders."""
        return {name: getattr(self.pipeline, name) for name in self._kind.components}

    def check(self, scene: Scene) -> None:
        """Refuse sizes that the model cannot draw, and embeddings, VAEs and ControlNets for other models."""
        check_size(scene, self.pipeline)
        if scene.guidance is not None:
            raise BlockweightError(
                f"The scene {quoted(scene.label)} has a distilled CFG scale, which Stable Diffusion has not; leave it "
                "out and use the CFG scale."
            )
        self._texts.check(self.pipeline, scene)
        self._vaes.take(scene.vae)
        self._guides([scene])
        if scene.start is not None:
            read_part(scene.start.picture)

    def draw(self, jobs: Sequence[Job], loras: LiveLoras, stepped: Stepped) -> Tensor:
        """Decoded pictures, (N, 3, H, W) around −1 to 1, fp32."""
        self.pipeline.vae = self._vaes.take(jobs[0].scene.vae)
        return self.decode(jobs, self._denoise(jobs, loras, stepped))

    @contextmanager
    def texts_anew(self) -> Iterator[None]:
        """No prompt that was read before counts in here, and what is read is forgotten after."""
        kept, self._texts = self._texts, TextEmbeddings()
        try:
            yield
        finally:
            self._texts = kept

    @contextmanager
    def seeing(self, seen: Callable[[Tensor], None]) -> Iterator[None]:
        """Give `seen` every guided prediction, (N, C, h, w), fp32."""
        self._seen = seen
        try:
            yield
        finally:
            self._seen = _unseen

    def decode(self, _jobs: Sequence[Job], latents: Tensor) -> Tensor:
        """Latents (N, C, h, w) to pictures (N, 3, H, W)."""
        return decoded(self.pipeline.vae, latents)

    def noise_levels(self, job: Job, _loras: LiveLoras) -> list[float]:
        """By going the way with a model that sees nothing, which costs nothing."""
        self.pipeline.vae = self._vaes.take(job.scene.vae)
        trained, found = trained_of(self.pipeline), list[float]()

        def ask(_way: Pass) -> Predict:
            if found:
                raise Reached  # the second pass

            def predict(latents: Tensor, timestep: Tensor | float) -> Tensor:
                found.append(trained.sigma_of(float(timestep)))
                return torch.zeros_like(latents)

            return predict

        with suppress(Reached):
            draw([job.scene], self.pipeline, ask, self._device)
        return found

    def walk(self, job: Job, loras: LiveLoras, steps: Sequence[int], visit: Visit, went: Callable[[int], None]) -> None:
        """The sampler's way; at each step the model is asked for the source once more, so that the way itself does not
        depend on who looks."""
        self.pipeline.vae = self._vaes.take(job.scene.vae)
        guides, trained = self._guides([job.scene]), trained_of(self.pipeline)
        kind = self.pipeline.scheduler.config.get("prediction_type", "epsilon")

        def ask(way: Pass) -> Predict:
            source = self._asked([job], loras, way, guides)
            asked = 0

            def predict(latents: Tensor, timestep: Tensor | float) -> Tensor:
                nonlocal asked
                now, asked = asked, asked + 1

                def look(jobs: Sequence[Job], decode: bool) -> Seen:
                    model = self._asked(jobs, loras, way, guides)
                    shown = latents.expand(len(jobs), -1, -1, -1)
                    sigma = trained.sigma_of(float(timestep))
                    seen = Model(lambda *_: model(shown, timestep, now), trained, kind)
                    x0 = seen.denoise(shown * math.sqrt(sigma**2 + 1), sigma)
                    return Seen(x0, self.decode(jobs, x0) if decode else None, model.rows)

                if now in steps:
                    visit(now, look)
                    source.settle()
                if now == steps[-1]:
                    raise Reached
                found = source(latents, timestep, now)
                went(source.rows)
                return found

            return predict

        with suppress(Reached):
            draw([job.scene], self.pipeline, ask, self._device)

    def together(self, _jobs: Sequence[Job], _loras: LiveLoras) -> bool:
        """Every layer sees the samples row by row."""
        return True

    def _denoise(self, jobs: Sequence[Job], loras: LiveLoras, stepped: Stepped) -> Tensor:
        """Latents of the finished pictures, (N, C, h, w), fp32: the UNet may calculate in half precision, the sampler
        does not."""
        scenes = [job.scene for job in jobs]
        guides, asks = self._guides(scenes), asks_of(scenes[0])
        done = 0

        def ask(way: Pass) -> Predict:
            model = self._asked(jobs, loras, way, guides)
            asked = 0

            def predict(latents: Tensor, timestep: Tensor | float) -> Tensor:
                nonlocal asked, done
                found = model(latents, timestep, asked)
                asked, done = asked + 1, done + 1
                stepped(done, max(done, asks))
                self._seen(found)
                return found

            return predict

        return draw(scenes, self.pipeline, ask, self._device)

    def _asked(self, jobs: Sequence[Job], loras: LiveLoras, way: Pass, guides: Guides) -> Asked:
        """The model for a pass; prompts may change on the way."""
        guided = directions(jobs[0].scene) > 1
        conditioning = self._texts.conditioning(self.pipeline, jobs, loras, way.asks, way.over, guided=guided)
        asked = Asked(self.pipeline.unet, jobs, loras, way, conditioning, guides, len(jobs) if guided else 0)
        asked.settle()
        return asked

    def _guides(self, scenes: Sequence[Scene]) -> Guides:
        """The ControlNets of a batch."""
        controls = scenes[0].controls
        return Guides(controls, self._controls.take(controls), self.pipeline.vae_scale_factor)


def _unseen(_predicted: Tensor) -> None:
    """Nobody wants to know."""
