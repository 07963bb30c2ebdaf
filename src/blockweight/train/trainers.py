"""The trainers that arguments are written for: an explicit list, the first to come into question first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from blockweight.errors import BlockweightError, quoted
from blockweight.train import ai_toolkit, kohya_gui, lycoris, musubi, sd_scripts
from blockweight.train.training import Arguments, Training


@dataclass(frozen=True)
class Trainer:
    """One form of arguments, and the families whose blocks it can choose.

    `write` takes a training of one of them, and raises BlockweightError for weights that the trainer cannot represent.
    `without_blocks` says why of families that it trains but whose blocks it cannot choose. `beyond_standard` says that
    its LoRA has modules in blocks that a standard LoRA has none in, even without convolutions.
    """

    name: str
    families: tuple[str, ...]
    write: Callable[[Training], Arguments]
    without_blocks: Mapping[str, str] = field(default_factory=dict)
    beyond_standard: bool = False

    def arguments(self, training: Training) -> Arguments:
        """The arguments; BlockweightError for a family or for weights that the trainer cannot represent."""
        if training.family in self.families:
            return self.write(training)
        others = [other.name for other in TRAINERS if training.family in other.families]
        why = self.without_blocks.get(training.family, f"{self.name} takes nothing per block for {training.family}")
        nearest = f"use --for {' or '.join(others)}" if others else "no other trainer known here does"
        raise BlockweightError(f"{why}; {nearest}.")


TRAINERS: tuple[Trainer, ...] = (
    Trainer("sd-scripts", sd_scripts.FAMILIES, sd_scripts.command_line, sd_scripts.WITHOUT_BLOCKS),
    Trainer("sd-scripts-toml", sd_scripts.FAMILIES, sd_scripts.config_file, sd_scripts.WITHOUT_BLOCKS),
    Trainer("kohya-gui", kohya_gui.FAMILIES, kohya_gui.gui_config),
    Trainer("musubi", musubi.FAMILIES, musubi.exclude_patterns),
    Trainer("ai-toolkit", ai_toolkit.FAMILIES, ai_toolkit.network_kwargs, beyond_standard=True),
    Trainer("lycoris", lycoris.FAMILIES, lycoris.preset),
)


def trainer_by_name(name: str) -> Trainer:
    """The trainer of this name; BlockweightError lists them."""
    for trainer in TRAINERS:
        if trainer.name == name.strip().lower():
            return trainer
    known = ", ".join(trainer.name for trainer in TRAINERS)
    raise BlockweightError(f"There is no trainer called {quoted(name)}; use one of: {known}.")
