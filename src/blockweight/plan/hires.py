"""The hires pass: a picture drawn small, enlarged, and drawn over."""

from __future__ import annotations

from dataclasses import dataclass

LATENT_UPSCALERS = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)
"""Those that enlarge the latents."""

PIXEL_UPSCALERS = ("None", "Lanczos", "Nearest")
"""Those that enlarge the decoded picture, which is encoded again."""

UPSCALERS = (*LATENT_UPSCALERS, *PIXEL_UPSCALERS)
"""By the WebUI's names; its upscalers with models of their own are not among them."""

MOST_PIXELS = 8192
"""Of a side."""

PIXELS_PER_LATENT = 8
"""Of the autoencoders of Stable Diffusion, along either side."""


@dataclass(frozen=True)
class Hires:
    """The second pass: `upscaler` one of UPSCALERS; the size `scale` times the first pass's, or `width` and `height` in
    pixels, of which one may be 0 to follow from the other; `steps` that are drawn, 0 for as many as in the first pass;
    `denoising`, the share of the noise that they begin with, 0 to 1."""

    upscaler: str = "Latent"
    scale: float = 2.0
    width: int = 0
    height: int = 0
    steps: int = 0
    denoising: float = 0.75


@dataclass(frozen=True)
class HiresSize:
    """`width` and `height` in pixels are what the first picture is enlarged to. What is drawn over lacks `crop_x`
    columns and `crop_y` rows of its latents, half of them on either side."""

    width: int
    height: int
    crop_x: int
    crop_y: int

    def latents(self, factor: int = PIXELS_PER_LATENT) -> tuple[int, int]:
        """Columns and rows of the latents that are drawn over."""
        return self.width // factor - self.crop_x, self.height // factor - self.crop_y


def hires_size(width: int, height: int, hires: Hires, factor: int = PIXELS_PER_LATENT) -> HiresSize:
    """The sizes of the second pass after a first of `width` × `height` pixels, for an autoencoder that makes one latent
    of `factor` pixels. With two sides given, the picture is enlarged until it covers them and cropped.

    Source: `calculate_target_resolution` of `modules/processing.py` in AUTOMATIC1111/stable-diffusion-webui 1.10.
    """
    if not hires.width and not hires.height:
        return HiresSize(int(width * hires.scale), int(height * hires.scale), 0, 0)
    wide = HiresSize(hires.width, hires.width * height // width, 0, 0)
    high = HiresSize(hires.height * width // height, hires.height, 0, 0)
    if not hires.height:
        return wide
    if not hires.width:
        return high
    covering = wide if width / height < hires.width / hires.height else high
    crop_x, crop_y = (covering.width - hires.width) // factor, (covering.height - hires.height) // factor
    return HiresSize(covering.width, covering.height, crop_x, crop_y)


def picture_size(width: int, height: int, hires: Hires | None) -> tuple[int, int]:
    """Width and height of the finished picture after a first pass of `width` × `height` pixels."""
    if hires is None:
        return width, height
    columns, rows = hires_size(width, height, hires).latents()
    return columns * PIXELS_PER_LATENT, rows * PIXELS_PER_LATENT
