"""What a page offers to stand on a plot's axes: the kinds, how their values are given, and the files to choose from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import SAMPLERS, SCHEDULES, UPSCALERS
from blockweight.project import TuningState
from blockweight.workflow.lora_library import Library
from blockweight.workflow.model_library import ModelLibrary, models_below
from blockweight.workflow.plots.identified import IdentifiedFiles, Known
from blockweight.workflow.plots.input_pictures import input_pictures
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import NO_LORA
from blockweight.workflow.renderers import renderer_choices
from blockweight.workflow.settings import load_settings
from blockweight.workflow.tuning_project import TuningProject

Editor = Literal["weights", "blocks", "numbers", "text", "lines", "lora", "model", "vae", "picture", "list"]
"""How values are given: lines of weights, an expression over blocks, numbers and ranges, values with commas between
them, one a line, files, or names from a list."""

FILES = ("lora", "model", "vae", "picture")
"""Editors that choose files."""

AUTOMATIC_VAE = "Automatic"


@dataclass(frozen=True)
class PaletteKind:
    """A kind of chip: its name, the group that it stands in, its editor, and what stands in it at first."""

    name: str
    group: str
    editor: Editor
    first: str = ""


KINDS: tuple[PaletteKind, ...] = (
    PaletteKind("weights", "lora", "weights", "no LoRA\nALL\ncurrent"),
    PaletteKind("blocks", "lora", "blocks"),
    PaletteKind("values", "lora", "numbers", "0, 0.5, 1"),
    PaletteKind("lora", "lora", "lora"),
    PaletteKind("strength", "lora", "numbers", "0.5, 0.75, 1"),
    PaletteKind("te", "lora", "numbers", "0, 0.5, 1"),
    PaletteKind("unet", "lora", "numbers", "0, 0.5, 1"),
    PaletteKind("start", "lora", "numbers", "1, 5, 10"),
    PaletteKind("stop", "lora", "numbers", "5, 10, 15"),
    PaletteKind("tag", "lora", "text"),
    PaletteKind("sr", "prompt", "text"),
    PaletteKind("prompt", "prompt", "lines"),
    PaletteKind("negative", "prompt", "lines"),
    PaletteKind("seed", "picture", "numbers", "1-4"),
    PaletteKind("size", "picture", "text"),
    PaletteKind("model", "picture", "model"),
    PaletteKind("vae", "picture", "vae"),
    PaletteKind("renderer", "picture", "list"),
    PaletteKind("clip-skip", "picture", "numbers", "1, 2"),
    PaletteKind("init-image", "picture", "picture"),
    PaletteKind("sampler", "sampling", "list"),
    PaletteKind("scheduler", "sampling", "list"),
    PaletteKind("steps", "sampling", "numbers", "10-30 (+10)"),
    PaletteKind("cfg", "sampling", "numbers", "4, 7, 10"),
    PaletteKind("distilled-cfg", "sampling", "numbers", "2, 3.5, 5"),
    PaletteKind("eta", "sampling", "numbers", "0, 0.5, 1"),
    PaletteKind("variation", "sampling", "numbers", "0, 0.1, 0.2"),
    PaletteKind("hires-upscaler", "second", "list"),
    PaletteKind("hires-steps", "second", "numbers", "0, 10, 20"),
    PaletteKind("denoise", "second", "numbers", "0.3, 0.5, 0.7"),
    PaletteKind("control-weight", "second", "numbers", "0, 0.5, 1"),
    PaletteKind("control-picture", "second", "picture"),
)
"""In the order in which they stand there."""


def listed() -> dict[str, tuple[str, ...]]:
    """What can be chosen, by kind."""
    return {
        "renderer": renderer_choices(),
        "sampler": tuple(SAMPLERS),
        "scheduler": tuple(SCHEDULES),
        "hires-upscaler": tuple(UPSCALERS),
    }


@dataclass(frozen=True)
class FileChoice:
    """A file to choose: what is sent for it, and its name below the folder that it lies in."""

    value: str
    name: str


@dataclass(frozen=True)
class Palette:
    """The files that a project's plots may name, and what is known of them. No path of a page's reaches any other."""

    state: TuningState
    folder: Path
    files: IdentifiedFiles

    @cached_property
    def loras(self) -> tuple[FileChoice, ...]:
        """LoRAs of the settings' folders and the project's own, and none at all."""
        library = Library(tuple(dict.fromkeys((self.folder, *load_settings().loras))))
        found = [FileChoice(str(file.path), file.name) for file in library.files()]
        return (FileChoice(NO_LORA, ""), *_own_first(found, {self.state.lora.path}))

    @cached_property
    def models(self) -> tuple[FileChoice, ...]:
        """Models of the settings' folders, and the embedded one."""
        found = [FileChoice(str(file.path), file.name) for file in ModelLibrary(load_settings().models).files()]
        return tuple(_own_first(found, {scene.checkpoint.path for scene in self.state.scenes}))

    @cached_property
    def vaes(self) -> tuple[FileChoice, ...]:
        """VAEs of the settings' folders, and the model's own."""
        paths = (path for folder in load_settings().models for path in models_below(folder))
        found = [FileChoice(str(path), path.name) for path in dict.fromkeys(paths) if self.files.is_vae(path)]
        return (FileChoice(AUTOMATIC_VAE, ""), *found)

    @cached_property
    def pictures(self) -> tuple[FileChoice, ...]:
        """Pictures that were added to the project, and those of its scenes."""
        scenes = [held.path for scene in self.state.scenes for held in scene.files if held.kind == "picture"]
        paths = dict.fromkeys((*map(str, input_pictures(self.folder)), *scenes))
        return tuple(FileChoice(path, Path(path).name) for path in paths)

    def open_path(self, editor: str, text: str) -> str:
        """A chosen file as the resolver takes it. BlockweightError for one that is not offered."""
        offered: Mapping[str, Callable[[], Sequence[FileChoice]]] = {
            "lora": lambda: self.loras,
            "model": lambda: self.models,
            "vae": lambda: self.vaes,
            "picture": lambda: self.pictures,
        }
        if not any(choice.value == text for choice in offered[editor]()):
            if editor == "picture":
                raise BlockweightError(f"The picture {quoted(text, 200)} is not in the project; add it to the list.")
            raise BlockweightError(
                f"{quoted(text, 200)} is not in the folders of the settings any more; choose another file."
            )
        return text

    def resolver(self, chosen: Collection[str], fill: float | None) -> Resolver:
        """What reads the plot's files: the project's own and the `chosen` ones by their paths, others by their names
        alone."""
        return Resolver(files=self.files, fill=fill, paths=frozenset((*self._own, *chosen)))

    @property
    def _own(self) -> list[str]:
        """The project's files."""
        return [self.state.lora.path, *(held.path for scene in self.state.scenes for held in scene.files)]


def palette_kind(name: str) -> PaletteKind:
    """The kind of this name. BlockweightError for one that the page does not offer."""
    found = next((kind for kind in KINDS if kind.name == name), None)
    if found is None:
        raise BlockweightError(f"Nothing called {quoted(name)} can stand in a slot; load the page anew.")
    return found


def palette_of(tuning: TuningProject) -> Palette:
    """What a project's page offers."""
    return Palette(tuning.state(), tuning.folder, IdentifiedFiles(_KNOWN))


_KNOWN: Known = {}
"""Kept for as long as the program runs: a page asks again at every change."""


def _own_first(found: Sequence[FileChoice], own: set[str]) -> list[FileChoice]:
    return sorted(found, key=lambda choice: choice.value not in own)
