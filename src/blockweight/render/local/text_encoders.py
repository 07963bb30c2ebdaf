"""What of a model's text encoders is read for a scene.

Facts from AUTOMATIC1111/stable-diffusion-webui 1.10 (`modules/sd_hijack_clip.py`, `sd_hijack_open_clip.py`) and the
inference settings that it loads models with: Stability-AI/generative-models, `sd_xl_base.yaml`, and
Stability-AI/stablediffusion, `v2-inference.yaml`.
"""

from __future__ import annotations

from typing import Any

from blockweight.plan import Scene
from blockweight.render.local.architectures import SD1, SD2, architecture_of
from blockweight.render.local.encoder import Encoder


def encoders_of(pipeline: Any, scene: Scene) -> tuple[Encoder, ...]:
    """The text encoders in the order in which their states stand side by side.

    SD1: CLIP, ended `clip_skip` − 1 layers early, through the final norm. SD2: OpenCLIP's ViT-H from the last layer but
    one (diffusers' models end there), through the final norm. SDXL: CLIP and OpenCLIP's bigG, both from the last layer
    but one, without the norm. The WebUI gives clip skip to SD1 alone, unless its setting "Clip skip SDXL" is on.
    """
    kind = architecture_of(pipeline)
    if kind is SD1:
        return (Encoder(pipeline.tokenizer, pipeline.text_encoder, scene.clip_skip),)
    if kind is SD2:
        return (Encoder(pipeline.tokenizer, pipeline.text_encoder, key="clip_h", openclip=True),)
    return (
        Encoder(pipeline.tokenizer, pipeline.text_encoder, 2, final_norm=False),
        Encoder(
            pipeline.tokenizer_2,
            pipeline.text_encoder_2,
            2,
            final_norm=False,
            key="clip_g",
            component="text_encoder_2",
            openclip=True,
        ),
    )
