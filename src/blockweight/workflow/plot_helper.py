"""All that the tutorial's spreadsheet, LoRA Block Weight Plot Helper, prints for one row of weights."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Round, plan_round
from blockweight.weights import BlockWeights, lr_weights, parse_blocks, retag, uniform
from blockweight.workflow.conversions import Source

KINDS = {"Sub": "sub", "SubAdd": "sub_add", "Add": "add", "AddSub": "add_sub"}
"""The rounds of the sheet, and what JSON calls them."""


_STEPS = ("XYZ", "ALL", "Sub", "Add")
"""The presets that the steps in the WebUI are called by."""


@dataclass(frozen=True)
class PlotHelper:
    """The sheet's outputs: the four rounds by kind, the Effective Block Analyzer's blocks (the unfixed ones), and
    sd-scripts' learning rates (None where the family has none)."""

    weights: BlockWeights
    rounds: dict[str, Round]
    eba_blocks: str
    lr_weight: str | None

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON: weight, sub, sub_add, add and add_sub (presets and prompt_sr each), eba_blocks,
        lr_weight."""
        rounds = {
            KINDS[kind]: {"presets": planned.presets(), "prompt_sr": planned.prompt_sr()}
            for kind, planned in self.rounds.items()
        }
        return {"weight": self.weights.text(), **rounds, "eba_blocks": self.eba_blocks, "lr_weight": self.lr_weight}

    def webui(self, prompt: str) -> dict[str, dict[str, str]]:
        """What to paste into the WebUI for each of the tutorial's steps, by step.

        `xyz` is the Effective Block Analyzer, `all` the weights beside ALL, then the four rounds. Each has `prompt`,
        its LoRA tag rewritten to the step's preset; `prompt_sr`, the values of X/Y/Z plot's Prompt S/R (for `xyz`,
        `blocks`, the Analyzer's); and `weights_setting`, the whole field of LoRA Block Weight. BlockweightError for a
        prompt without a tag.
        """
        if self.weights.name in _STEPS or any(sign in self.weights.name for sign in ",:#"):
            raise BlockweightError(
                f"{quoted(self.weights.name)} cannot be a preset's name beside the steps' own; use "
                f"another, without the signs , : and #, and none of {', '.join(_STEPS)}."
            )
        everything = uniform("ALL", self.weights.layout, 1.0)
        own = [everything.text(), self.weights.text()]
        xyz = "\n".join([uniform("XYZ", self.weights.layout, 1.0).text(), *own])
        steps = {
            "xyz": {"prompt": retag(prompt, "XYZ"), "blocks": self.eba_blocks, "weights_setting": xyz},
            "all": {
                "prompt": retag(prompt, "ALL"),
                "prompt_sr": f"ALL, {self.weights.name}",
                "weights_setting": "\n".join(own),
            },
        }
        for kind, planned in self.rounds.items():
            presets = planned.presets()
            steps[KINDS[kind]] = {
                "prompt": retag(prompt, planned.variants[0].weights.name),
                "prompt_sr": planned.prompt_sr(),
                "weights_setting": "\n".join([*presets, *own]),
            }
        return steps


def plot_helper(
    weights: BlockWeights, fixed: Collection[str], step: float, limits: tuple[float, float] | None = None
) -> PlotHelper:
    """The sheet for these weights. With `limits`, no weight is moved beyond them, and blocks that stand there already
    are left out. BlockweightError as `plan_round`."""
    lists = lr_weights(weights)
    return PlotHelper(
        weights,
        {kind: plan_round(kind, weights, fixed, step, limits) for kind in KINDS},
        ",".join(block for block in weights.layout.blocks if block not in fixed),
        None if lists is None else lists.text(),
    )


def plot_helper_of(
    text: str, family: str, fixed: str, step: float, limits: tuple[float, float] | None = None
) -> PlotHelper:
    """The same from texts as they are typed: weights in any notation, the family's name, and a block expression."""
    weights = Source(family=family, own_lengths=True).read(text).weights
    return plot_helper(weights, parse_blocks(fixed, weights.layout, empty=()), step, limits)
