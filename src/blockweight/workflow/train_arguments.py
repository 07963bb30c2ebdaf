"""Block weights as a trainer's arguments, and learning rates read back from arguments or a LoRA file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from blockweight.blocks import Family, Layout, family_by_name, layout_by_name
from blockweight.errors import BlockweightError
from blockweight.train import (
    Arguments,
    BlockFate,
    Fate,
    ReadBack,
    Trainer,
    Training,
    read_back,
    trainer_by_name,
)
from blockweight.weights import (
    BlockWeights,
    Context,
    Converted,
    convert,
    from_mapping,
    level_weights,
    parse_groups,
    parse_pasted,
    read_weights,
)

UNET_LR, TEXT_ENCODER_LR = 1e-4, 5e-5
"""The learning rates at weight 1 when none are given: sd-scripts' own example."""

FATES: dict[Fate, str] = {"trained": "trained", "skipped": "skipped", "zero": "kept at zero"}
"""What a person reads of a block's or a module's fate."""

_MOST_BYTES = 10_000_000

_UNKNOWN = "Which modules a block of this model has is not known here, so blocks alone are listed."


@dataclass(frozen=True)
class TrainArguments:
    """A trainer's arguments for some weights. `weights` name every block of the model; `filled` are those that the
    given ones said nothing of, `dropped` those that the model does not have."""

    arguments: Arguments
    weights: BlockWeights
    filled: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Everything to tell the person, a sentence each."""
        notes = list(self.arguments.notes)
        if self.filled:
            notes.insert(0, f"Filled: {', '.join(self.filled)}.")
        if self.dropped:
            notes.insert(0, f"Dropped, for {self.weights.layout.family} has no such blocks: {', '.join(self.dropped)}.")
        return tuple(notes)

    def facts(self, *, names: bool = False) -> dict[str, object]:
        """As plain values, for JSON: trainer, family, weights, text, modules (see `dry_run`), notes."""
        return {
            "trainer": self.arguments.trainer,
            "family": self.weights.layout.family,
            "weights": self.weights.text(),
            "text": self.arguments.text,
            "modules": self.dry_run(names=names),
            "notes": list(self.notes),
        }

    def dry_run(self, *, names: bool) -> dict[str, object]:
        """How many modules the trainer would train, skip, or keep at zero, None where that is not known, and the same
        block by block; with `names` also their LoRA names."""
        count = self.arguments.count
        return {
            "trained": count("trained"),
            "skipped": count("skipped"),
            "kept_at_zero": count("zero"),
            "blocks": [_fate(each, names=names) for each in self.arguments.dry_run],
        }

    def table(self) -> tuple[str, ...]:
        """The dry run as lines for people: a table of blocks, the sums, and each module's fate and LoRA name."""
        rows = [("block", "weight", "learning rate", "modules", "")]
        for each, weight in zip(self.arguments.dry_run, self.weights.vector().split(","), strict=True):
            count = "?" if each.modules is None else str(len(each.modules))
            fate = "-" if count == "0" else FATES[each.fate]
            rows.append((each.block, weight, f"{each.learning_rate:g}", count, fate))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        counts = [self.arguments.count(fate) for fate in FATES]
        if None in counts:
            return (*lines, "", _UNKNOWN)
        total = ", ".join(f"{count} {FATES[fate]}" for count, fate in zip(counts, FATES, strict=True))
        each_module = [f"{FATES[each.fate]}  {name}" for each in self.arguments.dry_run for name in each.modules or ()]
        return (*lines, "", f"Modules: {total}", "", *each_module)


def train_arguments(
    text: str,
    family: str | None,
    trainer: str,
    *,
    unet_lr: float | None = None,
    text_encoder_lr: float | None = None,
    network_dim: int | None = None,
    network_alpha: float | None = None,
    conv_dim: int | None = None,
    conv_alpha: float = 1.0,
    fill: float | None = None,
) -> TrainArguments:
    """The arguments with which a trainer learns at these weights, in any notation.

    Learning rates are those at weight 1; `conv_dim` is the rank of convolutions, which makes it a LoRA-C3Lier (LoCon).
    Blocks that a short vector lacks take `fill`; it may be left out where the LoRA has no modules there.
    BlockweightError for what cannot be read, and for what the trainer cannot represent, with what works instead.
    """
    chosen, form = _family(family), trainer_by_name(trainer)
    converted = whole_weights(text, chosen, fill, form, conv=conv_dim is not None)
    training = Training(
        converted.weights,
        UNET_LR if unet_lr is None else unet_lr,
        TEXT_ENCODER_LR if text_encoder_lr is None else text_encoder_lr,
        network_dim,
        network_alpha,
        conv_dim,
        conv_alpha,
    )
    filled = converted.filled if fill is not None else ()
    return TrainArguments(form.arguments(training), converted.weights, filled, converted.dropped)


def levels_of(groups: str, levels: str, family: str | None) -> tuple[str, ...]:
    """Texts of weights for every block of the family's model, one for each of the levels (`876,654`) of some groups of
    blocks (`important=IN01,…,unknown=…,unimportant=others`). BlockweightError for what cannot be read."""
    layout = _family(family).layout
    named = parse_groups(groups, layout)
    found = [level_weights(level, named, layout).text() for level in re.split(r"[,、\s]+", levels) if level]
    if not found:
        raise BlockweightError("No level is given; add --levels 876,654, with a digit for each group.")
    return tuple(found)


def whole_weights(text: str, family: Family, fill: float | None, trainer: Trainer, *, conv: bool) -> Converted:
    """Weights in any notation, for every block of the model that the trainer makes a LoRA for, with convolutions or
    without. Blocks that a short vector lacks take `fill`; BlockweightError if there is none and it matters."""
    given = _weights(text, family)
    return convert(given, _whole(given, family), _fill(given, family.layout, fill, trainer, conv=conv))


def read_arguments(text: str, family: str | None, unet_lr: float | None = None) -> ReadBack:
    """The block learning rates in pasted arguments, in a .toml or .json file, or in the metadata of a LoRA file, whose
    family is told by its keys. BlockweightError for what cannot be read exactly, or crashes the trainer."""
    ending = _ending(text)
    if ending == ".safetensors":
        # Only a file needs numpy.
        from blockweight.lora import open_lora  # noqa: PLC0415

        lora = open_lora(Path(text.strip()), None if family is None else family_by_name(family))
        metadata = lora.header.metadata
        if "ss_network_args" not in metadata and "ss_network_module" not in metadata:
            raise BlockweightError(
                f"'{lora.path}' does not say how it was trained (it has no ss_network_args); ask its author."
            )
        return read_back(from_mapping(metadata), lora.family.layout, unet_lr)
    chosen = _family(family)
    pasted = parse_pasted(_content(Path(text.strip())) if ending else text)
    return read_back(pasted, chosen.layout, unet_lr)


def _family(name: str | None) -> Family:
    if name is None:
        raise BlockweightError("Which model the blocks are of is not said; add --family, for example --family sd1.")
    family = family_by_name(name)
    if family.guessed:
        raise BlockweightError("The blocks of generic are a guess from a file's keys; name the family that is trained.")
    return family


def _weights(text: str, family: Family) -> BlockWeights:
    context = Context(family=family, own_lengths=True)
    if family.name == "sdxl" and text.count(",") == 25:
        # LoRA Block Weight's full vector, which it takes for SDXL too.
        context = Context(layout=layout_by_name("sd1-26"))
    return read_weights(text, context).weights


def _whole(weights: BlockWeights, family: Family) -> Layout:
    """The layout that names every block of the model that these weights are for."""
    return family.layout if weights.layout.partial or weights.layout.family != family.name else weights.layout


def _fill(weights: BlockWeights, whole: Layout, fill: float | None, trainer: Trainer, *, conv: bool) -> float | None:
    """What blocks get that a short vector lacks: the person's choice, or 1 where it makes no difference."""
    if fill is not None or not weights.layout.partial:
        return fill
    if conv or trainer.beyond_standard:
        missing = [block for block in whole.blocks if block not in weights.layout.blocks]
        raise BlockweightError(
            f"The {len(weights.layout)} weights name no value for {', '.join(missing)}, where "
            f"{'a LoRA with convolutions' if conv else trainer.name} trains modules; add --fill 1, or --fill 0 to "
            "leave those blocks out."
        )
    return 1.0


def _fate(each: BlockFate, *, names: bool) -> dict[str, object]:
    facts: dict[str, object] = {
        "block": each.block,
        "weight": each.weight,
        "learning_rate": each.learning_rate,
        "fate": "kept_at_zero" if each.fate == "zero" else each.fate,
        "modules": None if each.modules is None else len(each.modules),
    }
    return facts | {"names": list(each.modules)} if names and each.modules is not None else facts


def _ending(text: str) -> str | None:
    """The ending of the file that the text names; None for arguments."""
    name = text.strip().lower()
    if set('={["') & set(name) or len(name.splitlines()) > 1:
        return None
    return next((ending for ending in (".safetensors", ".toml", ".json") if name.endswith(ending)), None)


def _content(path: Path) -> str:
    try:
        # Opening a pipe would wait for ever.
        if not path.is_file():
            raise BlockweightError(f"There is no file '{path}'; check the path.")
        if path.stat().st_size > _MOST_BYTES:
            raise BlockweightError(f"'{path}' is too large for a training's settings; name another file.")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        raise BlockweightError(f"'{path}' cannot be read as UTF-8 text; check the file, or paste its text.") from None
