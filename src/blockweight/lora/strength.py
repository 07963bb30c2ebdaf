"""How strongly each module of a LoRA changes the model, whatever its algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import hypot

import numpy as np

from blockweight.errors import BlockweightError
from blockweight.lora.algebra import Arrays, Change, change_of
from blockweight.lora.file import complete_algorithm
from blockweight.lora.spectrum import (
    LARGEST_SIDE,
    Spectrum,
    kronecker_spectrum,
    plain_spectrum,
    product_spectrum,
    rows_spectrum,
    square_sum,
)

# No LoRA comes near; squares of larger norms are beyond float64.
_LARGEST = 1e150

_NEEDS_BASE = ("glora", "ia3", "oft")
_FACTORED = ("lora", "loha", "lokr")


class Basis(Enum):
    """What a strength was computed from."""

    EXACT = "exact"
    """The module's whole change."""

    DIRECTION = "before DoRA's normalisation"
    """The low-rank part of a DoRA, which then scales the sum of weight and change back to its own magnitudes: the true
    change needs the base model's weight."""

    BASE_MODEL = "needs the base model"
    """GLoRA, IA3 and OFT multiply the base model's weight, so their change cannot be known without it."""

    BROKEN = "broken"
    """Tensors are missing, do not fit each other, or hold NaN or Inf."""


@dataclass(frozen=True)
class Strength:
    """How large a module's change is at strength 1, alpha / rank included.

    `norm` is the Frobenius norm of all that the module adds, bias included, None where `basis` is BASE_MODEL or
    BROKEN; `elements` is how many numbers it adds to. `singular_values` (the largest, descending) and `effective_rank`
    are those of ΔW as a matrix (out, in · kh · kw), None where they were not computed (see `Spectrum`). `why` says what
    is broken.
    """

    basis: Basis
    norm: float | None = None
    elements: int = 0
    singular_values: tuple[float, ...] | None = None
    effective_rank: float | None = None
    why: str = ""


def strength_of(name: str, arrays: Arrays) -> Strength:
    """The strength of a module from all its tensors; `name` is the module's, for messages. Nothing is raised for a
    broken module; the result says so."""
    algorithm = complete_algorithm(arrays.keys())
    if algorithm in _NEEDS_BASE:
        return Strength(Basis.BASE_MODEL)
    try:
        with np.errstate(all="ignore"):
            spectra = tuple(_spectra(name, algorithm, arrays))
    except BlockweightError as error:
        return Strength(Basis.BROKEN, why=str(error))
    norm = hypot(*(part.norm for part in spectra))
    if not norm < _LARGEST:
        return Strength(Basis.BROKEN, why=f"The module {name} holds values that are not finite numbers (NaN or Inf).")
    elements = sum(part.elements for part in spectra)
    basis = Basis.DIRECTION if "dora_scale" in arrays else Basis.EXACT
    return Strength(basis, norm, elements, spectra[0].singular_values, spectra[0].effective_rank)


def _spectra(name: str, algorithm: str, arrays: Arrays) -> Iterator[Spectrum]:
    """The weight's change, then those of biases and of a norm layer's vectors; BlockweightError for a broken module."""
    for role, array in arrays.items():
        if np.iscomplexobj(array):
            raise BlockweightError(f"{role} of the module {name} holds complex numbers; a LoRA has real ones.")
    scale = 1.0
    if algorithm == "incomplete":
        raise BlockweightError(f"The module {name} has only {', '.join(arrays)}; other tensors are missing.")
    if algorithm in _FACTORED:
        change = change_of(name, algorithm, arrays, np.float32)
        scale = change.scale if algorithm == "lora" else scale
        yield _spectrum(change)
    elif "diff" in arrays:
        yield plain_spectrum(arrays["diff"])
    for role, times in (("lora_up_bias", scale), ("diff_b", 1.0), ("w_norm", 1.0), ("b_norm", 1.0)):
        if role in arrays:
            yield Spectrum(abs(times) * float(np.sqrt(square_sum(arrays[role]))), arrays[role].size)


def _spectrum(change: Change) -> Spectrum:
    if change.joined == "kronecker":
        first, second = (
            plain_spectrum(each.right) if each.left is None else product_spectrum(each.left, each.right, 1.0)
            for each in change.operands
        )
        return kronecker_spectrum(first, second, change.scale)
    if change.joined == "hadamard" and change.rank > LARGEST_SIDE:
        out, columns = change.operands[0].shape
        return rows_spectrum(out, columns, change.rows)
    return product_spectrum(*change.thin(), change.scale)
