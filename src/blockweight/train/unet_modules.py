"""The modules that sd-scripts' LoRA has in a UNet and its text encoders, derived from the models' architecture.

LoRA-LierLa (the default) takes the Linear layers and 1x1 convolutions inside `Transformer2DModel`; LoRA-C3Lier
(`conv_dim`) also every convolution and Linear layer of `ResnetBlock2D`, `Downsample2D` and `Upsample2D`. Names are
those of sd-scripts' own UNets: diffusers' for SD1 and SD2, the original's for SDXL. Source: sd-scripts
`networks/lora.py`, `library/original_unet.py` and `library/sdxl_original_unet.py` at 48d368fa.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from blockweight.weights.notations.block_lr import BLOCK_ORDER, MIDDLES, block_index

_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
_TRANSFORMER = (*(f"{attn}.{leaf}" for attn in ("attn1", "attn2") for leaf in _ATTENTION), "ff.net.0.proj", "ff.net.2")
_TEXT_LAYER = (*(f"self_attn.{leaf}_proj" for leaf in ("q", "k", "v", "out")), "mlp.fc1", "mlp.fc2")

_TEXT_ENCODERS = {"sd1": (("lora_te", 12),), "sd2": (("lora_te", 23),), "sdxl": (("lora_te1", 12), ("lora_te2", 32))}
"""Family → prefix and number of layers of each text encoder."""


@dataclass(frozen=True)
class UnetModule:
    """A layer of the UNet: its dotted name in sd-scripts, its block, and which LoRAs take it. `standard` ones belong to
    LierLa, the others to C3Lier alone."""

    path: str
    block: str
    standard: bool

    @property
    def lora_name(self) -> str:
        """Its name in the LoRA file, without a tensor's suffix."""
        return f"lora_unet_{self.path.replace('.', '_')}"


@cache
def unet_modules(family: str) -> tuple[UnetModule, ...]:
    """Every module of LoRA-C3Lier for `sd1`, `sd2` or `sdxl`, in the model's order; KeyError for another family."""
    paths = _sdxl_paths() if family == "sdxl" else _sd_paths()
    order = BLOCK_ORDER[family]
    modules = []
    for path, standard in paths:
        index = block_index(f"lora_unet_{path.replace('.', '_')}", family)
        if index is None:
            raise ValueError(f"{path} stands in no block of {family}")
        block = order[index]
        modules.append(UnetModule(path, "M00" if block in MIDDLES else block, standard))
    return tuple(modules)


def modules_by_block(family: str, *, conv: bool) -> dict[str, tuple[str, ...]]:
    """Block → the LoRA names of its modules, for LierLa or (with `conv`) C3Lier; BASE holds the text encoders'."""
    texts = (names for prefix, layers in _TEXT_ENCODERS[family] for _, names in text_modules(prefix, layers))
    found: dict[str, list[str]] = {"BASE": list(texts)}
    for module in unet_modules(family):
        if conv or module.standard:
            found.setdefault(module.block, []).append(module.lora_name)
    return {block: tuple(names) for block, names in found.items()}


def text_modules(prefix: str, layers: int) -> Iterator[tuple[str, str]]:
    """The modules of a CLIP text encoder with so many layers: each one's dotted name in the text model, and its name in
    the LoRA file."""
    for layer in range(layers):
        for leaf in _TEXT_LAYER:
            path = f"encoder.layers.{layer}.{leaf}"
            yield path, f"{prefix}_text_model_{path.replace('.', '_')}"


def _attention(path: str, depth: int) -> Iterator[tuple[str, bool]]:
    yield f"{path}.proj_in", True
    for number in range(depth):
        for leaf in _TRANSFORMER:
            yield f"{path}.transformer_blocks.{number}.{leaf}", True
    yield f"{path}.proj_out", True


def _resnet(path: str, leaves: tuple[str, ...], shortcut: str | None) -> Iterator[tuple[str, bool]]:
    for leaf in leaves if shortcut is None else (*leaves, shortcut):
        yield f"{path}.{leaf}", False


def _sd_paths() -> Iterator[tuple[str, bool]]:
    """Four levels of two (up: three) resnets; attention on all but the innermost."""

    def resnet(path: str, *, shortcut: bool) -> Iterator[tuple[str, bool]]:
        return _resnet(path, ("conv1", "time_emb_proj", "conv2"), "conv_shortcut" if shortcut else None)

    for level in range(4):
        for layer in range(2):
            # Channels grow on entering levels 1 and 2.
            yield from resnet(f"down_blocks.{level}.resnets.{layer}", shortcut=level in (1, 2) and layer == 0)
            if level < 3:
                yield from _attention(f"down_blocks.{level}.attentions.{layer}", 1)
        if level < 3:
            yield f"down_blocks.{level}.downsamplers.0.conv", False
    yield from resnet("mid_block.resnets.0", shortcut=False)
    yield from _attention("mid_block.attentions.0", 1)
    yield from resnet("mid_block.resnets.1", shortcut=False)
    for level in range(4):
        for layer in range(3):
            yield from resnet(f"up_blocks.{level}.resnets.{layer}", shortcut=True)
            if level > 0:
                yield from _attention(f"up_blocks.{level}.attentions.{layer}", 1)
        if level < 3:
            yield f"up_blocks.{level}.upsamplers.0.conv", False


def _sdxl_paths() -> Iterator[tuple[str, bool]]:
    """Three levels with 0, 2 and 10 transformer layers each; the outermost has no attention."""

    def resnet(path: str, *, shortcut: bool) -> Iterator[tuple[str, bool]]:
        return _resnet(path, ("in_layers.2", "emb_layers.1", "out_layers.3"), "skip_connection" if shortcut else None)

    for number, depth in ((1, 0), (2, 0), (3, None), (4, 2), (5, 2), (6, None), (7, 10), (8, 10)):
        if depth is None:
            yield f"input_blocks.{number}.0.op", False
            continue
        yield from resnet(f"input_blocks.{number}.0", shortcut=number in (4, 7))
        if depth:
            yield from _attention(f"input_blocks.{number}.1", depth)
    yield from resnet("middle_block.0", shortcut=False)
    yield from _attention("middle_block.1", 10)
    yield from resnet("middle_block.2", shortcut=False)
    for number in range(9):
        depth = (10, 2, 0)[number // 3]
        yield from resnet(f"output_blocks.{number}.0", shortcut=True)
        if depth:
            yield from _attention(f"output_blocks.{number}.1", depth)
        if number in (2, 5):
            yield f"output_blocks.{number}.2.conv", False
