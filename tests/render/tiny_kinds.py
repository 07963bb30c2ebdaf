"""Random modules of every kind that a LoRA file can hold, and what each changes of its layer by the formula that its
format is defined by, number by number in numpy, with nothing of the package's own arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from blockweight.blocks import family_by_name, module_of
from blockweight.lora import write_lora

SD1 = family_by_name("sd1")
ALPHA = 1.5

Arrays = dict[str, np.ndarray]
"""A module's tensors by role, as the file names them."""

Change = tuple[np.ndarray | None, np.ndarray | None]
"""ΔW and Δb."""

PLACES = {
    "unet": (
        "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
        "down_blocks.1.attentions.0.proj_in",
        "down_blocks.0.downsamplers.0.conv",
        "mid_block.resnets.0.conv1",
        "up_blocks.3.resnets.2.time_emb_proj",
        "up_blocks.3.attentions.2.transformer_blocks.0.attn2.to_k",
        "time_embedding.linear_1",
        "conv_out",
    ),
    "text_encoder": ("encoder.layers.0.mlp.fc1", "encoder.layers.1.self_attn.v_proj"),
}
NORMS = {
    "unet": (
        "mid_block.attentions.0.norm",
        "down_blocks.2.resnets.1.norm2",
        "up_blocks.1.attentions.0.transformer_blocks.0.norm2",
        "conv_norm_out",
    ),
    "text_encoder": ("encoder.layers.0.layer_norm1", "final_layer_norm"),
}


@dataclass(frozen=True)
class Kind:
    """`make` gives a module's tensors for a weight, `change` what they add to it. `bakes` says whether weights other
    than 0 and 1 can be baked into the file."""

    make: Callable[[np.random.Generator, np.ndarray], Arrays]
    change: Callable[[Arrays, np.ndarray], Change]
    bakes: bool = True
    norms: bool = False


def layers(parts, places) -> dict[str, nn.Module]:
    """kohya's name → the layer."""
    start = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}
    return {
        f"{start[part]}{path.replace('.', '_')}": parts[part].get_submodule(path)
        for part, paths in places.items()
        for path in paths
    }


def write(path: Path, parts, kind: Kind, seed: int = 3) -> dict[str, Change]:
    """A LoRA of one kind; module name → what it changes."""
    rng, tensors, changes = np.random.default_rng(seed), {}, {}
    for name, layer in layers(parts, NORMS if kind.norms else PLACES).items():
        weight = layer.weight.detach().double().numpy()
        made = kind.make(rng, weight)
        tensors |= {f"{name}.{role}": np.ascontiguousarray(array) for role, array in made.items()}
        changes[name] = kind.change({role: array.astype(np.float64) for role, array in made.items()}, weight)
    write_lora(path, tensors, {})
    return changes


def scale_of(name: str, chosen, strength: float) -> float:
    """strength × block weight; 0 without weights."""
    module = module_of(name)
    assert module is not None
    return 0.0 if chosen is None else strength * chosen.weight(SD1.block_of(module))


def sample(rng, *shape: int, spread: float = 0.4) -> np.ndarray:
    return (rng.standard_normal(shape) * spread).astype(np.float32)


def _alpha(arrays: Arrays) -> Arrays:
    return arrays | {"alpha": np.array(ALPHA, np.float32)}


def _lora(rng, weight, rank=2):
    out, inputs, *kernel = weight.shape
    ones = [1] * len(kernel)
    return _alpha(
        {"lora_up.weight": sample(rng, out, rank, *ones), "lora_down.weight": sample(rng, rank, inputs, *kernel)}
    )


def _of_lora(w, weight):
    up, down = w["lora_up.weight"], w["lora_down.weight"]
    product = up.reshape(len(up), -1) @ down.reshape(len(down), -1)
    return ALPHA / len(down) * product.reshape(weight.shape)


def _loha(rank):
    def make(rng, weight):
        out, columns = len(weight), weight[0].size
        return _alpha(
            {
                "hada_w1_a": sample(rng, out, rank),
                "hada_w1_b": sample(rng, rank, columns),
                "hada_w2_a": sample(rng, out, rank, spread=1),
                "hada_w2_b": sample(rng, rank, columns, spread=1),
            }
        )

    return make


def _of_loha(w, weight):
    product = (w["hada_w1_a"] @ w["hada_w1_b"]) * (w["hada_w2_a"] @ w["hada_w2_b"])
    return ALPHA / len(w["hada_w1_b"]) * product.reshape(weight.shape)


def _loha_cores(rng, weight):
    out, inputs, *kernel = weight.shape
    if not kernel:
        return _loha(2)(rng, weight)
    made: Arrays = {}
    for half in "12":
        made |= {
            f"hada_t{half}": sample(rng, 2, 3, *kernel, spread=1),
            f"hada_w{half}_a": sample(rng, 2, out, spread=0.7),
            f"hada_w{half}_b": sample(rng, 3, inputs, spread=0.7),
        }
    return _alpha(made)


def _of_loha_cores(w, weight):
    if "hada_t1" not in w:
        return _of_loha(w, weight)
    halves = [
        np.einsum("pqhw,po,qi->oihw", w[f"hada_t{half}"], w[f"hada_w{half}_a"], w[f"hada_w{half}_b"]) for half in "12"
    ]
    return ALPHA / 3 * halves[0] * halves[1]


def _lokr(*, first: bool, second: bool, core: bool = False):
    """With w1 and w2 in factors or whole; whole, alpha does not count."""

    def make(rng, weight):
        out, inputs, *kernel = weight.shape
        a, b = 2, 4 if inputs % 4 == 0 else 1
        o, i = out // a, inputs // b
        made: Arrays = {"lokr_w1": sample(rng, a, b)}
        if first:
            made = {"lokr_w1_a": sample(rng, a, 3), "lokr_w1_b": sample(rng, 3, b)}
        if core and kernel:
            made |= {"lokr_t2": sample(rng, 2, 3, *kernel, spread=1)}
            made |= {"lokr_w2_a": sample(rng, 2, o), "lokr_w2_b": sample(rng, 3, i)}
        elif second:
            made |= {"lokr_w2_a": sample(rng, o, 2), "lokr_w2_b": sample(rng, 2, i * int(np.prod(kernel)))}
        else:
            made |= {"lokr_w2": sample(rng, o, i, *kernel)}
        return _alpha(made)

    return make


def _of_lokr(w, weight):
    out, inputs, *kernel = weight.shape
    first = w["lokr_w1"] if "lokr_w1" in w else w["lokr_w1_a"] @ w["lokr_w1_b"]
    (a, b), scale = first.shape, 1.0
    if "lokr_t2" in w:
        second = np.einsum("pqhw,po,qi->oihw", w["lokr_t2"], w["lokr_w2_a"], w["lokr_w2_b"])
    else:
        second = w["lokr_w2"] if "lokr_w2" in w else w["lokr_w2_a"] @ w["lokr_w2_b"]
    if "lokr_w2_b" in w:
        scale = ALPHA / len(w["lokr_w2_b"])
    elif "lokr_w1_b" in w:
        scale = ALPHA / len(w["lokr_w1_b"])
    o, i = out // a, inputs // b
    second = second.reshape(o, i, *kernel)
    made = np.zeros(weight.shape)
    for row in range(a):
        for column in range(b):
            made[row * o : (row + 1) * o, column * i : (column + 1) * i] = first[row, column] * second
    return scale * made


def _dora(make, change, *, role="dora_scale", outputs=False, vector=False):
    """Magnitudes that are not the norms of W, one for every input or output."""

    def with_magnitude(rng, weight):
        length = weight.shape[0 if outputs else 1]
        shape = [1] * weight.ndim
        shape[0 if outputs else 1] = length
        if role != "dora_scale":
            shape = [length] if vector or weight.ndim == 2 else [1, length, *[1] * (weight.ndim - 2)]
        norm = _norms(weight, 0 if outputs else 1).reshape(shape)
        return make(rng, weight) | {role: (norm * rng.uniform(0.6, 1.4, shape)).astype(np.float32)}

    def decomposed(w, weight):
        axis = 0 if outputs else 1
        merged = weight + change(w, weight)
        shape = [-1 if each == axis else 1 for each in range(weight.ndim)]
        return w[role].reshape(shape) * merged / _norms(merged, axis).reshape(shape) - weight, None

    return Kind(with_magnitude, decomposed, bakes=False)


def _norms(weight, axis):
    return np.array([np.linalg.norm(part) for part in np.moveaxis(weight, axis, 0)])


def _full(rng, weight, bias=True):
    made = {"diff": sample(rng, *weight.shape, spread=0.3)}
    return made | ({"diff_b": sample(rng, len(weight))} if bias else {})


def _beside(role, factor):
    """A LoRA that changes a bias too."""

    def make(rng, weight):
        return _lora(rng, weight) | {role: sample(rng, len(weight))}

    return Kind(make, lambda w, weight: (_of_lora(w, weight), factor * w[role]))


def _glora(*, newer: bool):
    def make(rng, weight):
        out, inputs, columns = len(weight), weight.shape[1], weight[0].size
        pairs = {"a": ((inputs, 2), (2, inputs)), "b": ((out, 2), (2, columns))}
        made = {}
        for letter, (left, right) in pairs.items():
            one, two = (1, 2) if newer else (2, 1)
            made |= {f"{letter}{one}.weight": sample(rng, *left), f"{letter}{two}.weight": sample(rng, *right)}
        return _alpha(made)

    def change(w, weight):
        one, two = ("1", "2") if newer else ("2", "1")
        a, b = (w[f"{letter}{one}.weight"] @ w[f"{letter}{two}.weight"] for letter in "ab")
        through = np.stack([sum(weight[:, i] * a[i, j] for i in range(len(a))) for j in range(len(a))], axis=1)
        return ALPHA / 2 * (through + b.reshape(weight.shape)), None

    return Kind(make, change)


def _ia3(*, inputs: bool):
    def make(rng, weight):
        length = weight.shape[1 if inputs else 0]
        shape = (1, length, *[1] * (weight.ndim - 2)) if weight.ndim > 2 else (length,)
        return {"weight": sample(rng, *shape), "on_input": np.array(inputs)}

    return Kind(make, lambda w, weight: (_stretched(w["weight"], weight, inputs=inputs), None))


def _peft_ia3(*, inputs: bool):
    def make(rng, weight):
        shape = (1, weight.shape[1]) if inputs else (len(weight), 1)
        shape = (1, max(shape), *[1] * (weight.ndim - 2)) if weight.ndim > 2 else shape
        return {"ia3_l": 1 + sample(rng, *shape)}

    def change(w, weight):
        # A convolution's does not say which it is; of as many inputs as outputs, it is taken for outputs.
        on_input = inputs and (weight.ndim == 2 or w["ia3_l"].size != len(weight))
        return _stretched(w["ia3_l"] - 1, weight, inputs=on_input), None

    return Kind(make, change)


def _stretched(numbers, weight, *, inputs):
    shape = [1] * weight.ndim
    shape[1 if inputs else 0] = -1
    return weight * numbers.reshape(shape)


def _product(make, change):
    return Kind(make, lambda w, weight: (change(w, weight), None))


KINDS = {
    "LoRA": _product(_lora, _of_lora),
    "LoRA of a rank above the layer's": _product(lambda rng, w: _lora(rng, w, rank=20), _of_lora),
    "LoHa of rank 1": _product(_loha(1), _of_loha),
    "LoHa of a high rank": _product(_loha(4), _of_loha),
    "LoHa with cores": _product(_loha_cores, _of_loha_cores),
    "LoKr of whole matrices": _product(_lokr(first=False, second=False), _of_lokr),
    "LoKr with w1 in factors": _product(_lokr(first=True, second=False), _of_lokr),
    "LoKr with w2 in factors": _product(_lokr(first=False, second=True), _of_lokr),
    "LoKr with both in factors": _product(_lokr(first=True, second=True), _of_lokr),
    "LoKr with a core": _product(_lokr(first=False, second=True, core=True), _of_lokr),
    "DoRA of a LoRA": _dora(_lora, _of_lora),
    "DoRA of a LoRA over outputs": _dora(_lora, _of_lora, outputs=True),
    "DoRA of a LoRA as PEFT names it": _dora(_lora, _of_lora, role="lora_magnitude_vector", outputs=True),
    "DoRA of a LoHa": _dora(_loha(2), _of_loha),
    "DoRA of a LoKr": _dora(_lokr(first=False, second=True), _of_lokr, outputs=True),
    "whole weights": _product(lambda rng, w: _full(rng, w, bias=False), lambda w, _: w["diff"]),
    "whole weights and biases": Kind(_full, lambda w, _: (w["diff"], w["diff_b"])),
    "biases": Kind(lambda rng, w: {"diff_b": sample(rng, len(w))}, lambda w, _: (None, w["diff_b"])),
    "LoRA with biases": _beside("diff_b", 1.0),
    "LoRA with biases as PEFT has them": _beside("lora_B.bias", ALPHA / 2),
    "norms": Kind(
        lambda rng, w: {"w_norm": sample(rng, *w.shape), "b_norm": sample(rng, *w.shape)},
        lambda w, _: (w["w_norm"], w["b_norm"]),
        norms=True,
    ),
    "norms without biases": Kind(
        lambda rng, w: {"w_norm": sample(rng, *w.shape)}, lambda w, _: (w["w_norm"], None), norms=True
    ),
    "norms as whole weights": Kind(_full, lambda w, _: (w["diff"], w["diff_b"]), norms=True),
    "GLoRA": _glora(newer=True),
    "GLoRA before 2024": _glora(newer=False),
    "IA³ over outputs": _ia3(inputs=False),
    "IA³ over inputs": _ia3(inputs=True),
    "IA³ of PEFT": _peft_ia3(inputs=False),
    "IA³ of PEFT over inputs": _peft_ia3(inputs=True),
}
