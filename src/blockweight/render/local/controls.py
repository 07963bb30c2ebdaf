"""ControlNets: what they add to a UNet's inner states.

A ControlNet is a copy of the UNet's first half that sees a map beside the latents (Zhang et al. 2023); no LoRA touches
it. Facts from `scripts/hook.py` of Mikubill/sd-webui-controlnet: what several add is summed; a weight multiplies all of
it; "My prompt is more important" multiplies it by 0.825^(12 − i) for the i-th of 13 places, the middle last, and
"ControlNet is more important" besides keeps it from the negative prompt; it works in a step if the number of the step
before it (0 for the first), as a share of all, lies in its range. Forge's ControlNet has the same factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel
from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint
from torch import Tensor

from blockweight.errors import BlockweightError
from blockweight.plan import CONTROL_MODES, Control
from blockweight.render.fitting import fitted_map, read_part
from blockweight.render.local.library import loading
from blockweight.render.local.part_files import check_kind, config_in, read_weights, same_shapes

SOFTNESS = 0.825
_LAST = 12
"""The number of the middle block's place in Stable Diffusion 1, from which the softness counts in every model."""

_BALANCED, _PROMPT, _CONTROL = CONTROL_MODES
_HINT = "input_hint_block."


@dataclass(frozen=True, eq=False)
class LoadedControl:
    """A ControlNet in memory; `pooled` if what it adds is averaged over the picture, as for those of shuffled maps."""

    model: Any
    pooled: bool


def control_key(control: Control) -> tuple[str | float, ...]:
    """What the ControlNets of one batch have in common."""
    model, picture = control.model.digest, control.picture.digest
    return (model, picture, control.weight, control.start, control.end, control.mode, control.resize)


class ControlShelf:
    """The ControlNets of a loaded model: those of the latest scene."""

    def __init__(self, unet: Any) -> None:
        self._unet = unet
        self._loaded: dict[str, LoadedControl] = {}

    def take(self, controls: Sequence[Control]) -> list[LoadedControl]:
        """The scene's ControlNets, on the UNet's device and with its numbers. BlockweightError if one cannot be loaded,
        or is for models of another kind."""
        wanted = {control.model.digest: control.model.path for control in controls}
        self._loaded = {digest: held for digest, held in self._loaded.items() if digest in wanted}
        for digest, path in wanted.items():
            if digest not in self._loaded:
                with loading(Path(path), "ControlNet", self._unet.device):
                    self._loaded[digest] = load_control(Path(path), self._unet)
        return [self._loaded[control.model.digest] for control in controls]


class Guides:
    """What a batch's ControlNets add; the pictures of a batch have them in common. `factor` is how many pixels make a
    latent, `negatives` how many rows of the UNet's batch, the first ones, belong to negative prompts."""

    def __init__(self, controls: Sequence[Control], loaded: Sequence[LoadedControl], factor: int) -> None:
        self._units = list(zip(controls, loaded, strict=True))
        self._maps = [read_part(control.picture) for control in controls]
        self._factor = factor
        self._hints: dict[tuple[int, int, int], Tensor] = {}

    def added(
        self,
        rows: Tensor,
        timestep: Tensor,
        context: Tensor,
        there: Tensor | None,
        share: float,
        negatives: int,
        more: dict[str, Any],
    ) -> dict[str, Any]:
        """What the UNet takes beside `rows`, its batch (R, C, h, w), which attends to `context` as far as it is
        `there`, when this `share` of the steps is over; `more` is what it takes besides."""
        sums: list[Tensor] = []
        for number, (control, held) in enumerate(self._units):
            if not control.start <= share <= control.end:
                continue
            hint = self._hint(number, rows)
            found = _asked(held.model, rows, timestep, context, there, hint, more)
            if held.pooled:
                found = [one.mean((2, 3), keepdim=True) for one in found]
            scaled = _scaled(found, control, negatives, positive_only=held.pooled or control.mode == _CONTROL)
            sums = [one + other for one, other in zip(sums, scaled, strict=True)] if sums else scaled
        if not sums:
            return {}
        return {"down_block_additional_residuals": tuple(sums[:-1]), "mid_block_additional_residual": sums[-1]}

    def _hint(self, number: int, rows: Tensor) -> Tensor:
        """The map of a unit in the size of the rows, (1, 3, H, W), 0 to 1."""
        height, width = (side * self._factor for side in rows.shape[2:])
        key = (number, height, width)
        if key not in self._hints:
            levels = fitted_map(self._maps[number], self._units[number][0].resize, width, height)
            hint = torch.from_numpy(levels.copy()).permute(2, 0, 1)[None].float() / 255
            self._hints[key] = hint.to(rows.device, rows.dtype)
        return self._hints[key]


def _scaled(found: Sequence[Tensor], control: Control, negatives: int, *, positive_only: bool) -> list[Tensor]:
    soft = control.mode != _BALANCED
    factors = [control.weight * (SOFTNESS ** (_LAST - place) if soft else 1.0) for place in range(len(found))]
    scaled = [one * factor for one, factor in zip(found, factors, strict=True)]
    if positive_only:
        for one in scaled:
            one[:negatives] = 0
    return scaled


def _asked(
    model: Any,
    rows: Tensor,
    timestep: Tensor,
    context: Tensor,
    there: Tensor | None,
    hint: Tensor,
    more: dict[str, Any],
) -> list[Tensor]:
    """What a ControlNet adds for each row, by place. It cannot be told which of the context is there, so rows whose
    texts have one length are asked for together."""
    if there is None:
        return _answer(model, rows, timestep, context, hint, more)
    lengths = [int(count) for count in there.sum(1).tolist()]
    places: list[Tensor] = []
    for length in dict.fromkeys(lengths):
        chosen = torch.tensor([number for number, count in enumerate(lengths) if count == length], device=rows.device)
        several = {name: value[chosen] for name, value in more.items()}
        found = _answer(model, rows[chosen], timestep, context[chosen, :length], hint, several)
        places = places or [one.new_zeros(len(rows), *one.shape[1:]) for one in found]
        for place, one in zip(places, found, strict=True):
            place[chosen] = one
    return places


def _answer(
    model: Any, rows: Tensor, timestep: Tensor, context: Tensor, hint: Tensor, more: dict[str, Any]
) -> list[Tensor]:
    further = {"added_cond_kwargs": more} if more else {}
    found = model(rows, timestep, encoder_hidden_states=context, controlnet_cond=hint, return_dict=False, **further)
    down, middle = found
    return [*down, middle]


def load_control(path: Path, unet: Any) -> LoadedControl:
    """The ControlNet at `path` for this UNet: a `.safetensors` file in lllyasviel's or diffusers' names, or a folder of
    diffusers'. A file with `shuffle` in its name averages what it adds, as in the extension."""
    config = config_in(path, "ControlNet")
    if not path.is_dir():
        check_kind(path, "ControlNet")
    found = read_weights(path)
    if not any(name.startswith("controlnet_cond_embedding.") for name in found):
        found = _converted(found, unet)
    with torch.device("meta"):
        model = ControlNetModel.from_unet(
            unet,
            controlnet_conditioning_channel_order=config.get("controlnet_conditioning_channel_order", "rgb"),
            conditioning_embedding_out_channels=_hint_channels(found, path),
            load_weights_from_unet=False,
        )
    state = same_shapes(found, model, path, "ControlNet")
    like = next(unet.parameters())
    model.load_state_dict({name: value.to(like.dtype) for name, value in state.items()}, assign=True)
    model.eval().requires_grad_(requires_grad=False).to(like.device)
    return LoadedControl(model, bool(config.get("global_pool_conditions")) or "shuffle" in path.stem.lower())


def _converted(found: dict[str, Tensor], unet: Any) -> dict[str, Tensor]:
    """The weights in diffusers' names."""
    if any(name.startswith("control_model.") for name in found):
        found = {name.removeprefix("control_model."): value for name, value in found.items()}
    numbers = [int(name.split(".")[1]) for name in found if name.startswith(_HINT)]
    # The converter knows the last layer that sees the map by the number that it has in eightfold models.
    last = f"{_HINT}{max(numbers, default=0)}."
    named = {name.replace(last, f"{_HINT}14.") if name.startswith(last) else name: v for name, v in found.items()}
    return dict(convert_controlnet_checkpoint(named, unet.config))


def _hint_channels(found: dict[str, Tensor], path: Path) -> tuple[int, ...]:
    """The widths of the layers that see the map."""
    start = "controlnet_cond_embedding."
    widths = [found.get(f"{start}conv_in.weight")]
    number = 1
    while f"{start}blocks.{number}.weight" in found:
        widths.append(found[f"{start}blocks.{number}.weight"])
        number += 2
    if any(weight is None for weight in widths):
        raise BlockweightError(f"The ControlNet '{path}' has no layers that see a map; give another one.")
    return tuple(int(weight.shape[0]) for weight in widths if weight is not None)
