"""What is minimised: the error of the predicted noise."""

from __future__ import annotations

import torch
from torch import Tensor

from blockweight.render.local.encoder import Encoder
from blockweight.train.local.texts import text_states
from blockweight.train.local.trainee import DTYPES, Trainee
from blockweight.train.loop_settings import LoopSettings


def noise_loss(
    trainee: Trainee,
    encoder: Encoder,
    latents: Tensor,
    captions: list[str],
    settings: LoopSettings,
    generator: torch.Generator,
) -> Tensor:
    """The mean squared error of the prediction, over latents (N, 4, h, w) and their captions; noise and timesteps are
    drawn from `generator`, a CPU's.

    With min-SNR each sample's is weighted by min(SNR, γ) / SNR, for v-prediction by min(SNR, γ) / (SNR + 1) (Hang et
    al. 2023, "Efficient Diffusion Training via Min-SNR Weighting Strategy").
    """
    schedule, device = trainee.schedule, trainee.device
    noise = torch.randn(latents.shape, generator=generator)
    if settings.noise_offset:
        noise += settings.noise_offset * torch.randn((*latents.shape[:2], 1, 1), generator=generator)
    timesteps = torch.randint(schedule.config.num_train_timesteps, (len(latents),), generator=generator)
    noisy = schedule.add_noise(latents, noise, timesteps)
    target = schedule.get_velocity(latents, noise, timesteps) if trainee.v_prediction else noise
    dtype = DTYPES[trainee.precision]
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        states = text_states(encoder, captions, settings.max_tokens, settings.norm)
        predicted = trainee.unet(noisy.to(device, dtype), timesteps.to(device), states.to(dtype)).sample
    errors: Tensor = (predicted.float() - target.to(device)).square().mean(dim=(1, 2, 3))
    if settings.min_snr_gamma is not None:
        kept = schedule.alphas_cumprod[timesteps]
        snr = (kept / (1 - kept)).clamp(min=1e-9)  # a zero-terminal schedule ends at 0
        weights = snr.clamp(max=settings.min_snr_gamma) / (snr + 1 if trainee.v_prediction else snr)
        errors = errors * weights.to(device)
    return errors.mean()
