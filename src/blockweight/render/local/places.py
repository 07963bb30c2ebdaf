"""Where in a model the modules of a LoRA are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from blockweight.blocks import Module
from blockweight.lora.layer_names import layer_of


@dataclass(frozen=True)
class Place:
    """A layer that a module changes."""

    layer: nn.Module


class Places:
    """The layers of a model's `components` (`unet`, `text_encoder`, …), by the modules of LoRAs."""

    def __init__(self, components: Mapping[str, nn.Module]) -> None:
        self._layers = {name: _layers_by_path(component) for name, component in components.items()}

    def find(self, module: Module) -> Place | None:
        """Where `module` is; None if this model lacks it."""
        layers = self._layers.get(module.component, {})
        # Stable Diffusion's UNets may be named as in the original code.
        known = layer_of(module)
        for path in (module.path, known.flat if known else module.path):
            # transformers 5.6 dropped the level `text_model` from CLIPTextModel's module names; LoRA files keep it.
            layer = layers.get(path) or layers.get(path.removeprefix("text_model_"))
            if isinstance(layer, nn.Linear | nn.Conv2d):
                return Place(layer)
        return None


def _layers_by_path(component: nn.Module) -> dict[str, nn.Module]:
    return {name.replace(".", "_"): layer for name, layer in component.named_modules() if name}
