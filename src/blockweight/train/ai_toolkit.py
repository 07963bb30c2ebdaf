"""ai-toolkit: parts of module names to leave out; it has no rates per block.

A name such as `transformer.transformer_blocks.1.attn.to_q` is searched for the text: without the dots at both ends
`transformer_blocks.1` would also find `single_transformer_blocks.1` and block 10.

Source: ostris/ai-toolkit at 27a03a91, `toolkit/lora_special.py`, `toolkit/config_modules.py` and each model's
`get_transformer_block_names`.
"""

from __future__ import annotations

from blockweight.blocks.layout import series_and_number
from blockweight.train.training import TEXT_BLOCKS, Arguments, Training, check_masks, dry_run, number

_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    # diffusers' names, then those of its own Chroma
    "flux1": {"D": ("transformer_blocks", "double_blocks"), "S": ("single_transformer_blocks", "single_blocks")},
    "flux2": {"D": ("double_blocks",), "S": ("single_blocks",)},
    "sd3": {"J": ("transformer_blocks",)},
    "lumina2": {"CR": ("context_refiner",), "NR": ("noise_refiner",), "L": ("layers",)},
    "zimage": {"L": ("layers",)},
    "qwen-image": {"B": ("transformer_blocks",)},
    "wan": {"B": ("blocks",)},
    "ltx": {"B": ("transformer_blocks",)},
    "hidream": {"D": ("double_stream_blocks",), "S": ("single_stream_blocks",)},
    "anima": {"B": ("transformer_blocks",)},
    "krea2": {"TL": ("layerwise_blocks",), "TR": ("refiner_blocks",), "B": ("blocks",)},
}
"""Family → series that it trains → the modules that hold their blocks."""

_LEVELS = {"sd1": 4, "sd2": 4, "sdxl": 3}
"""UNets, in diffusers' names, by their number of levels."""

FAMILIES = (*_LEVELS, *_NAMES)


def network_kwargs(training: Training) -> Arguments:
    """The sections `network` and `train` of a job's process, as YAML. BlockweightError for weights other than 0 and
    1 (a UNet's text encoder may have any); KeyError for a family not of FAMILIES."""
    unet = training.family in _LEVELS
    trained = [block for block in training.blocks if unet or _parts(training.family, block)]
    check_masks(training, "ai-toolkit", trained, "or lower --unet-lr for all blocks alike")
    notes = (
        [] if unet else ["Text encoders are not trained."] * any(block in TEXT_BLOCKS for block in _weighted(training))
    )
    never = [
        block for block in training.weights.layout.blocks if block not in trained and not (unet and block == "BASE")
    ]
    weighted = [block for block in never if block in _weighted(training) and block not in TEXT_BLOCKS]
    if weighted:
        notes.append(f"Not trained, whatever the weight: {', '.join(weighted)}.")
    if training.conv_dim is not None and not unet:
        notes.append(f"--conv-dim is left out: {training.family} has no convolutions to train.")
    zero = [block for block in trained if training.weights.weight(block) == 0]
    ignored = [part for block in zero for part in (_unet_parts if unet else _parts)(training.family, block)]
    lines = ["# For config.process[0] of a job.", "network:", "  type: lora"]
    if training.network_dim is not None:
        lines.append(f"  linear: {training.network_dim}")
    if training.network_alpha is not None:
        lines.append(f"  linear_alpha: {_yaml_number(training.network_alpha)}")
    if training.conv_dim is not None and unet:
        lines += [f"  conv: {training.conv_dim}", f"  conv_alpha: {_yaml_number(training.conv_alpha)}"]
    if ignored:
        lines += ["  network_kwargs:", "    ignore_if_contains:", *(f'      - "{part}"' for part in ignored)]
    lines += ["train:", f"  lr: {_yaml_number(training.unet_lr)}"]
    text_rate = training.rate("BASE") if unet else 0.0
    lines.append(f"  train_text_encoder: {'true' if text_rate else 'false'}")
    if text_rate:
        lines.append(f"  text_encoder_lr: {_yaml_number(text_rate)}")
    return Arguments("ai-toolkit", "\n".join(lines), dry_run(training, untrained=never), tuple(notes))


def _weighted(training: Training) -> list[str]:
    return [block for block, weight in training.weights.items() if weight > 0]


def _yaml_number(value: float) -> str:
    """YAML 1.1 takes `5e-05` for text; with a point in it, it is a number."""
    mantissa, mark, exponent = number(value).partition("e")
    return f"{mantissa}.0e{exponent}" if mark and "." not in mantissa else number(value)


def _parts(family: str, block: str) -> list[str]:
    """The parts of names that choose a block; none for a block that is not trained."""
    found = series_and_number(block)
    names = _NAMES[family].get(found[0], ()) if found else ()
    return [f".{name}.{found[1]}." for name in names] if found else []


def _unet_parts(family: str, block: str) -> list[str]:
    """The same for a UNet: `down_blocks` i, layer j is IN(1+3i+j), its downsampler IN(3+3i); `up_blocks` i, layer j is
    OUT(3i+j), its upsampler OUT(2+3i)."""
    if block in ("IN00", "M00"):
        return [".conv_in" if block == "IN00" else ".mid_block."]
    found = series_and_number(block)
    if found is None:
        raise ValueError(block)
    down = found[0] == "IN"
    side = "down" if down else "up"
    level, layer = divmod(found[1] - down, 3)
    if down and layer == 2:
        return [f".down_blocks.{level}.downsamplers."]
    parts = [f".{side}_blocks.{level}.{kind}.{layer}." for kind in ("attentions", "resnets")]
    if not down and layer == 2 and level < _LEVELS[family] - 1:
        parts.append(f".up_blocks.{level}.upsamplers.")
    return parts
