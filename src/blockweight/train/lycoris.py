"""LyCORIS: a preset file whose targets are the blocks with a weight of 1; it has no rates per block.

Its `name_algo_map` gives single modules ranks and algorithms of their own, not rates. Patterns of names are tried with
`re.match` on a module's dotted name, and no class of modules is chosen, so only what a pattern names is trained.
Source: KohakuBlueleaf/LyCORIS at f49d30d, `lycoris/kohya.py`, `docs/Preset.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from blockweight.train.block_names import SERIES, by_series, dotted_pattern
from blockweight.train.sd_scripts import dimension_words, toml_text
from blockweight.train.training import Arguments, Training, check_masks, dry_run, number
from blockweight.train.unet_modules import modules_by_block, unet_modules
from blockweight.weights import format_weight

_UNETS = ("sd1", "sd2", "sdxl")
_FIRST_CONVOLUTION = {"sd1": "conv_in", "sd2": "conv_in", "sdxl": "input_blocks.0.0"}
"""IN00, which LyCORIS can train and `networks.lora` cannot."""

_TEXT_BLOCK = {"sd1": "BASE", "sd2": "BASE", "sdxl": "BASE", "flux1": "CLIP", "sd3": "CLIP", "lumina2": "BASE"}
FAMILIES = (*_TEXT_BLOCK,)

_PART = re.compile(
    r"(?:down|up)_blocks\.\d\.\w+\.\d|mid_block\.\w+\.\d|(?:in|out)put_blocks\.\d\.\d|middle_block\.\d", re.ASCII
)


def preset(training: Training) -> Arguments:
    """A preset as TOML, with the command that uses it as a comment. BlockweightError for weights other than 0 and
    1 (the text encoder's may be any); KeyError for a family not of FAMILIES."""
    unet = training.family in _UNETS
    series = SERIES.get(training.family, {})
    trained = [block for block in training.blocks if unet or block.rstrip("0123456789") in series]
    instead = "or use --for sd-scripts, whose networks.lora has rates per block" if unet else "or change the trainer"
    check_masks(training, "LyCORIS", trained, instead)
    chosen = [block for block in trained if training.weights.weight(block) == 1]
    conv = unet and training.conv_dim is not None
    names = list(_unet_names(training.family, chosen, conv=conv) if unet else _names(training.family, chosen))
    text = training.rate(_TEXT_BLOCK[training.family])
    never = [block for block in training.weights.layout.blocks if block not in (*trained, _TEXT_BLOCK[training.family])]
    notes = [f"Not trained, whatever the weight: {', '.join(never)}."] if never else []
    if training.conv_dim is not None and not unet:
        notes.append(f"--conv-dim is left out: {training.family} has no convolutions to train.")
    modules = None
    if unet:
        modules = modules_by_block(training.family, conv=conv)
        if conv:
            modules["IN00"] = (f"lora_unet_{_FIRST_CONVOLUTION[training.family].replace('.', '_')}",)
    fates = dry_run(training, untrained=never, modules=modules)
    listed = "".join(f"  {toml_text(name)},\n" for name in names)
    lines = [
        "# Save this as blocks.toml and add to the command:",
        f"# {_command(training, text)}",
        f"enable_conv = {'true' if conv else 'false'}",
        "unet_target_module = []",
        f"unet_target_name = [\n{listed}]",
    ]
    if not text:
        lines.append("text_encoder_target_module = []")
    return Arguments("lycoris", "\n".join(lines), fates, tuple(notes))


def _command(training: Training, text_rate: float) -> str:
    words = ["--network_module", "lycoris.kohya", "--unet_lr", number(training.unet_lr)]
    words += ["--text_encoder_lr", number(text_rate)] if text_rate else ["--network_train_unet_only"]
    words += [*dimension_words(training), "--network_args", '"algo=lora"', '"preset=blocks.toml"']
    if training.conv_dim is not None and training.family in _UNETS:
        words += [f'"conv_dim={training.conv_dim}"', f'"conv_alpha={format_weight(training.conv_alpha)}"']
    return " ".join(words)


def _names(family: str, blocks: list[str]) -> Iterator[str]:
    for series, numbers in by_series(blocks).items():
        yield dotted_pattern(SERIES[family][series], numbers)


def _unet_names(family: str, blocks: list[str], *, conv: bool) -> Iterator[str]:
    """A pattern for every attention and (with `conv`) resnet and sampler of these blocks."""
    if conv and "IN00" in blocks:
        yield f"{_FIRST_CONVOLUTION[family].replace('.', '[.]')}$"
    parts: dict[str, None] = {}
    for module in unet_modules(family):
        if module.block in blocks and (conv or module.standard) and (part := _PART.match(module.path)):
            parts[part[0]] = None
    yield from (f"{part.replace('.', '[.]')}[.]" for part in parts)
