"""Where in a model the modules of a LoRA are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diffusers.models.normalization import AdaLayerNormContinuous
from torch import Tensor, nn

from blockweight.blocks import DENOISERS, TEXT_ENCODERS, Module
from blockweight.lora.layer_names import layer_of
from blockweight.render.local.layers import can_change


@dataclass(frozen=True)
class Name:
    """What a layer is called elsewhere: `pattern` is the whole path there, dots turned into underscores; `layers` are
    the paths of the layers here that stand for it, with the pattern's groups filled in (`\\1`). Several are slices of
    its rows, in order."""

    pattern: str
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A layer that a module changes. `rows` says which rows of the module's ΔW the layer takes, in the layer's order;
    all of them if it is empty. `of_rows` is how many rows ΔW has."""

    layer: nn.Module
    of_rows: int
    rows: tuple[range, ...] = ()


class Places:
    """The layers of a model's `components` (`unet`, `text_encoder`, …), by the modules of LoRAs, which may call them
    by other `names` than the model's own.

    An original's adaptive norm at the end puts shift before scale, diffusers' AdaLayerNormContinuous scale before shift
    (`swap_scale_shift` of its `loaders/single_file_utils.py`): what reaches one by an original name has its halves
    swapped.
    """

    def __init__(self, components: Mapping[str, nn.Module], names: Sequence[Name] = ()) -> None:
        self._layers = {name: _layers_by_path(component) for name, component in components.items()}
        self._names = tuple((re.compile(name.pattern, re.ASCII), name.layers) for name in names)
        parents = [parent for component in components.values() for parent in component.modules()]
        self._swapped = {id(parent.linear) for parent in parents if isinstance(parent, AdaLayerNormContinuous)}

    def find(self, module: Module) -> tuple[Place, ...]:
        """Where `module` is; empty if this model lacks it."""
        # Stable Diffusion's UNets may be named as in the original code.
        known = layer_of(module)
        paths = (module.path,) if known is None else (module.path, known.flat)
        # transformers 5.6 dropped the level `text_model` from CLIPTextModel's module names; LoRA files keep it.
        for path in (name for full in paths for name in (full, full.removeprefix("text_model_"))):
            if (layer := self._layer(module.component, path)) is not None:
                return (Place(layer, _height(layer)),)
        return self._renamed(module) if module.component in DENOISERS else ()

    def _renamed(self, module: Module) -> tuple[Place, ...]:
        for pattern, templates in self._names:
            if found := pattern.fullmatch(module.path):
                layers = [self._layer(module.component, found.expand(template)) for template in templates]
                present = [layer for layer in layers if layer is not None]
                if len(present) == len(layers):
                    return _shared_out([(layer, id(layer) in self._swapped) for layer in present])
        return ()

    def _layer(self, component: str, path: str) -> nn.Module | None:
        for name in _alternatives(component, path):
            layer = self._layers.get(name, {}).get(path)
            if layer is not None and can_change(layer):
                return layer
        return None


_T5 = re.compile(r"encoder_block_\d+_layer_")
"""T5's layers, by which it is known among text encoders."""


def _shared_out(layers: Sequence[tuple[nn.Module, bool]]) -> tuple[Place, ...]:
    """The rows of one module, slice by slice, for layers and whether their halves are swapped."""
    whole = sum(_height(layer) for layer, _ in layers)
    places, start = [], 0
    for layer, swapped in layers:
        stop = start + _height(layer)
        middle = (start + stop) // 2
        halves = (range(middle, stop), range(start, middle)) if swapped else (range(start, stop),)
        places.append(Place(layer, whole, halves if swapped or len(layers) > 1 else ()))
        start = stop
    return tuple(places)


def _height(layer: nn.Module) -> int:
    """Rows of a layer's weight."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return len(weight)


def _alternatives(component: str, path: str) -> tuple[str, ...]:
    """The components that a key's prefix may mean: trainers number the T5 encoder differently, and `unet` stands for
    any denoiser but the second."""
    if component in TEXT_ENCODERS and _T5.match(path):
        return (component, *(other for other in TEXT_ENCODERS if other != component))
    return ("unet", "transformer") if component in ("unet", "transformer") else (component,)


def _layers_by_path(component: nn.Module) -> dict[str, nn.Module]:
    return {name.replace(".", "_"): layer for name, layer in component.named_modules() if name}
