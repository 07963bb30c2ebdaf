"""musubi-tuner: patterns of modules to leave out; it has neither rates nor ranks per block, and no text encoders.

Source: kohya-ss/musubi-tuner at 30c658c, `networks/lora*.py` and `training/trainer_base.py`. Patterns must match a
module's whole dotted name. An argument is cut at every `=`, so a pattern may hold none.
"""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.train.block_names import OTHER_NAMES, SERIES, dotted_pattern, patterns
from blockweight.train.sd_scripts import dimension_words
from blockweight.train.training import TEXT_BLOCKS, Arguments, Training, check_masks, dry_run, number

_MODULATION = ".*(img_mod[.]lin|txt_mod[.]lin|modulation[.]lin).*"
"""What musubi-tuner's Flux modules leave out by default, and forget as soon as patterns are given."""


@dataclass(frozen=True)
class _Network:
    """`series` are those that musubi-tuner trains. `kept` are default patterns to repeat; `more` further arguments;
    `singles` patterns of blocks without a number that it trains too."""

    module: str
    series: tuple[str, ...]
    kept: tuple[str, ...] = ()
    more: tuple[tuple[str, str], ...] = ()
    singles: tuple[tuple[str, str], ...] = ()
    note: str = ""


_NETWORKS = {
    "flux1": _Network(
        "networks.lora_flux", ("D", "S"), kept=(_MODULATION,), note="musubi-tuner trains Flux.1 Kontext."
    ),
    "flux2": _Network("networks.lora_flux_2", ("D", "S"), kept=(_MODULATION,)),
    "wan": _Network("networks.lora_wan", ("B",)),
    "qwen-image": _Network("networks.lora_qwen_image", ("B",)),
    "zimage": _Network("networks.lora_zimage", ("L",)),
    "hunyuan-video": _Network(
        "networks.lora", ("D", "S"), note="For FramePack replace the module by networks.lora_framepack."
    ),
    # Its default include patterns would take every attention and feed-forward layer in again.
    "kandinsky5": _Network("networks.lora_kandinsky", ("T", "B"), more=(("include_patterns", "[]"),)),
    "krea2": _Network(
        "networks.lora_krea2",
        ("TL", "TR", "B"),
        singles=(
            ("IN", "(first|tmlp|tproj|txtmlp)([.].*)?"),
            ("IN", "txtfusion[.]projector"),
            ("OUT", "last[.].*"),
        ),
    ),
}

FAMILIES = (*_NETWORKS,)

BESIDE_BLOCKS = frozenset(
    pattern for each in _NETWORKS.values() for pattern in (*each.kept, *(single for _, single in each.singles))
)
"""The patterns written here that choose no numbered block."""


def exclude_patterns(training: Training) -> Arguments:
    """The arguments that leave out the blocks of weight 0. BlockweightError for weights other than 0 and 1; KeyError
    for a family not of FAMILIES."""
    network = _NETWORKS[training.family]
    singles = {block for block, _ in network.singles}
    trained = [block for block in training.blocks if block in singles or _series(block) in network.series]
    check_masks(training, "musubi-tuner", trained, "or lower --unet-lr for all blocks alike")
    zero = [block for block in trained if training.weights.weight(block) == 0]
    excluded = list(patterns(training.family, zero, dotted_pattern))
    excluded += [pattern for block, pattern in network.singles if block in zero]
    module, notes = network.module, [network.note] if network.note else []
    if training.family == "hunyuan-video":
        if not any(_series(block) == "S" for block in trained):
            module, notes = "networks.lora_hv_1_5", []
        else:
            excluded += [_in_framepack(pattern) for pattern in excluded]
    words = ["--network_module", module, "--learning_rate", number(training.unet_lr), *dimension_words(training)]
    if excluded:
        listed = ", ".join(f"r'{pattern}'" for pattern in (*excluded, *network.kept))
        arguments = (("exclude_patterns", f"[{listed}]"), *network.more)
        words += ["--network_args", *(f'"{key}={value}"' for key, value in arguments)]
    never = [block for block in training.weights.layout.blocks if block not in trained]
    weighted = [block for block in never if training.weights.weight(block) > 0]
    if weighted:
        notes.append(f"Not trained, whatever the weight: {', '.join(weighted)}.")
    if training.conv_dim is not None:
        notes.append(f"--conv-dim is left out: {training.family} has no convolutions to train.")
    return Arguments("musubi", " ".join(words), dry_run(training, untrained=never), tuple(notes))


def _series(block: str) -> str:
    return "" if block in TEXT_BLOCKS else block.rstrip("0123456789")


def _in_framepack(pattern: str) -> str:
    """The pattern in the names of FramePack, whose model is diffusers'."""
    for series, module in OTHER_NAMES["hunyuan-video"].items():
        pattern = pattern.replace(SERIES["hunyuan-video"][series], module)
    return pattern
