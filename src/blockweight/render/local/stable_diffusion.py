"""Stable Diffusion 1.x, 2.x and XL: diffusers' models, and samplers, prompts and noise as the WebUI has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Job, Scene
from blockweight.render.local.architectures import architecture_of
from blockweight.render.local.checks import check_size
from blockweight.render.local.conditioning import directions
from blockweight.render.local.controls import ControlShelf, Guides
from blockweight.render.local.decoding import decoded
from blockweight.render.local.drawing import Pass, Predict, asks_of, draw, share_over
from blockweight.render.local.engine import Stepped
from blockweight.render.local.fitting import read_part
from blockweight.render.local.live import LiveLora
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

    def draw(self, jobs: Sequence[Job], live: LiveLora | None, stepped: Stepped) -> Tensor:
        """Decoded pictures, (N, 3, H, W) around −1 to 1, fp32."""
        self.pipeline.vae = self._vaes.take(jobs[0].scene.vae)
        return self.decode(jobs, self._denoise(jobs, live, stepped))

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

    def _denoise(self, jobs: Sequence[Job], live: LiveLora | None, stepped: Stepped) -> Tensor:
        """Latents of the finished pictures, (N, C, h, w), fp32: the UNet may calculate in half precision, the sampler
        does not."""
        scene, unet = jobs[0].scene, self.pipeline.unet
        guided = directions(scene) > 1
        scenes = [job.scene for job in jobs]
        guides, negatives = self._guides(scenes), len(jobs) if guided else 0
        done = 0

        def ask(way: Pass) -> Predict:
            """The model for a pass; prompts may change on the way."""
            conditioning = self._texts.conditioning(self.pipeline, jobs, live, way.asks, way.over, guided=guided)
            if live is not None:
                live.set_samples([jobs[sample].variant for sample in conditioning.samples], jobs[0].lora.strength)
            asked = 0

            def predict(latents: Tensor, timestep: Tensor | float) -> Tensor:
                nonlocal asked, done
                turn = min(asked, way.asks - 1)
                context, there = conditioning.at(turn)
                told = _told(conditioning.pooled(turn), way.size)
                step = torch.as_tensor(timestep, device=self._device)
                rows = latents.to(unet.dtype)[conditioning.samples]
                share = share_over(scene, asked, way.taken)
                added = guides.added(rows, step, context, there, share, negatives, told or {})
                predicted = unet(
                    rows,
                    step,
                    encoder_hidden_states=context,
                    encoder_attention_mask=there,
                    added_cond_kwargs=told,
                    **added,
                ).sample
                asked, done = asked + 1, done + 1
                stepped(done, max(done, asks))
                guided = conditioning.guide(predicted.float(), scene.cfg_scale)
                self._seen(guided)
                return guided

            return predict

        asks = asks_of(scene)
        return draw(scenes, self.pipeline, ask, self._device)

    def _guides(self, scenes: Sequence[Scene]) -> Guides:
        """The ControlNets of a batch."""
        controls = scenes[0].controls
        return Guides(controls, self._controls.take(controls), self.pipeline.vae_scale_factor)


def _unseen(_predicted: Tensor) -> None:
    """Nobody wants to know."""


def _told(pooled: Tensor | None, size: tuple[int, int]) -> dict[str, Tensor] | None:
    """What SDXL's UNet is told beside the prompt: the pooled prompts, (rows, width), and for each the size that the
    picture was drawn in, where it was cropped, and its size since. As in the WebUI both sizes are those of the pass,
    and nothing is cropped (`get_learned_conditioning` of its `modules/sd_models_xl.py`)."""
    if pooled is None:
        return None
    width, height = size
    sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32, device=pooled.device)
    return {"text_embeds": pooled, "time_ids": sizes.expand(len(pooled), -1)}
