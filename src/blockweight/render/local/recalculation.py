"""What a gradient needs of a model's calls: kept where there is room, and calculated again on the way back where not
(Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost). Then the memory does not grow with the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from blockweight.render.local.memory import free_bytes

SHARE = 0.5
"""Of a graphics card's free memory that calls may keep."""

ROOM = 2**30
"""Bytes that they may keep where the memory is the machine's own."""

Moment = Callable[[], Callable[[], None]]
"""Gives what comes back to the state of the model that is now."""


def _unheard(_rows: int) -> None:
    """Nobody counts."""


def _nothing() -> None:
    """There is but one state."""


class Recalculation:
    """For one picture on `device`."""

    def __init__(self, device: torch.device, room: int | None = None) -> None:
        free = free_bytes(device)
        self._left = room if room is not None else ROOM if free is None else int(SHARE * free)
        self._sizes: dict[tuple[int, ...], int] = {}

    @contextmanager
    def of(
        self, part: Any, method: str, called: Callable[[int], None] = _unheard, moment: Moment = lambda: _nothing
    ) -> Iterator[None]:
        """In here a call of `part`'s method keeps what it needs, or is made again on the way back, in the `moment` of
        the first. `called` is told the rows of each call, those on the way back too."""
        own, before = getattr(part, method), part.__dict__.get(method)

        @wraps(own)
        def watched(*given: Any, **named: Any) -> Any:
            call = partial(own, *given, **named)
            first = given[0] if given else next(iter(named.values()))
            size = self._size(call, first)
            come_back = moment()

            def counted() -> Any:
                come_back()
                called(len(first))
                return call()

            if size <= self._left:
                self._left -= size
                return counted()
            return checkpoint(counted, use_reentrant=False, preserve_rng_state=False)

        setattr(part, method, watched)
        try:
            yield
        finally:
            if before is None:
                delattr(part, method)
            else:
                setattr(part, method, before)

    def _size(self, call: Callable[[], Any], first: Any) -> int:
        """Bytes that a call would keep: tried once for every size of its input, keeping none of them."""
        inputs = [first] if isinstance(first, Tensor) else list(first)
        key = tuple(side for each in inputs for side in each.shape)
        if key not in self._sizes:
            found, nothing = 0, torch.empty(0)

            def pack(kept: Tensor) -> Tensor:
                nonlocal found
                found += 0 if isinstance(kept, nn.Parameter) else kept.numel() * kept.element_size()
                return nothing

            with saved_tensors_hooks(pack, lambda kept: kept):
                call()
            self._sizes[key] = found
        return self._sizes[key]
