"""A random model with SD2's module names: SD1's UNet with linear projections, and OpenCLIP's text encoder with all of
its 23 layers, 16 numbers wide."""

from __future__ import annotations

import tiny_models
import tiny_sdxl
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel

from blockweight.demo.train.tokenizer import build_tokenizer

WIDTH = 16


def pipeline(prediction: str = "epsilon", seed: int = 0) -> StableDiffusionPipeline:
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    tokenizer.pad_token = "!"  # OpenCLIP's, token 0
    text = tiny_sdxl.text_config(tokenizer, WIDTH, hidden_act="gelu", num_hidden_layers=23)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=2,
        cross_attention_dim=WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
        use_linear_projection=True,
    )
    return StableDiffusionPipeline(
        vae=tiny_models.vae(),
        text_encoder=CLIPTextModel(text).eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="linspace",
            prediction_type=prediction,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
