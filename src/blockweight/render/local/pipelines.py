"""Transformers that draw by flow matching: diffusers' own pipelines, with live block weights."""

from __future__ import annotations

import inspect
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from blockweight.blocks import DENOISERS, TEXT_ENCODERS
from blockweight.plan import Job, Scene
from blockweight.render.local.drawing import step_before
from blockweight.render.local.engine import Stepped, Visit
from blockweight.render.local.flow_walk import FlowWalk, flow_levels
from blockweight.render.local.library import quiet
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.pipeline_checks import check_pipeline_scene
from blockweight.render.local.pipeline_kinds import Kind, levels
from blockweight.render.local.pipeline_prompts import Encoded
from blockweight.render.local.places import Name
from blockweight.render.local.sampling.noise import Noise, Seed

CAPACITY = 64
"""Prompts that are kept; the longest, Flux.2's, take 16 MB each in half precision."""


class PipelineEngine:
    """The engine of a pipeline as `load_flow_pipeline` gives it."""

    def __init__(self, pipeline: Any, kind: Kind, device: torch.device) -> None:
        self.pipeline, self.kind = pipeline, kind
        self._device = device
        self._prompts: OrderedDict[Hashable, Encoded] = OrderedDict()

    @property
    def families(self) -> tuple[str, ...]:
        """The one family of this kind of model."""
        return (self.kind.family,)

    @property
    def dtype(self) -> torch.dtype:
        """The transformer's."""
        found: torch.dtype = self.pipeline.transformer.dtype
        return found

    @property
    def components(self) -> Mapping[str, nn.Module]:
        """The transformers and the text encoders."""
        found = {name: getattr(self.pipeline, name, None) for name in (*DENOISERS, *TEXT_ENCODERS)}
        return {name: part for name, part in found.items() if part is not None}

    @property
    def names(self) -> tuple[Name, ...]:
        """What the original calls the transformer's layers."""
        return self.kind.names

    def check(self, scene: Scene) -> None:
        """Refuse what such a pipeline cannot be told."""
        check_pipeline_scene(scene, self.pipeline, self.kind)

    def draw(self, jobs: Sequence[Job], loras: LiveLoras, stepped: Stepped) -> Tensor:
        """Decoded pictures, (N, 3, H, W) from −1 to 1, fp32."""
        batches = [list(jobs)] if self.together(jobs, loras) else [[job] for job in jobs]
        steps = jobs[0].scene.steps
        pictures = []
        for done, batch in enumerate(batches):
            before, of = done * steps, len(batches) * steps
            with quiet():
                pictures.append(self._draw(batch, loras, lambda now, b=before, a=of: stepped(b + now, a)))
        return torch.cat(pictures)

    @contextmanager
    def texts_anew(self) -> Iterator[None]:
        """No prompt that was read before counts in here, and what is read is forgotten after."""
        kept, self._prompts = self._prompts, OrderedDict()
        try:
            yield
        finally:
            self._prompts = kept

    def noise_levels(self, job: Job, loras: LiveLoras) -> list[float]:
        """Those of the model's scheduler."""
        with quiet():
            return flow_levels(self.pipeline, self.arguments([job], loras))

    def walk(self, job: Job, loras: LiveLoras, steps: Sequence[int], visit: Visit, went: Callable[[int], None]) -> None:
        """As `FlowWalk` goes it."""

        def arguments(jobs: Sequence[Job]) -> dict[str, Any]:
            return self.arguments(jobs, loras)

        def before(asked: int) -> None:
            self._turn(job, loras, asked)

        rows = 2 if self._guided(job.scene) else 1
        shape = self.kind.latents(self.pipeline, job.scene.width, job.scene.height)
        FlowWalk(self.pipeline, arguments, before, shape, rows, self.kind.pictures).go(job, steps, visit, went)

    def together(self, jobs: Sequence[Job], loras: LiveLoras) -> bool:
        """Not if a LoRA changes layers that do not see the samples row by row."""
        if not (self.kind.alone and loras):
            return True
        layers = self.pipeline.transformer.named_modules()
        return not any(loras.changes(layer, jobs) for path, layer in layers if re.match(self.kind.alone, path))

    @contextmanager
    def seeing(self, seen: Callable[[Tensor], None]) -> Iterator[None]:
        """Give `seen` every guided prediction, as the scheduler gets it."""
        scheduler = self.pipeline.scheduler
        own = scheduler.step

        def step(predicted: Tensor, *given: Any, **named: Any) -> Any:
            seen(predicted)
            return own(predicted, *given, **named)

        scheduler.step = step
        try:
            yield
        finally:
            del scheduler.step

    def _draw(self, jobs: Sequence[Job], loras: LiveLoras, told: Any) -> Tensor:
        def step_end(_pipeline: Any, step: int, _timestep: Any, _tensors: Any) -> dict[str, Any]:
            told(step + 1)
            self._turn(jobs[0], loras, step + 1)
            return {}

        # diffusers switches gradients off for every call. Whether they are kept is for who draws to say.
        call = inspect.unwrap(type(self.pipeline).__call__)
        arguments = self.arguments(jobs, loras)
        output = call(self.pipeline, **arguments, output_type="pt", callback_on_step_end=step_end)
        return self.kind.pictures(output).float() * 2 - 1

    def arguments(self, jobs: Sequence[Job], loras: LiveLoras) -> dict[str, Any]:
        """What the pipeline is called with for a batch, from its noise on, with the samples of `loras` set, as in the
        first step."""
        scene, kind, pipeline = jobs[0].scene, self.kind, self.pipeline
        texts = kind.joined([self._prompt(job, job.scene.prompt, loras, negative=False) for job in jobs])
        negatives: Mapping[str, Any] = {}
        if self._guided(scene):
            read = [self._prompt(job, job.scene.negative_prompt, loras, negative=True) for job in jobs]
            negatives = {f"negative_{name}": value for name, value in kind.joined(read).items()}
        loras.set_rows(jobs)
        seeds = [Seed(s.seed, s.variation_seed, s.variation_strength) for s in (job.scene for job in jobs)]
        noise = Noise(seeds, kind.latents(pipeline, scene.width, scene.height), scene.noise_source, self._device)
        return {
            "width": scene.width,
            "height": scene.height,
            "num_inference_steps": scene.steps,
            "latents": kind.packed(pipeline, noise.first()),
            **({"sigmas": levels(scene.steps)} if kind.spaced else {}),
            **texts,
            **negatives,
            **kind.guidance(pipeline, scene),
            **dict(kind.options),
        }

    def _guided(self, scene: Scene) -> bool:
        return scene.cfg_scale > 1 and self.kind.guides(self.pipeline)

    def _turn(self, job: Job, loras: LiveLoras, asked: int) -> None:
        """The model will be asked for the next step, after so many."""
        loras.turn(step_before(job.scene, asked) + 1)

    def _prompt(self, job: Job, text: str, loras: LiveLoras, *, negative: bool) -> Encoded:
        """A prompt read once for all variants whose text encoders have the same weights."""
        key = (loras.text_key(job), text, negative)
        if key not in self._prompts:
            loras.set_texts(job)
            self._prompts[key] = self.kind.encode(self.pipeline, text, negative, self.kind.tokens)
            while len(self._prompts) > CAPACITY:
                self._prompts.popitem(last=False)
        self._prompts.move_to_end(key)
        return self._prompts[key]
