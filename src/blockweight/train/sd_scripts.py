"""sd-scripts: which network module and arguments stand for the weights, as a command line and as a `--config_file`.

Source: kohya-ss/sd-scripts at 48d368fa, `train_network.py`, `library/train_util.py` (`read_config_from_file`) and the
modules in `networks/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from blockweight.train.block_names import by_series, dotted_pattern, flat_pattern, patterns, ranges
from blockweight.train.training import (
    TEXT_BLOCKS,
    Arguments,
    BlockFate,
    Training,
    check_masks,
    dry_run,
    number,
    rate_notes,
)
from blockweight.train.unet_modules import modules_by_block
from blockweight.weights import format_weight, lr_weights

_TEXT_RATES = {
    "sd1": ("BASE",),
    "sd2": ("BASE",),
    "sdxl": ("BASE", "BASE"),
    "flux1": ("CLIP", "T5"),
    "sd3": ("CLIP", "CLIP", "T5"),
    "anima": ("BASE",),
    "hunyuan-image": (),
}
"""Family → which block each of `--text_encoder_lr`'s numbers comes from."""

FAMILIES = (*_TEXT_RATES,)

WITHOUT_BLOCKS = {
    "lumina2": "sd-scripts chooses only whole groups of Lumina's blocks (train_blocks); its train_block_indices is "
    "never passed on"
}
"""Families that sd-scripts trains, but without any choice of blocks; and why."""


@dataclass(frozen=True)
class Script:
    """What sd-scripts is told, whatever the form. `text_rates` are empty where no text encoder is trained."""

    network_module: str
    network_args: tuple[tuple[str, str], ...]
    text_rates: tuple[float, ...]
    fates: tuple[BlockFate, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def only(self) -> str | None:
        """The option that leaves out text encoders or the denoiser, where nothing of it is trained."""
        if not self.text_rates:
            return "network_train_unet_only"
        unet = any(each.fate == "trained" for each in self.fates if each.block not in TEXT_BLOCKS)
        return None if unet else "network_train_text_encoder_only"


def script(training: Training) -> Script:
    """The arguments for a family of FAMILIES; KeyError for another. BlockweightError where no module would be trained,
    and for SD3 weights other than 0 and 1."""
    return _SCRIPTS[training.family](training)


def command_line(training: Training) -> Arguments:
    """What to add to the command that starts sd-scripts, on one line that bash, PowerShell and cmd read alike."""
    plan = script(training)
    words = ["--network_module", plan.network_module, "--unet_lr", number(training.unet_lr)]
    if plan.text_rates:
        words += ["--text_encoder_lr", *map(number, plan.text_rates)]
    if plan.only:
        words.append(f"--{plan.only}")
    words += dimension_words(training)
    if plan.network_args:
        words += ["--network_args", *(f'"{key}={value}"' for key, value in plan.network_args)]
    return Arguments("sd-scripts", " ".join(words), plan.fates, plan.notes)


def dimension_words(training: Training) -> list[str]:
    """`--network_dim` and `--network_alpha`, where given."""
    words = []
    if training.network_dim is not None:
        words += ["--network_dim", str(training.network_dim)]
    if training.network_alpha is not None:
        words += ["--network_alpha", number(training.network_alpha)]
    return words


def config_file(training: Training) -> Arguments:
    """The same as a TOML file for `--config_file`."""
    plan = script(training)
    lines = [f"network_module = {toml_text(plan.network_module)}", f"unet_lr = {number(training.unet_lr)}"]
    if plan.text_rates:
        lines.append(f"text_encoder_lr = [{', '.join(map(number, plan.text_rates))}]")
    if plan.only:
        lines.append(f"{plan.only} = true")
    if training.network_dim is not None:
        lines.append(f"network_dim = {training.network_dim}")
    if training.network_alpha is not None:
        lines.append(f"network_alpha = {number(training.network_alpha)}")
    if plan.network_args:
        listed = "".join(f"  {toml_text(f'{key}={value}')},\n" for key, value in plan.network_args)
        lines.append(f"network_args = [\n{listed}]")
    return Arguments("sd-scripts-toml", "\n".join(lines), plan.fates, plan.notes)


def toml_text(text: str) -> str:
    """A TOML basic string; for plain ASCII it is written as JSON writes it."""
    return json.dumps(text)


def _text_rates(training: Training) -> tuple[float, ...]:
    rates = tuple(training.rate(block) for block in _TEXT_RATES[training.family])
    return rates if any(rates) else ()


def _unet(training: Training) -> Script:
    conv = training.conv_dim is not None
    lists = lr_weights(training.weights)
    if lists is None:
        raise ValueError(training.family)
    network_args = [
        (f"{name}_lr_weight", ",".join(map(format_weight, values)))
        for name, values in (("down", lists.down), ("mid", lists.mid), ("up", lists.up))
    ]
    if training.conv_dim is not None:
        network_args += [("conv_dim", str(training.conv_dim)), ("conv_alpha", format_weight(training.conv_alpha))]
    fates = dry_run(training, modules=modules_by_block(training.family, conv=conv))
    return Script("networks.lora", tuple(network_args), _text_rates(training), fates, rate_notes(training))


def _transformer_notes(training: Training, never: Iterable[str]) -> list[str]:
    notes = list(rate_notes(training))
    if training.conv_dim is not None:
        notes.append(f"--conv-dim is left out: {training.family} has no convolutions to train.")
    weighted = [block for block in never if training.weights.weight(block) > 0]
    if weighted:
        notes.append(f"Not trained, whatever the weight: {', '.join(weighted)}.")
    return notes


def _with_t5(training: Training, notes: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The argument that trains T5 where its rate is above 0, and the text blocks that are kept at zero."""
    if training.rate("T5") > 0:
        notes.append("T5 above 0 trains the T5 text encoder, which takes much memory; write 0 to leave it out.")
        kept = [] if training.rate("CLIP") > 0 else ["CLIP"]
        return [("train_t5xxl", "True")], kept
    return [], []


def _groups(training: Training, blocks: Iterable[str]) -> dict[float, list[str]]:
    """Weight → its blocks, in order of appearance, without those of weight 0 and 1."""
    groups: dict[float, list[str]] = {}
    for block in blocks:
        weight = training.weights.weight(block)
        if weight not in (0, 1):
            groups.setdefault(weight, []).append(block)
    return groups


def _rate_list(
    training: Training, blocks: Iterable[str], make: Callable[[str, Iterable[int]], str]
) -> list[tuple[str, str]]:
    """`network_reg_lrs`: absolute learning rates by pattern, blocks of equal weight together."""
    pairs = [
        f"{pattern}={number(training.rate(group[0]))}"
        for group in _groups(training, blocks).values()
        for pattern in patterns(training.family, group, make)
    ]
    return [("network_reg_lrs", ",".join(pairs))] if pairs else []


def _streams(training: Training) -> Script:
    """Flux.1 with Chroma, and HunyuanImage: double and single blocks."""
    blocks = [block for block in training.blocks if block not in ("IN", "OUT")]
    notes = _transformer_notes(training, ("IN", "OUT"))
    zero = [block for block in blocks if training.rate(block) == 0]
    network_args: list[tuple[str, str]] = []
    if zero and training.family == "flux1" and not _groups(training, blocks):
        chosen = by_series(block for block in blocks if block not in zero)
        network_args += [
            ("train_double_block_indices", ranges(chosen.get("D", ()))),
            ("train_single_block_indices", ranges(chosen.get("S", ()))),
        ]
    else:
        network_args += _rate_list(training, (block for block in blocks if block not in zero), flat_pattern)
        if zero:
            dropped = ",".join(f"{pattern}=0" for pattern in patterns(training.family, zero, flat_pattern))
            network_args.append(("network_reg_dims", dropped))
    kept: list[str] = []
    if training.family == "flux1":
        t5, kept = _with_t5(training, notes)
        network_args += t5
    module = "networks.lora_flux" if training.family == "flux1" else "networks.lora_hunyuan_image"
    fates = dry_run(training, untrained=("IN", "OUT"), zero=kept)
    return Script(module, tuple(network_args), _text_rates(training), fates, tuple(notes))


def _anima(training: Training) -> Script:
    notes = _transformer_notes(training, ("IN", "OUT"))
    adapter = [block for block in training.blocks if block.startswith("A")]
    blocks = [block for block in training.blocks if block not in ("IN", "OUT")]
    network_args: list[tuple[str, str]] = []
    if any(training.rate(block) for block in adapter):
        network_args.append(("train_llm_adapter", "True"))
        notes.append("A weight above 0 in A00 to A05 trains the text adapter too; write 0 there to leave it out.")
    else:
        blocks = [block for block in blocks if block not in adapter]
    zero = [block for block in blocks if training.rate(block) == 0]
    network_args += _rate_list(training, (block for block in blocks if block not in zero), dotted_pattern)
    if zero:
        excluded = ", ".join(f"'{pattern}'" for pattern in patterns("anima", zero, dotted_pattern))
        network_args.append(("exclude_patterns", f"[{excluded}]"))
    fates = dry_run(training, untrained=("IN", "OUT"))
    return Script("networks.lora_anima", tuple(network_args), _text_rates(training), fates, tuple(notes))


def _sd3(training: Training) -> Script:
    blocks = [block for block in training.blocks if block not in ("IN", "OUT")]
    check_masks(training, "sd-scripts", blocks, "or lower --unet-lr for all blocks alike")
    notes = _transformer_notes(training, ("IN", "OUT"))
    chosen = [block for block in blocks if training.rate(block) > 0]
    network_args: list[tuple[str, str]] = []
    if len(chosen) < len(blocks):
        network_args.append(("train_block_indices", ranges(by_series(chosen).get("J", ()))))
    t5, kept = _with_t5(training, notes)
    fates = dry_run(training, untrained=("IN", "OUT"), zero=kept)
    return Script("networks.lora_sd3", (*network_args, *t5), _text_rates(training), fates, tuple(notes))


_SCRIPTS: dict[str, Callable[[Training], Script]] = {
    "sd1": _unet,
    "sd2": _unet,
    "sdxl": _unet,
    "flux1": _streams,
    "hunyuan-image": _streams,
    "anima": _anima,
    "sd3": _sd3,
}
