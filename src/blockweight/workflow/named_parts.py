"""The VAE and the ControlNets that an infotext names, in the folders that a person has named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blockweight.errors import quoted
from blockweight.plan import ControlSettings, Note, PartsSettings
from blockweight.workflow.named_files import part_has_hash, parts_called
from blockweight.workflow.part_options import PartOptions


def named_parts(found: PartsSettings, folders: Sequence[Path], notes: list[Note]) -> PartOptions:
    """The options that an infotext gives; a note for every file that is not found, or is another one. There are all of
    its ControlNets among them or, if one is not found, none, only what is said of each."""
    units = found.controls
    paths = [path for unit in units if (path := _control(unit, folders, notes)) is not None]
    return PartOptions(
        vae=_vae(found, folders, notes),
        denoise=found.denoising,
        control=tuple(paths) if len(paths) == len(units) else (),
        control_weight=tuple(unit.weight for unit in units),
        control_start=tuple(unit.start for unit in units),
        control_end=tuple(unit.end for unit in units),
        control_mode=tuple(unit.mode for unit in units),
        control_resize=tuple(unit.resize for unit in units),
    )


def _vae(found: PartsSettings, folders: Sequence[Path], notes: list[Note]) -> Path | None:
    """The VAE: the one that is named, else the one among the files that Forge loads beside the model."""
    if found.vae:
        return _called("VAE", found.vae, found.vae_hash, ("VAE",), folders, notes)
    vaes = {name: parts_called(name, "VAE", folders) for name in found.modules}
    for name in [name for name, paths in vaes.items() if not paths]:
        text = f"{quoted(name)} is no VAE in the folders of the settings, so it is not loaded; a VAE is given by --vae."
        notes.append(Note(("VAE", name), text))
    return next((paths[0] for paths in vaes.values() if paths), None)


def _control(unit: ControlSettings, folders: Sequence[Path], notes: list[Note]) -> Path | None:
    return _called("ControlNet", unit.model, unit.model_hash, ("ControlNet model",), folders, notes)


def _called(
    kind: str, name: str, short: str, fields: tuple[str, ...], folders: Sequence[Path], notes: list[Note]
) -> Path | None:
    paths = parts_called(name, kind, folders)
    if not paths:
        instead = (
            "the model's own is used; give it (--vae)"
            if kind == "VAE"
            else "none is taken; give all of them (--control)"
        )
        text = f"The {kind} {quoted(name)} is in none of the folders of the settings, so {instead}."
        notes.append(Note(fields, text))
        return None
    right = [path for path in paths if short and part_has_hash(path, kind, short)]
    if short and not right:
        text = f"The {kind} {quoted(name)} that was found is another one: its hash does not begin with {quoted(short)}."
        notes.append(Note(fields, text))
    return (right or paths)[0]
