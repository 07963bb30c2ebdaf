"""The local renderer: Stable Diffusion 1.x on this machine, many variants in one batch.

Every sample of a batch has its own seed, prompt and block weights; the only things they share are the model, the LoRA
file, the picture size, the sampler, its steps and the guidance.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.lora import Lora, open_lora
from blockweight.plan import Job, Variant
from blockweight.render.local.live import LiveLora, block_scale
from blockweight.render.local.models import COMPONENTS, load_pipeline, pick_device
from blockweight.render.local.samplers import check_sampler, make_scheduler
from blockweight.render.protocol import Capabilities, Picture, Rendering

PIXELS_PER_BATCH = 1024 * 1024
LARGEST_BATCH = 26


class LocalRenderer:
    """Renders with torch and diffusers on this machine. `batch` is the most jobs that go through the UNet at once;
    by default as many as make a megapixel, 26 at most."""

    def __init__(self, device: torch.device | None = None, batch: int | None = None) -> None:
        self.device = pick_device() if device is None else device
        self._batch = batch
        self._pipelines: dict[str, Any] = {}
        self._loras: dict[str, Lora] = {}
        self._attached: tuple[str, str, LiveLora] | None = None
        self._texts: dict[tuple[Hashable, ...], Tensor] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Stable Diffusion 1.x, with live block weights."""
        return Capabilities(families=("sd1",), batch=self._batch or LARGEST_BATCH)

    def check(self, jobs: Sequence[Job]) -> None:
        """Refuse unknown samplers, sizes that the model cannot draw, and LoRAs of other families or other models."""
        for job in jobs:
            check_sampler(job.scene.sampler)
            pipeline = self._pipeline(job)
            side = pipeline.vae_scale_factor * 2 ** (len(pipeline.unet.config.block_out_channels) - 1)
            if job.scene.width % side or job.scene.height % side or min(job.scene.width, job.scene.height) < side:
                raise BlockweightError(
                    f"A picture of {job.scene.width}×{job.scene.height} pixels cannot be drawn by this model; "
                    f"width and height must be multiples of {side}."
                )
            if job.variant.weights is not None:
                self._attach(job)

    def render(self, jobs: Sequence[Job], finished: Collection[str] = ()) -> Iterator[Rendering]:
        """Render in batches of jobs that share model, LoRA, size and sampler; a batch is left out if all its jobs are
        finished."""
        ordered = sorted(jobs, key=_shared)
        for _, group in groupby(ordered, key=_shared):
            same = list(group)
            scene = same[0].scene
            size = self._batch or max(1, min(LARGEST_BATCH, PIXELS_PER_BATCH // (scene.width * scene.height)))
            for start in range(0, len(same), size):
                batch = same[start : start + size]
                if any(job.key not in finished for job in batch):
                    yield from self._render_batch(batch)

    def _render_batch(self, jobs: Sequence[Job]) -> list[Rendering]:
        started = time.perf_counter()
        with torch.inference_mode():
            live = self._attach(next((job for job in jobs if job.variant.weights is not None), jobs[0]))
            pictures = self._decode(jobs, self._denoise(jobs, live))
        share = (time.perf_counter() - started) / len(jobs)
        return [Rendering(job, picture, share) for job, picture in zip(jobs, pictures, strict=True)]

    def _pipeline(self, job: Job) -> Any:
        checkpoint = job.scene.checkpoint
        if checkpoint.digest not in self._pipelines:
            self._pipelines[checkpoint.digest] = load_pipeline(Path(checkpoint.path), self.device)
        return self._pipelines[checkpoint.digest]

    def _attach(self, job: Job) -> LiveLora | None:
        """The job's LoRA on the job's model; None if the job has no LoRA and none is attached to this model."""
        checkpoint, lora = job.scene.checkpoint.digest, job.lora.digest
        if self._attached is not None and self._attached[:2] == (checkpoint, lora):
            return self._attached[2]
        if self._attached is not None:
            self._attached[2].detach()
            self._attached = None
        if job.variant.weights is None:
            return None
        if lora not in self._loras:
            self._loras[lora] = open_lora(Path(job.lora.path))
        pipeline = self._pipeline(job)
        live = LiveLora(self._loras[lora], {name: getattr(pipeline, name) for name in COMPONENTS})
        self._attached = (checkpoint, lora, live)
        return live

    def _denoise(self, jobs: Sequence[Job], live: LiveLora | None) -> Tensor:
        """Latents of the finished pictures, (N, C, h, w)."""
        pipeline, scene = self._pipeline(jobs[0]), jobs[0].scene
        scheduler = make_scheduler(scene.sampler, pipeline.scheduler.config)
        scheduler.set_timesteps(scene.steps, device=self.device)
        guided = scene.cfg_scale > 1
        context = self._contexts(jobs, live, guided)
        if live is not None:
            live.set_variants([job.variant for job in jobs], jobs[0].lora.strength)
        generators = [torch.Generator().manual_seed(job.scene.seed) for job in jobs]
        shape = (
            pipeline.unet.config.in_channels,
            *(side // pipeline.vae_scale_factor for side in (scene.height, scene.width)),
        )
        noise = torch.stack([torch.randn(shape, generator=generator) for generator in generators])
        latents: Tensor = noise.to(self.device, pipeline.unet.dtype) * scheduler.init_noise_sigma
        extra = {"generator": generators} if "Ancestral" in type(scheduler).__name__ else {}
        for timestep in scheduler.timesteps:
            stacked = torch.cat([latents, latents]) if guided else latents
            stacked = scheduler.scale_model_input(stacked, timestep)
            predicted = pipeline.unet(stacked, timestep, encoder_hidden_states=context).sample
            if guided:
                without, with_prompt = predicted.chunk(2)
                predicted = without + scene.cfg_scale * (with_prompt - without)
            latents = scheduler.step(predicted, timestep, latents, **extra).prev_sample
        return latents

    def _contexts(self, jobs: Sequence[Job], live: LiveLora | None, guided: bool) -> Tensor:
        """Text embeddings, (N or 2N, 77, width): the negative prompts' half first if guided. Each distinct pair of
        text and text encoder weights is encoded once, and kept for later batches."""
        wanted = [(job, job.scene.prompt) for job in jobs]
        if guided:
            wanted = [(job, job.scene.negative_prompt) for job in jobs] + wanted
        keys = [_text_key(job, text) for job, text in wanted]
        for key, (job, text) in zip(keys, wanted, strict=True):
            if key not in self._texts:
                if live is not None:
                    live.set_variants([job.variant], job.lora.strength)
                self._texts[key] = self._encode(job, text)
        return torch.stack([self._texts[key] for key in keys])

    def _encode(self, job: Job, text: str) -> Tensor:
        """One text's embedding, (77, width). One at a time: whatever was encoded before, the answer is the same to the
        last bit."""
        pipeline = self._pipeline(job)
        tokens = pipeline.tokenizer(
            [text],
            padding="max_length",
            max_length=pipeline.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        states: Tensor = pipeline.text_encoder(tokens.to(self.device)).last_hidden_state
        return states[0]

    def _decode(self, jobs: Sequence[Job], latents: Tensor) -> list[Picture]:
        vae = self._pipeline(jobs[0]).vae
        decoded = vae.decode(latents / vae.config.scaling_factor).sample
        levels = ((decoded.float().clamp(-1, 1) + 1) * 127.5).round().byte()
        array: Picture = levels.permute(0, 2, 3, 1).cpu().numpy()
        return [np.ascontiguousarray(picture) for picture in array]


def _shared(job: Job) -> tuple[Hashable, ...]:
    """What the jobs of one batch have in common."""
    scene = job.scene
    size = (scene.width, scene.height, scene.steps, scene.cfg_scale, scene.sampler)
    return (scene.checkpoint.digest, job.lora.digest, job.lora.strength, *size)


def _text_key(job: Job, text: str) -> tuple[Hashable, ...]:
    """What decides a text embedding: the model, the text, and the scales of the blocks that the text encoder's
    modules can belong to."""
    variant: Variant = job.variant
    scales = tuple(block_scale(variant, block, job.lora.strength) for block in ("BASE", REST))
    return (job.scene.checkpoint.digest, job.lora.digest if any(scales) else "", scales, text)
