"""How strongly each module of a LoRA changes the model, whatever its algorithm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from math import hypot, isfinite

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.lora.factors import factors_of
from blockweight.lora.file import complete_algorithm
from blockweight.lora.spectrum import (
    Matrix,
    Spectrum,
    hadamard_spectrum,
    kronecker_spectrum,
    plain_spectrum,
    product_spectrum,
    square_sum,
)

# No LoRA comes near; squares of larger norms are beyond float64.
_LARGEST = 1e150

_NEEDS_BASE = ("glora", "ia3", "oft")

Arrays = Mapping[str, NDArray[np.generic]]
"""A module's tensors by role."""


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


def alpha_of(arrays: Arrays) -> float | None:
    """A module's alpha; None if it has none, or it is not one finite number."""
    alpha = arrays.get("alpha")
    if alpha is None or alpha.size != 1 or np.iscomplexobj(alpha):
        return None
    value = float(alpha.reshape(()))
    return value if isfinite(value) else None


def rank_of(arrays: Arrays) -> int | None:
    """The rank that divides alpha, where a module has one: the rows of down, of LoHa's w1_b, of LoKr's w2_b or w1_b
    (as in ComfyUI and LyCORIS)."""
    for role in ("lora_down", "hada_w1_b", "lokr_w2_b", "lokr_w1_b"):
        if role in arrays and arrays[role].ndim:
            return len(arrays[role])
    return None


def _spectra(name: str, algorithm: str, arrays: Arrays) -> Iterator[Spectrum]:
    """The weight's change, then those of biases and of a norm layer's vectors; BlockweightError for a broken module."""
    for role, array in arrays.items():
        if np.iscomplexobj(array):
            raise BlockweightError(f"{role} of the module {name} holds complex numbers; a LoRA has real ones.")
    scale = 1.0
    if algorithm == "incomplete":
        raise BlockweightError(f"The module {name} has only {', '.join(arrays)}; other tensors are missing.")
    if algorithm == "loha":
        yield _loha(name, arrays)
    elif algorithm == "lokr":
        yield _lokr(name, arrays)
    elif algorithm == "lora":
        factors = factors_of(name, arrays)
        scale = factors.scale
        yield product_spectrum(factors.up.reshape(factors.up.shape[:2]), factors.right(), scale)
    elif "diff" in arrays:
        yield plain_spectrum(arrays["diff"])
    for role, times in (("lora_up_bias", scale), ("diff_b", 1.0), ("w_norm", 1.0), ("b_norm", 1.0)):
        if role in arrays:
            yield Spectrum(abs(times) * float(np.sqrt(square_sum(arrays[role]))), arrays[role].size)


def _loha(name: str, arrays: Arrays) -> Spectrum:
    pairs = [_pair(name, arrays, f"hada_w{number}_a", f"hada_w{number}_b", f"hada_t{number}") for number in ("1", "2")]
    if pairs[0][0].shape[0] != pairs[1][0].shape[0] or pairs[0][1].shape[1] != pairs[1][1].shape[1]:
        raise _unfit(name, arrays)
    return hadamard_spectrum(pairs[0], pairs[1], _scale(name, arrays))


def _lokr(name: str, arrays: Arrays) -> Spectrum:
    def half(number: str) -> Spectrum:
        if (whole := f"lokr_w{number}") in arrays:
            return plain_spectrum(arrays[whole])
        left, right = _pair(name, arrays, f"{whole}_a", f"{whole}_b", f"lokr_t{number}")
        return product_spectrum(left, right, 1.0)

    # Where both are whole there is no rank, and loaders take no notice of alpha.
    scale = 1.0 if {"lokr_w1", "lokr_w2"} <= arrays.keys() else _scale(name, arrays)
    return kronecker_spectrum(half("1"), half("2"), scale)


def _pair(name: str, arrays: Arrays, a: str, b: str, core: str) -> tuple[Matrix, Matrix]:
    """The matrices (out, r) and (r, in · kh · kw) of LyCORIS's factors: a (out, r) and b (r, in · kh · kw), or with a
    Tucker core (r, r, kh, kw) a (r, out) and b (r, in)."""
    left, right = (arrays[role].astype(np.float32) for role in (a, b))
    if left.ndim != 2 or right.ndim != 2 or 0 in (*left.shape, *right.shape):
        raise _unfit(name, arrays)
    if core in arrays:
        middle = arrays[core].astype(np.float32)
        if middle.ndim < 2 or middle.shape[:2] != (len(left), len(right)):
            raise _unfit(name, arrays)
        left, right = left.T, np.einsum("ij...,jr->ir...", middle, right).reshape(len(left), -1)
    if left.shape[1] != right.shape[0]:
        raise _unfit(name, arrays)
    return left, right


def _scale(name: str, arrays: Arrays) -> float:
    """alpha / rank; 1 without alpha."""
    rank = rank_of(arrays)
    if "alpha" not in arrays or not rank:
        return 1.0
    alpha = alpha_of(arrays)
    if alpha is None:
        raise BlockweightError(f"The alpha of the module {name} is not one finite number.")
    return alpha / rank


def _unfit(name: str, arrays: Arrays) -> BlockweightError:
    shapes = ", ".join(f"{role} {array.shape}" for role, array in arrays.items() if role != "alpha")
    return BlockweightError(f"The shapes in the module {name} do not fit each other ({shapes}).")
