"""Trains the denoiser and its text encoder: a tiny Stable Diffusion with exactly SD1's blocks.

ε-prediction with SD1's β schedule, min-SNR weights, one caption in ten empty (for guidance).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from blockweight.demo.characters import training_caption
from blockweight.demo.train.corpus import character
from blockweight.demo.train.loop import step_generator, train
from blockweight.demo.train.tokenizer import MAX_LENGTH

STEPS = 5_000
BATCH = 48
EMPTY_CAPTIONS = 0.1
MIN_SNR_GAMMA = 5.0
WIDTH = 64


class TextToNoise(nn.Module):
    """The text encoder and the UNet, trained as one."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        torch.manual_seed(13)
        self.text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=WIDTH,
                intermediate_size=4 * WIDTH,
                num_hidden_layers=3,
                num_attention_heads=4,
                max_position_embeddings=MAX_LENGTH,
                projection_dim=WIDTH,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
        self.unet = UNet2DConditionModel(
            sample_size=16,
            in_channels=4,
            out_channels=4,
            down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
            block_out_channels=(32, 64, 96, 128),
            layers_per_block=2,
            cross_attention_dim=WIDTH,
            attention_head_dim=1,  # SD1's config key for the number of heads
            norm_num_groups=16,
        )

    def forward(self, noisy: Tensor, timesteps: Tensor, tokens: Tensor) -> Tensor:
        """Predicted noise, (N, 4, 16, 16), from noisy latents, timesteps (N,) and token ids (N, 77)."""
        context = self.text_encoder(tokens).last_hidden_state
        return self.unet(noisy, timesteps, context).sample  # type: ignore[no-any-return]


def noise_schedule() -> DDPMScheduler:
    """SD1's: 1,000 steps, scaled-linear β from 0.00085 to 0.012."""
    return DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False)


def tokenize(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Token ids, (N, 77) int64."""
    encoded = tokenizer(captions, padding="max_length", max_length=MAX_LENGTH, truncation=True, return_tensors="pt")
    return encoded.input_ids  # type: ignore[no-any-return]


def spread_timesteps(batch: int, generator: torch.Generator) -> Tensor:
    """One timestep from each of `batch` equal parts of 0…999, (batch,) int64: less noise in the loss than
    independent draws."""
    offsets = (torch.arange(batch) + torch.rand(batch, generator=generator)) / batch
    return (offsets * 1000).long().clamp(max=999)


def noise_loss(
    model: Callable[..., Tensor],
    latents: Tensor,
    tokens: Tensor,
    generator: torch.Generator,
    *,
    bf16: bool = True,
) -> Tensor:
    """Min-SNR weighted mean squared error of the predicted noise. Without `bf16` all is calculated in fp32, which is
    faster for a dozen pictures or fewer.

    Weights: min(SNR, γ)/SNR for ε-prediction (Hang et al. 2023, "Efficient Diffusion Training via Min-SNR Weighting
    Strategy", eq. 8).
    """
    schedule = noise_schedule()
    timesteps = spread_timesteps(len(latents), generator)
    noise = torch.randn(latents.shape, generator=generator)
    noisy = schedule.add_noise(latents, noise, timesteps)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        predicted = model(noisy, timesteps, tokens)
    kept: Tensor = schedule.alphas_cumprod[timesteps]
    snr = kept / (1 - kept)
    weights = snr.clamp(max=MIN_SNR_GAMMA) / snr
    errors = (predicted.float() - noise).square().mean(dim=(1, 2, 3))
    return (weights * errors).mean()


def train_denoiser(
    latents: Tensor, tokenizer: CLIPTokenizer, folder: Path, report: Callable[[int, float], None]
) -> TextToNoise:
    """Train on scaled latents (N, 4, 16, 16) of the corpus; returns the averaged pair."""
    model = TextToNoise(tokenizer)

    def loss_of(step: int) -> Tensor:
        generator = step_generator("denoiser", step)
        words = random.Random(step)
        chosen = torch.randint(len(latents), (BATCH,), generator=generator).tolist()
        captions = [
            "" if words.random() < EMPTY_CAPTIONS else training_caption(character(index), words) for index in chosen
        ]
        return noise_loss(model, latents[chosen].float(), tokenize(tokenizer, captions), generator)

    trained = train(
        "denoiser", model, loss_of, folder,
        steps=STEPS, peak=1.5e-3, warmup=200, weight_decay=1e-2, ema=0.999, report=report,
    )  # fmt: skip
    assert isinstance(trained, TextToNoise)
    return trained
