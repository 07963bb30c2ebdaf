"""A UNet with what it is told for a batch: latents and a timestep in, one guided prediction a picture out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from blockweight.plan import Job
from blockweight.render.local.conditioning import Conditioning
from blockweight.render.local.controls import Guides
from blockweight.render.local.drawing import Pass, share_over, step_before
from blockweight.render.local.live_loras import LiveLoras


class Asked:
    """The model on one pass of the jobs of a batch. Its first `negatives` rows are those of negative prompts."""

    def __init__(
        self,
        unet: Any,
        jobs: Sequence[Job],
        loras: LiveLoras,
        way: Pass,
        conditioning: Conditioning,
        guides: Guides,
        negatives: int,
    ) -> None:
        self._unet, self._jobs, self._loras, self._way = unet, jobs, loras, way
        self._conditioning, self._guides, self._negatives = conditioning, guides, negatives

    @property
    def rows(self) -> int:
        """How many rows the UNet evaluates each time."""
        return len(self._conditioning.samples)

    def settle(self) -> None:
        """Give each row the block weights of its job: before the first time, and after others had theirs."""
        self._loras.set_rows([self._jobs[sample] for sample in self._conditioning.samples])

    def __call__(self, latents: Tensor, timestep: Tensor | float, asked: int) -> Tensor:
        """The guided prediction, fp32, for latents (N, C, h, w) of variance 1; the model was `asked` so often before on
        this pass."""
        scene, unet, conditioning = self._jobs[0].scene, self._unet, self._conditioning
        turn = min(asked, self._way.asks - 1)
        context, there = conditioning.at(turn)
        told = _told(conditioning.pooled(turn), self._way.size)
        step = torch.as_tensor(timestep, device=latents.device)
        rows = latents.to(unet.dtype)[conditioning.samples]
        # LoRA Block Weight compares its N − 1 with the number that the WebUI tells it, that of the step before.
        self._loras.turn(step_before(scene, asked) + 1)
        share = share_over(scene, asked, self._way.taken)
        added = self._guides.added(rows, step, context, there, share, self._negatives, told or {})
        predicted = unet(
            rows,
            step,
            encoder_hidden_states=context,
            encoder_attention_mask=there,
            added_cond_kwargs=told,
            **added,
        ).sample
        return conditioning.guide(predicted.float(), scene.cfg_scale)


def _told(pooled: Tensor | None, size: tuple[int, int]) -> dict[str, Tensor] | None:
    """What SDXL's UNet is told beside the prompt: the pooled prompts, (rows, width), and for each the size that the
    picture was drawn in, where it was cropped, and its size since. As in the WebUI both sizes are those of the pass,
    and nothing is cropped (`get_learned_conditioning` of its `modules/sd_models_xl.py`)."""
    if pooled is None:
        return None
    width, height = size
    sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32, device=pooled.device)
    return {"text_embeds": pooled, "time_ids": sizes.expand(len(pooled), -1)}
