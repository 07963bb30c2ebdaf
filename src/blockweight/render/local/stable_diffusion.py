"""Stable Diffusion 1.x: diffusers' models, and samplers, prompts and noise as the WebUI has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from blockweight.plan import Job, Scene
from blockweight.render.local.checks import check_size
from blockweight.render.local.conditioning import directions
from blockweight.render.local.decoding import decoded
from blockweight.render.local.drawing import Predict, asks_of, draw
from blockweight.render.local.engine import Stepped
from blockweight.render.local.live import LiveLora
from blockweight.render.local.models import COMPONENTS
from blockweight.render.local.texts import TextEmbeddings


class StableDiffusion:
    """The engine of a StableDiffusionPipeline as `load_pipeline` gives it."""

    families = ("sd1",)
    names = ()

    def __init__(self, pipeline: Any, device: torch.device) -> None:
        self.pipeline = pipeline
        self._device = device
        self._texts = TextEmbeddings()

    @property
    def components(self) -> Mapping[str, nn.Module]:
        """The UNet and the text encoder."""
        return {name: getattr(self.pipeline, name) for name in COMPONENTS}

    def check(self, scene: Scene) -> None:
        """Refuse sizes that the model cannot draw, and embeddings for other models."""
        check_size(scene, self.pipeline)
        self._texts.check(self.pipeline, scene)

    def rows(self, scene: Scene) -> int:
        """A row for every prompt that AND composes, and for the negative one if it plays a part."""
        return directions(scene)

    def draw(self, jobs: Sequence[Job], live: LiveLora | None, stepped: Stepped) -> Tensor:
        """Decoded pictures, (N, 3, H, W) around −1 to 1, fp32."""
        return self.decode(jobs, self._denoise(jobs, live, stepped))

    def decode(self, _jobs: Sequence[Job], latents: Tensor) -> Tensor:
        """Latents (N, C, h, w) to pictures (N, 3, H, W)."""
        return decoded(self.pipeline.vae, latents)

    def _denoise(self, jobs: Sequence[Job], live: LiveLora | None, stepped: Stepped) -> Tensor:
        """Latents of the finished pictures, (N, C, h, w), fp32: the UNet may calculate in half precision, the sampler
        does not."""
        scene, unet = jobs[0].scene, self.pipeline.unet
        guided = directions(scene) > 1
        scenes = [job.scene for job in jobs]
        done = 0

        def ask(times: int) -> Predict:
            """The model for a pass that asks it so often: prompts may change on the way."""
            conditioning = self._texts.conditioning(self.pipeline, jobs, live, times, guided=guided)
            if live is not None:
                live.set_samples([jobs[sample].variant for sample in conditioning.samples], jobs[0].lora.strength)
            asked = 0

            def predict(latents: Tensor, timestep: Tensor | float) -> Tensor:
                nonlocal asked, done
                context, there = conditioning.at(min(asked, times - 1))
                step = torch.as_tensor(timestep, device=self._device)
                rows = latents.to(unet.dtype)[conditioning.samples]
                predicted = unet(rows, step, encoder_hidden_states=context, encoder_attention_mask=there).sample
                asked, done = asked + 1, done + 1
                stepped(done, max(done, asks))
                return conditioning.guide(predicted.float(), scene.cfg_scale)

            return predict

        asks = asks_of(scene)
        return draw(scenes, self.pipeline, ask, self._device)
