"""What a Stable Diffusion 2 was trained to predict: its files do not say."""

from __future__ import annotations

from typing import Any

import torch


def predicts_v(unet: Any) -> bool:
    """Whether an SD2 UNet predicts v (Salimans & Ho 2022) and not the noise, by asking it: at the last timestep a
    network that predicts noise gives back its input, nearly. The same question and the same bound as
    `is_using_v_parameterization_for_sd2` in AUTOMATIC1111's `modules/sd_models_config.py` (1.10), in fp32."""
    dtype, device = unet.dtype, unet.device
    unet.float()
    latents = torch.full((1, unet.config.in_channels, 8, 8), 0.5, device=device)
    context = torch.full((1, 2, unet.config.cross_attention_dim), 0.5, device=device)
    with torch.inference_mode():
        answer = unet(latents, torch.tensor([999], device=device), encoder_hidden_states=context).sample
    unet.to(dtype)
    return bool((answer - latents).mean() < -1)
