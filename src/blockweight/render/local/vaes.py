"""VAEs in the place of the model's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

from blockweight.errors import BlockweightError
from blockweight.plan import Part
from blockweight.render.local.library import loading
from blockweight.render.local.part_files import check_kind, config_in, read_weights, same_shapes


class Vaes:
    """The VAEs of a loaded model: its own, and one more that a scene names."""

    def __init__(self, own: Any) -> None:
        self.own = own
        self._other: tuple[str, Any] | None = None

    def take(self, part: Part | None) -> Any:
        """The VAE of a scene, on the device of the model's own and with its numbers. BlockweightError if it cannot be
        loaded, or is for models of another kind."""
        if part is None:
            return self.own
        if self._other is None or self._other[0] != part.digest:
            # Let the old one go before the new one comes.
            self._other = None
            with loading(Path(part.path), "VAE", self.own.device):
                self._other = (part.digest, load_vae(Path(part.path), self.own))
        return self._other[1]


def load_vae(path: Path, own: Any) -> Any:
    """The VAE at `path`, a `.safetensors` file in the original's or diffusers' names or a folder of diffusers', built
    like the model's `own` and in its place. The latents' scale is the model's, as in the WebUI."""
    config = config_in(path, "VAE")
    scale = config.get("scaling_factor")
    if scale is not None and abs(scale - own.config.scaling_factor) > 1e-3:
        raise BlockweightError(
            f"The VAE '{path}' is for another kind of model: it scales latents by {scale:g}, this one by "
            f"{own.config.scaling_factor:g}."
        )
    if not path.is_dir():
        check_kind(path, "VAE")
    found = read_weights(path)
    if not any(name.startswith("encoder.down_blocks.") for name in found):
        found = convert_ldm_vae_checkpoint(found, own.config)
    with torch.device("meta"):
        vae = AutoencoderKL.from_config(own.config)
    like = next(own.parameters())
    state = same_shapes(found, vae, path, "VAE")
    vae.load_state_dict({name: value.to(like.dtype) for name, value in state.items()}, assign=True)
    return vae.eval().requires_grad_(requires_grad=False).to(like.device)
