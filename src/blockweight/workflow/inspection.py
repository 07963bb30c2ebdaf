"""Look into a LoRA file: what it holds, how strong each block is, and what to beware of."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from blockweight.blocks import DIALECTS, REST
from blockweight.errors import BlockweightError
from blockweight.lora import (
    Basis,
    Finding,
    LoraFacts,
    ModuleFacts,
    Part,
    block_learning_rates,
    cover_images,
    description,
    findings_of,
    inspect_lora,
    module_name,
    open_lora,
    training_settings,
)

_TITLES = {name: title for name, title, _ in DIALECTS}


@dataclass(frozen=True)
class Inspection:
    """The facts about a file, the findings of `findings_of`, and the picture that was drawn, if any."""

    facts: LoraFacts
    findings: tuple[Finding, ...]
    plot: Path | None = None

    @cached_property
    def dialects(self) -> tuple[str, ...]:
        """The dialects' titles, the most used first."""
        return tuple(_TITLES[name] for name in self.facts.dialects)

    def as_json(self) -> dict[str, object]:
        """Everything as plain values. Strengths are at LoRA strength 1; null is what cannot be known (see `basis`)."""
        facts, lora = self.facts, self.facts.lora
        metadata = lora.header.metadata
        return {
            "file": str(lora.path),
            "size": lora.header.file_size,
            "header_size": lora.header.data_start,
            "family": {
                "name": lora.family.name,
                "title": lora.family.title,
                "layout": lora.family.layout.name,
                "guessed": lora.family.guessed,
            },
            "dialects": dict(facts.dialects),
            "formats": facts.formats,
            **_part_facts(facts.whole),
            "absent": [part.name for part in facts.blocks if not part.modules],
            "blocks": [{"block": part.name, **_part_facts(part)} for part in facts.blocks],
            "components": [{"component": part.name, **_part_facts(part)} for part in facts.components],
            "rest": [module_name(module) for module in lora.rest],
            "unknown_keys": list(lora.unknown_keys),
            "description": description(metadata),
            "cover_images": cover_images(metadata),
            "training": training_settings(metadata),
            "block_learning_rates": block_learning_rates(metadata),
            "metadata_keys": list(metadata),
            "warnings": [
                {
                    "code": finding.code,
                    "fault": finding.fault,
                    "text": f"{finding.title}. {finding.text}",
                    "kind": finding.kind,
                    "names": list(finding.names),
                }
                for finding in self.findings
            ],
            "plot": None if self.plot is None else str(self.plot),
            "module_facts": [_module_facts(module) for module in facts.modules],
        }


def inspect_file(path: Path, plot: Path | None = None) -> Inspection:
    """Read a whole LoRA file and say what it holds; with `plot`, also draw the blocks into that PNG file.

    BlockweightError for a file that is no LoRA, and a plot that has another ending or no folder.
    """
    if plot is not None:
        _check_plot(plot)
    facts = inspect_lora(open_lora(path))
    if plot is not None:
        from blockweight.report import write_whole  # noqa: PLC0415 - matplotlib only where something is drawn

        write_whole(plot, draw(facts))
    return Inspection(facts, findings_of(facts), plot)


def draw(facts: LoraFacts) -> bytes:
    """A PNG with the blocks in the order of the layout as heat strips: strength, strength per number that a block
    changes, effective rank."""
    from blockweight.report import HeatStrip, heat_strips  # noqa: PLC0415 - as above

    parts = [part for part in facts.blocks if part.name != REST or part.modules]
    strips = (
        HeatStrip("strength, ‖ΔW‖", tuple(part.norm for part in parts)),
        HeatStrip("per number, rms of ΔW", tuple(part.rms for part in parts)),
        HeatStrip("effective rank, mean", tuple(part.effective_rank for part in parts)),
    )
    present = tuple(bool(part.modules) for part in parts)
    return heat_strips(tuple(part.name for part in parts), strips, present, title=facts.lora.path.stem)


def _check_plot(plot: Path) -> None:
    if plot.suffix.lower() != ".png":
        raise BlockweightError(f"'{plot}' does not end in .png; the plot is a PNG picture, so name it so.")
    try:
        if stat.S_ISDIR(plot.stat().st_mode):
            raise BlockweightError(f"'{plot}' is a folder; name a PNG file in it.")
    except FileNotFoundError:
        if not plot.absolute().parent.is_dir():
            raise BlockweightError(f"There is no folder '{plot.absolute().parent}'; make it first.") from None
    except (OSError, ValueError) as error:  # a name that is too long, a NUL in it
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"'{plot}' cannot be written ({reason}); choose another place.") from None


def _part_facts(part: Part) -> dict[str, object]:
    return {
        "modules": len(part.modules),
        "algorithms": part.algorithms,
        "ranks": list(part.ranks),
        "alphas": list(part.alphas),
        "parameters": part.parameters,
        "bytes": part.bytes,
        "strength": part.norm,
        "rms": part.rms,
        "singular_values": None if part.singular_values is None else list(part.singular_values),
        "effective_rank": part.effective_rank,
        "basis": [basis.value for basis in part.bases],
    }


def _module_facts(module: ModuleFacts) -> dict[str, object]:
    strength = module.strength
    values = strength.singular_values
    return {
        "module": module_name(module.module),
        "block": module.block,
        "algorithm": module.algorithm,
        "rank": module.rank,
        "alpha": module.alpha,
        "parameters": module.parameters,
        "bytes": module.bytes,
        "formats": list(module.formats),
        "strength": strength.norm,
        "singular_values": None if values is None else list(values),
        "effective_rank": strength.effective_rank,
        "basis": strength.basis.value,
        **({"why": strength.why} if strength.basis is Basis.BROKEN else {}),
    }
