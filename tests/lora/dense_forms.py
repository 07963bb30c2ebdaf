"""Every form in which a file can hold the change of a layer, and ΔW of each as a dense array, by the formula that its
format is defined by (kohya's sd-scripts, LyCORIS), with nothing of the package's own arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from lora_files import CONV, Q, sample

OUT, IN = 24, 30
"""The linear layer."""
CONV_OUT, CONV_IN = 8, 6
"""The 3×3 convolution."""


@dataclass(frozen=True)
class Form:
    """`shapes` by role as the file names it; `scale` is alpha / rank with the alpha 1.5, counted by hand; `dense` makes
    ΔW / scale of the numbers by role."""

    layer: str
    shapes: dict[str, tuple[int, ...]]
    scale: float
    dense: Callable[[dict[str, np.ndarray]], np.ndarray]
    joins: bool = True

    def make(self, rng, dtype=np.float32) -> dict[str, np.ndarray]:
        made = {f"{self.layer}.{role}": sample(rng, *s, dtype=dtype, spread=0.5) for role, s in self.shapes.items()}
        return made | {f"{self.layer}.alpha": np.array(1.5, dtype)}

    def change(self, tensors: dict[str, np.ndarray]) -> np.ndarray:
        w = {role: tensors[f"{self.layer}.{role}"].astype(np.float64) for role in self.shapes}
        return self.scale * self.dense(w)


def _lora(w):
    return w["lora_up.weight"] @ w["lora_down.weight"]


def _locon(w):
    return np.einsum("ors,rihw->oihw", w["lora_up.weight"][:, :, 0], w["lora_down.weight"])


def _locon_core(w):
    up, down = w["lora_up.weight"][:, :, 0, 0], w["lora_down.weight"][:, :, 0, 0]
    return np.einsum("op,pqhw,qi->oihw", up, w["lora_mid.weight"], down)


def _loha(w):
    return (w["hada_w1_a"] @ w["hada_w1_b"]) * (w["hada_w2_a"] @ w["hada_w2_b"])


def _conv_loha(w):
    return _loha(w).reshape(CONV_OUT, CONV_IN, 3, 3)


def _loha_cores(w):
    first = np.einsum("pqhw,po,qi->oihw", w["hada_t1"], w["hada_w1_a"], w["hada_w1_b"])
    return first * np.einsum("pqhw,po,qi->oihw", w["hada_t2"], w["hada_w2_a"], w["hada_w2_b"])


def _kronecker(first, second):
    """Number by number: ΔW[a·O + o, b·I + i, …] = first[a, b] · second[o, i, …]."""
    (rows, columns), (out, inputs, *kernel) = first.shape, second.shape
    made = np.zeros((rows * out, columns * inputs, *kernel))
    for a in range(rows):
        for b in range(columns):
            made[a * out : (a + 1) * out, b * inputs : (b + 1) * inputs] = first[a, b] * second
    return made


def _first(w):
    return w["lokr_w1"] if "lokr_w1" in w else w["lokr_w1_a"] @ w["lokr_w1_b"]


def _lokr(w):
    return _kronecker(_first(w), w["lokr_w2"] if "lokr_w2" in w else w["lokr_w2_a"] @ w["lokr_w2_b"])


def _conv_lokr(w):
    return _kronecker(_first(w), (w["lokr_w2_a"] @ w["lokr_w2_b"]).reshape(4, 3, 3, 3))


def _lokr_core(w):
    return _kronecker(_first(w), np.einsum("pqhw,po,qi->oihw", w["lokr_t2"], w["lokr_w2_a"], w["lokr_w2_b"]))


_W1, _W2 = {"lokr_w1": (4, 3)}, {"lokr_w2": (6, 10)}
_W1_AB, _W2_AB = {"lokr_w1_a": (4, 2), "lokr_w1_b": (2, 3)}, {"lokr_w2_a": (6, 3), "lokr_w2_b": (3, 10)}
_CONV_W1, _CONV_W1_AB = {"lokr_w1": (2, 2)}, {"lokr_w1_a": (2, 1), "lokr_w1_b": (1, 2)}
_CORE = {"lokr_t2": (2, 3, 3, 3), "lokr_w2_a": (2, 4), "lokr_w2_b": (3, 3)}
_HADA = {"hada_w1_a": (OUT, 2), "hada_w1_b": (2, IN), "hada_w2_a": (OUT, 3), "hada_w2_b": (3, IN)}

FORMS = {
    "LoRA": Form(Q, {"lora_up.weight": (OUT, 4), "lora_down.weight": (4, IN)}, 1.5 / 4, _lora),
    "LoCon 1×1": Form(Q, {"lora_up.weight": (OUT, 4, 1, 1), "lora_down.weight": (4, IN, 1, 1)}, 1.5 / 4, _locon),
    "LoCon 3×3": Form(
        CONV, {"lora_up.weight": (CONV_OUT, 4, 1, 1), "lora_down.weight": (4, CONV_IN, 3, 3)}, 1.5 / 4, _locon
    ),
    "LoCon with a core": Form(
        CONV,
        {
            "lora_up.weight": (CONV_OUT, 4, 1, 1),
            "lora_mid.weight": (4, 3, 3, 3),
            "lora_down.weight": (3, CONV_IN, 1, 1),
        },
        1.5 / 3,
        _locon_core,
    ),
    "LoHa": Form(Q, _HADA, 1.5 / 2, _loha),
    "LoHa 3×3": Form(
        CONV,
        {"hada_w1_a": (CONV_OUT, 2), "hada_w1_b": (2, 54), "hada_w2_a": (CONV_OUT, 2), "hada_w2_b": (2, 54)},
        1.5 / 2,
        _conv_loha,
    ),
    "LoHa with cores": Form(
        CONV,
        {
            "hada_t1": (2, 3, 3, 3),
            "hada_w1_a": (2, CONV_OUT),
            "hada_w1_b": (3, CONV_IN),
            "hada_t2": (2, 2, 3, 3),
            "hada_w2_a": (2, CONV_OUT),
            "hada_w2_b": (2, CONV_IN),
        },
        1.5 / 3,
        _loha_cores,
    ),
    "LoKr of whole matrices": Form(Q, _W1 | _W2, 1.0, _lokr, joins=False),
    "LoKr with w2 in factors": Form(Q, _W1 | _W2_AB, 1.5 / 3, _lokr),
    "LoKr with w1 in factors": Form(Q, _W1_AB | _W2, 1.5 / 2, _lokr),
    "LoKr with both in factors": Form(Q, _W1_AB | _W2_AB, 1.5 / 3, _lokr),
    "LoKr 3×3": Form(CONV, _CONV_W1 | {"lokr_w2_a": (4, 2), "lokr_w2_b": (2, 27)}, 1.5 / 2, _conv_lokr),
    "LoKr 3×3 of whole arrays": Form(CONV, _CONV_W1 | {"lokr_w2": (4, 3, 3, 3)}, 1.0, _lokr, joins=False),
    "LoKr with a core": Form(CONV, _CONV_W1 | _CORE, 1.5 / 3, _lokr_core),
    "LoKr with w1 in factors and a core": Form(CONV, _CONV_W1_AB | _CORE, 1.5 / 3, _lokr_core),
}
"""What is a product of factors. `joins` says whether its product takes less room than ΔW."""
