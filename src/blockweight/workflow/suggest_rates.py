"""From what an analysis measured to a training: a learning rate and a rank for each block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.blocks import family_by_name
from blockweight.lora import Lora, open_lora
from blockweight.measure import Verdict
from blockweight.weights import level_weights
from blockweight.workflow.number_texts import size_text
from blockweight.workflow.places import lora_place
from blockweight.workflow.train_arguments import TrainArguments, train_arguments
from blockweight.workflow.tuning import latest_analysis
from blockweight.workflow.tuning_project import TuningProject


@dataclass(frozen=True)
class SuggestedRates:
    """What a training could begin from: `verdicts` by block, as the analysis gave them; sd-scripts' arguments, whose
    weights are factors of the learning rate; `ranks`, the same as shares of the rank instead, 0 for a block that is
    left out; and how large the file would be with rates and with ranks, None where the LoRA's own cannot tell."""

    verdicts: Mapping[str, Verdict]
    arguments: TrainArguments
    ranks: Mapping[str, int]
    bytes_by_rate: int | None
    bytes_by_rank: int | None

    @property
    def left_out(self) -> tuple[str, ...]:
        """The blocks that would not be trained."""
        return tuple(block for block, rank in self.ranks.items() if not rank)

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {
            "verdicts": {block: verdict.value for block, verdict in self.verdicts.items()},
            "weights": self.arguments.weights.text(),
            "ranks": dict(self.ranks),
            "left_out": list(self.left_out),
            "bytes_by_rate": self.bytes_by_rate,
            "bytes_by_rank": self.bytes_by_rank,
            "text": self.arguments.arguments.text,
            "notes": list(self.arguments.notes),
        }

    def lines(self) -> list[str]:
        """For people."""
        rows = [("block", "suggested", "rate", "rank")]
        weights = dict(self.arguments.weights.items())
        rows += [
            (block, verdict.value, f"{weights[block]:g}", str(self.ranks[block]))
            for block, verdict in self.verdicts.items()
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        sizes = [
            f"file:    about {size_text(found)} with {what}"
            for found, what in ((self.bytes_by_rate, "rates"), (self.bytes_by_rank, "ranks"))
            if found is not None
        ]
        return [
            *("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows),
            "",
            f"rates:   --block-lr {self.arguments.weights.text()}",
            f"ranks:   --block-rank R:{','.join(map(str, self.ranks.values()))}",
            f"without: {', '.join(self.left_out) or '-'}",
            *sizes,
            f"sd-scripts: {self.arguments.arguments.text}",
            *(f"Note: {note}" for note in self.arguments.notes),
        ]


def suggest_rates(tuning: TuningProject, levels: str, network_dim: int, network_alpha: float) -> SuggestedRates:
    """By the latest analysis: a level for the blocks that it suggests to keep, one for those about which it settled
    nothing or that it left out, and one for those to drop (`weights.level_weights`); a block that the LoRA has no
    modules in is 1. BlockweightError without an analysis, and for a family that sd-scripts trains otherwise."""
    state = tuning.state()
    told = latest_analysis(state).suggestions
    lora = open_lora(lora_place(tuning.log))
    layout = family_by_name(state.subject.layout.family).layout
    verdicts = {block: Verdict(told[block][0]) if block in told else Verdict.UNKNOWN for block in lora.blocks}
    groups = {
        verdict.value: tuple(block for block, each in verdicts.items() if each is verdict)
        for verdict in (Verdict.KEEP, Verdict.UNKNOWN, Verdict.DROP)
    }
    weights = level_weights(levels, groups, layout)
    conv = any(lora.algorithm(module) == "locon" for module in lora.modules)
    arguments = train_arguments(
        weights.text(),
        layout.family,
        "sd-scripts",
        network_dim=network_dim,
        network_alpha=network_alpha,
        conv_dim=network_dim if conv else None,
        conv_alpha=network_alpha,
    )
    ranks = {block: max(1, round(network_dim * value)) if value else 0 for block, value in weights.items()}
    plain = {block: network_dim if rank else 0 for block, rank in ranks.items()}
    return SuggestedRates(verdicts, arguments, ranks, _bytes(lora, plain), _bytes(lora, ranks))


def _bytes(lora: Lora, ranks: Mapping[str, int]) -> int | None:
    """The size of a file with these ranks, by the LoRA's own modules; None if it has any that have no rank."""
    total = 0
    for module, roles in lora.modules.items():
        if lora.algorithm(module) not in ("lora", "locon"):
            return None
        rank = ranks.get(lora.block_of(module), 0)
        share = rank / roles["lora_down"].shape[0]
        total += round(sum(info.size for name, info in roles.items() if name != "alpha") * share)
    return total
