"""What a module changes of its layer, whatever its kind, with the layer's own weight W at hand.

`algebra` has the changes that a file holds by itself. Some follow from W:

- DoRA: ΔW = m · (W + D) / ‖W + D‖ − W, where D is the change of its other tensors and m its magnitude, one number for
  every column of inputs or row of outputs, over which the norm is taken (LyCORIS `modules/locon.py`, where a float32's
  epsilon is added to the norm; PEFT `tuners/lora/dora.py`).
- GLoRA: ΔW = s · (W · A + B), each of A and B a product of two factors (LyCORIS `modules/glora.py`).
- IA³: ΔW = W · l, l being a number for every output or input (LyCORIS `modules/ia3.py`); PEFT keeps 1 + l.

All of them are changes of the whole weight at strength 1; a block weight scales ΔW, so it scales them in proportion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.algebra import Arrays, Change, Factors, Matrix, alpha_of, change_of, factors_of, finite, scale_of
from blockweight.lora.file import Lora, complete_algorithm, module_name

_EPSILON = float(np.finfo(np.float32).eps)

_ON_OUTPUT = "lora_magnitude_vector"
"""How PEFT calls DoRA's magnitude, which has a number for every output there."""

_PRODUCTS = ("lora", "loha", "lokr")


@dataclass(frozen=True, eq=False)
class LayerChange:
    """What the module `name` adds to a layer's weight and bias at strength 1; None for what stays.

    `weight` is ΔW in factors, or multiplied out in the shape of the layer's weight. `bias` is (out,).
    """

    name: str
    weight: Factors | Change | Matrix | None
    bias: Matrix | None

    @property
    def shape(self) -> tuple[int, ...]:
        """ΔW's as the file tells it, () without one."""
        return () if self.weight is None else _shape(self.weight)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether ΔW can be that of a weight of this shape. (out, in) stands for a 1×1 convolution too and the other
        way round; what LoHa and LoKr hold as a matrix (out, in · kernel) may be a convolution's."""
        made = self.shape
        if isinstance(self.weight, Change) and self.weight.joined != "alone" and len(made) == 2:
            return made == (shape[0], prod(shape[1:]))
        return self.weight is None or _trimmed(made) == _trimmed(shape)

    def taking(self, rows: NDArray[np.intp]) -> LayerChange:
        """Some rows of it, in this order, for a layer that stands for a part of the one that it was made for."""
        weight = self.weight
        if isinstance(weight, Factors):
            weight = replace(weight, up=weight.up[rows])
        elif isinstance(weight, Change) and weight.joined != "kronecker":
            weight = replace(weight, operands=tuple(each.taking(rows) for each in weight.operands))
        elif weight is not None:
            # Kronecker's rows are not those of its operands.
            weight = (weight.rows(0, weight.shape[0]) if isinstance(weight, Change) else weight)[rows]
        return LayerChange(self.name, weight, None if self.bias is None else self.bias[rows])

    def whole(self, shape: tuple[int, ...]) -> Matrix:
        """ΔW multiplied out for a weight of this shape."""
        assert self.weight is not None
        return _whole(self.name, self.weight, shape)


def layer_change(
    lora: Lora, module: Module, weight: Callable[[], Matrix], dtype: type[np.floating] = np.float32
) -> LayerChange:
    """The change of a module to its layer, in numbers of `dtype`. `weight` gives the layer's own weight, (out, in) or
    (out, in, …) of a convolution; it is asked for only if the change follows from it.

    BlockweightError for OFT and BOFT, which no number weakens in proportion, for tensors that are missing or damaged,
    and for those that cannot belong to the layer's weight.
    """
    name, arrays = module_name(module), lora.arrays(module)
    kind = complete_algorithm(arrays.keys())
    if kind == "oft" or (kind == "incomplete" and not {"lora_up", "lora_down"} & arrays.keys()):
        raise _refused(lora, module, kind)

    def own() -> Matrix:
        found = weight()
        if found.ndim < 2:
            raise _misfit(name, f"a change of the kind '{lora.algorithm(module)}'", found.shape)
        return found

    change = _change(name, kind, arrays, own, dtype)
    if "diff" in arrays and kind in _PRODUCTS and change is not None:
        # Beside factors: both are added.
        diff = finite(name, "diff", arrays["diff"], dtype)
        change = diff + _whole(name, change, diff.shape)
    if "dora_scale" in arrays and change is not None:
        info = lora.modules[module]["dora_scale"]
        _check_decomposition(lora, module, info.name)
        magnitude = finite(name, "dora_scale", arrays["dora_scale"], dtype)
        change = _decomposed(name, own(), change, magnitude, on_output=_ON_OUTPUT in info.name)
    return LayerChange(name, change, _bias(name, arrays, dtype))


def _shape(change: Factors | Change | Matrix) -> tuple[int, ...]:
    if isinstance(change, Factors):
        return len(change.up), change.down.shape[1], *change.kernel
    return change.shape


def _whole(name: str, change: Factors | Change | Matrix, shape: tuple[int, ...]) -> Matrix:
    if isinstance(change, Factors):
        change = change.delta()
    elif isinstance(change, Change):
        change = change.rows(0, change.shape[0])
    if change.size != prod(shape) or len(change) != shape[0]:
        raise _misfit(name, f"its change {change.shape}", shape)
    return change.reshape(shape)


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:2] if set(shape[2:]) <= {1} else shape


def _change(
    name: str, kind: str, arrays: Arrays, weight: Callable[[], Matrix], dtype: type[np.floating]
) -> Factors | Change | Matrix | None:
    if kind in ("lora", "incomplete"):
        return factors_of(name, arrays, dtype)
    if kind in _PRODUCTS:
        return change_of(name, kind, arrays, dtype)
    if kind == "glora":
        return _general(name, arrays, weight(), dtype)
    if kind == "ia3":
        return _stretched(name, arrays, weight(), dtype)
    role = "w_norm" if kind == "norm" else "diff"
    return finite(name, role, arrays[role], dtype) if role in arrays else None


def _bias(name: str, arrays: Arrays, dtype: type[np.floating]) -> Matrix | None:
    """What is added to the layer's bias: b_norm, diff_b, and the bias of lora_up, which alpha / rank scales too."""
    found = [finite(name, role, arrays[role], dtype).reshape(-1) for role in ("b_norm", "diff_b") if role in arrays]
    if "lora_up_bias" in arrays:
        found.append(finite(name, "lora_up_bias", arrays["lora_up_bias"], dtype) * dtype(scale_of(name, arrays)))
    total: Matrix | None = None
    for part in found:
        total = part if total is None else total + part
    return total


def _decomposed(
    name: str, weight: Matrix, change: Factors | Change | Matrix, magnitude: Matrix, *, on_output: bool
) -> Matrix:
    """DoRA's ΔW."""
    merged = weight + _whole(name, change, weight.shape)
    out, inputs = weight.shape[:2]
    # A bare vector is PEFT's too. With (out, 1, …) LyCORIS says that it decomposed over outputs (`wd_on_output`).
    on_output |= magnitude.ndim == 1 or (len(magnitude) == out and magnitude.size == out and out > 1)
    if magnitude.size != (out if on_output else inputs):
        raise _misfit(name, f"DoRA's magnitude {magnitude.shape}", weight.shape)
    axes = tuple(axis for axis in range(weight.ndim) if axis != (0 if on_output else 1))
    norm = np.sqrt(np.square(merged).sum(axis=axes, keepdims=True)) + weight.dtype.type(_EPSILON)
    made: Matrix = merged * (magnitude.reshape(norm.shape) / norm) - weight
    return made


def _general(name: str, arrays: Arrays, weight: Matrix, dtype: type[np.floating]) -> Matrix:
    """GLoRA's ΔW. Since 2024 LyCORIS has a1 (in, r), a2 (r, in), b1 (out, r), b2 (r, in · kernel); before, the second
    of each pair came first."""
    a1, a2, b1, b2 = (
        finite(name, role, arrays[role], dtype) for role in ("glora_a1", "glora_a2", "glora_b1", "glora_b2")
    )
    a1, a2, b1, b2 = (
        factor.reshape(len(factor), -1) if factor.ndim else factor.reshape(1, 1) for factor in (a1, a2, b1, b2)
    )
    older = b2.shape[1] == b1.shape[0] == a1.shape[0] == a2.shape[1]
    newer = b2.shape[0] == b1.shape[1] == a1.shape[1] == a2.shape[0]
    if older and newer:
        # Of square ones ComfyUI takes the older order if it fits the layer, so that is what files were tried with.
        newer = not len(a2) == weight.shape[0] == weight.shape[1]
    if newer:
        a1, a2, b1, b2 = a2, a1, b2, b1
    out, inputs = weight.shape[:2]
    fitting = (a2.shape[0], a1.shape[1], b2.shape[0], b1.shape[1]) == (inputs, inputs, out, prod(weight.shape[1:]))
    if not (older or newer) or not fitting:
        raise _misfit(name, f"GLoRA's factors {a2.shape}·{a1.shape} and {b2.shape}·{b1.shape}", weight.shape)
    alpha = alpha_of(arrays)
    scale = dtype(1.0 if alpha is None else alpha / len(a1))
    through = np.moveaxis(np.tensordot(weight, a2 @ a1, axes=(1, 0)), -1, 1)
    made: Matrix = (through + (b2 @ b1).reshape(weight.shape)) * scale
    return made


def _stretched(name: str, arrays: Arrays, weight: Matrix, dtype: type[np.floating]) -> Matrix:
    """IA³'s ΔW."""
    role = "ia3_l" if "ia3_l" in arrays else "ia3_weight"
    stretch = finite(name, role, arrays[role], dtype)
    if role == "ia3_l":
        # PEFT's is (out, 1) or (1, in), but (1, n, 1, 1) of a convolution whichever it is.
        on_input = stretch.shape[:1] == (1,) and (stretch.ndim == 2 or stretch.size != len(weight))
        stretch = stretch - dtype(1)
    else:
        on_input = bool(np.any(arrays["ia3_on_input"]))
    axis = 1 if on_input else 0
    if stretch.size != weight.shape[axis]:
        raise _misfit(name, f"IA³'s {stretch.size} numbers", weight.shape)
    made: Matrix = weight * stretch.reshape([-1 if each == axis else 1 for each in range(weight.ndim)])
    return made


def _check_decomposition(lora: Lora, module: Module, magnitude: str) -> None:
    """Refuse the kind of DoRA that LyCORIS marks with a tensor of its own."""
    marker = f"{magnitude.removesuffix('.dora_scale')}.wd_for_diff"
    if marker in lora.unknown_keys:
        raise BlockweightError(
            f"The module {module_name(module)} of '{lora.path.name}' decomposes its own change ('{marker}'), not the "
            "model's weight as other DoRA does, which cannot be rendered here; merge the LoRA into a checkpoint with "
            "the program that made it, and render that."
        )


def _misfit(name: str, what: str, shape: tuple[int, ...]) -> BlockweightError:
    return BlockweightError(
        f"In the module {name}, {what} cannot be of a {'×'.join(map(str, shape))} weight; the LoRA was made for "
        "another model, or is damaged."
    )


def _refused(lora: Lora, module: Module, kind: str) -> BlockweightError:
    why = (
        "it rotates the model's weights, which no number weakens in proportion, and programs disagree about what its "
        "strength means; merge it into a checkpoint with the program that made it, and render that"
        if kind == "oft"
        else "tensors that belong to it are missing, so get the file again"
    )
    return BlockweightError(
        f"The module {module_name(module)} of '{lora.path.name}' (block {lora.block_of(module)}) is of the kind "
        f"'{kind}', which block weights cannot change here: {why}."
    )
