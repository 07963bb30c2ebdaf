"""The change ΔW that a module of LoRA or LoCon stands for, from its own tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError


@dataclass(frozen=True, eq=False)
class Factors:
    """A low-rank change, ΔW = scale · up · (mid ·) down, in float32.

    Linear: down (rank, in), up (out, rank). Convolution: down (rank, in, kh, kw), up (out, rank, 1, 1). With a Tucker
    core `mid` (rank, rank, kh, kw), down is (rank, in, 1, 1). `scale` is alpha / rank.
    """

    down: NDArray[np.float32]
    up: NDArray[np.float32]
    mid: NDArray[np.float32] | None
    scale: float

    @property
    def rank(self) -> int:
        """The rank that divides alpha: the rows of down, as in kohya's sd-scripts and LyCORIS."""
        return len(self.down)

    def right(self) -> NDArray[np.float32]:
        """All that up is multiplied with, as a matrix: (rank, in · kh · kw)."""
        return _right(self.down, self.mid)

    def delta(self) -> NDArray[np.float32]:
        """ΔW at strength 1, in the shape of the weight that it changes: (out, in) or (out, in, kh, kw)."""
        kernel = self.down.shape[2:] if self.mid is None else self.mid.shape[2:]
        out, inputs = self.up.shape[0], self.down.shape[1]
        product = self.up.reshape(out, -1) @ self.right()
        return (product * np.float32(self.scale)).reshape(out, inputs, *kernel)


def factors_of(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> Factors:
    """Factors from a module's tensors by role: lora_up, lora_down, and where present lora_mid and alpha.

    A missing alpha means scale 1. An alpha of 0 means scale 0, as in ComfyUI and A1111 (sd-scripts reads it as 1).
    `name` is the module's, for messages. BlockweightError for a missing factor, shapes that do not belong together,
    and values that are not finite numbers.
    """
    _check_shapes(name, arrays)
    up, down = (_finite(name, role, arrays[role]) for role in ("lora_up", "lora_down"))
    mid = _finite(name, "lora_mid", arrays["lora_mid"]) if "lora_mid" in arrays else None
    scale = 1.0
    if "alpha" in arrays:
        alpha = arrays["alpha"]
        if alpha.size != 1 or np.iscomplexobj(alpha) or not isfinite(value := float(alpha.reshape(()))):
            raise BlockweightError(f"The alpha of the module {name} is not one finite number; get the file again.")
        scale = value / down.shape[0]
    return Factors(down, up, mid, scale)


def right_of(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    """`Factors.right` of such a module, whatever the numbers of its up. BlockweightError as in `factors_of`."""
    _check_shapes(name, arrays)
    down = _finite(name, "lora_down", arrays["lora_down"])
    return _right(down, _finite(name, "lora_mid", arrays["lora_mid"]) if "lora_mid" in arrays else None)


def _right(down: NDArray[np.float32], mid: NDArray[np.float32] | None) -> NDArray[np.float32]:
    inputs = down.reshape(len(down), -1)
    if mid is None:
        return inputs
    core: NDArray[np.float32] = np.einsum("pq...,qi->pi...", mid, inputs)
    return core.reshape(len(core), -1)


def _check_shapes(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    for role in ("lora_up", "lora_down"):
        if role not in arrays:
            raise BlockweightError(f"The module {name} has no {role}: the file is damaged, so get it again.")
    mid = arrays["lora_mid"].shape if "lora_mid" in arrays else None
    if not _belong_together(arrays["lora_up"].shape, arrays["lora_down"].shape, mid):
        shapes = ", ".join(f"{role} {array.shape}" for role, array in arrays.items() if role.startswith("lora_"))
        raise BlockweightError(f"The shapes in the module {name} do not fit each other ({shapes}); get the file again.")


def _belong_together(up: tuple[int, ...], down: tuple[int, ...], mid: tuple[int, ...] | None) -> bool:
    if len(up) < 2 or len(down) < 2 or 0 in (*up, *down) or not set(up[2:]) <= {1}:
        return False
    if mid is None:
        return up[1] == down[0]
    return len(mid) > 2 and 0 not in mid and set(down[2:]) <= {1} and (up[1], mid[1]) == (mid[0], down[0])


def _finite(name: str, role: str, values: NDArray[np.generic]) -> NDArray[np.float32]:
    if np.iscomplexobj(values):
        raise BlockweightError(f"{role} of the module {name} holds complex numbers; a LoRA has real ones.")
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise BlockweightError(
            f"{role} of the module {name} holds values that are not finite numbers (NaN or Inf): the LoRA is broken, "
            "so train or download it again."
        )
    return numbers
