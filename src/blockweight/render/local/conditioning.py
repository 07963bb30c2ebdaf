"""What a batch attends to in each step, and how its predictions become one a picture: guidance and composition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from blockweight.plan import Scene, read_prompt


@dataclass(frozen=True, eq=False)
class Direction:
    """One row of the UNet's batch: the sample that it belongs to, the weight of its direction (None for the negative
    prompt, from which directions go out), and what it attends to in each step, (tokens, width). SDXL is also told
    `pooled` in each step, (width,): one vector for the whole prompt."""

    sample: int
    weight: float | None
    states: tuple[Tensor, ...]
    pooled: tuple[Tensor, ...] = ()


class Conditioning:
    """The rows of a batch of `samples` pictures; those of negative prompts, if any, come first, one a sample."""

    def __init__(self, rows: Sequence[Direction], samples: int) -> None:
        self._rows = rows
        self._samples = samples
        self._last: tuple[tuple[int, ...], tuple[Tensor, Tensor | None]] | None = None

    @cached_property
    def samples(self) -> list[int]:
        """The sample of every row."""
        return [row.sample for row in self._rows]

    def at(self, step: int) -> tuple[Tensor, Tensor | None]:
        """What the rows attend to in a step, (rows, tokens, width), and which of it is there, (rows, tokens), 1 or 0;
        None if all is.

        The WebUI gives prompts of different lengths to the UNet one after the other; hiding what fills up the shorter
        ones is the same.
        """
        states = [row.states[step] for row in self._rows]
        key = tuple(map(id, states))
        if self._last is None or self._last[0] != key:
            self._last = (key, _stacked(states))
        return self._last[1]

    def pooled(self, step: int) -> Tensor | None:
        """What SDXL is told of the whole prompt of each row in a step, (rows, width); None for models that are not."""
        told = [row.pooled[step] for row in self._rows if row.pooled]
        return torch.stack(told) if told else None

    def guide(self, predicted: Tensor, scale: float) -> Tensor:
        """One prediction a sample of those of the rows, (rows, C, h, w) → (samples, C, h, w): that of the negative
        prompt and from it, `scale` times, the weighted sum of the ways to the others (Liu et al. 2022, Compositional
        Visual Generation with Composable Diffusion Models, eq. 11; with one prompt, classifier-free guidance)."""
        if self._rows[0].weight is not None:
            return predicted
        without, others = predicted[: self._samples], predicted[self._samples :]
        if self._plain:
            return without + scale * (others - without)
        guided = without.clone()
        for row, other in zip(self._rows[self._samples :], others, strict=True):
            assert row.weight is not None
            guided[row.sample] += row.weight * scale * (other - without[row.sample])
        return guided

    @cached_property
    def _plain(self) -> bool:
        others = self._rows[self._samples :]
        return [row.sample for row in others] == list(range(self._samples)) and all(row.weight == 1 for row in others)


def directions(scene: Scene) -> int:
    """How many rows of the UNet's batch a scene takes: its prompts that AND composes, and the negative one, if it plays
    a part. It does unless the CFG scale is 1 and there is one prompt of weight 1."""
    parts = read_prompt(scene.prompt, 1)
    return len(parts) + (scene.cfg_scale != 1 or [part.weight for part in parts] != [1.0])


def in_step(states: Sequence[Tensor], change: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
    """Change the states of all steps, those that are the same tensor once."""
    made = {id(state): state for state in states}
    made = {name: change(state) for name, state in made.items()}
    return tuple(made[id(state)] for state in states)


def _stacked(states: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    longest = max(map(len, states))
    if all(len(state) == longest for state in states):
        return torch.stack(list(states)), None
    filled = [torch.cat([state, state.new_zeros(longest - len(state), state.shape[1])]) for state in states]
    there = torch.zeros(len(states), longest, device=states[0].device)
    for row, state in zip(there, states, strict=True):
        row[: len(state)] = 1
    return torch.stack(filled), there
