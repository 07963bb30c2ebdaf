"""Small LoRA files for tests, and ΔW by the textbook formulas, independent of the package's own arithmetic."""

from __future__ import annotations

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import safetensors

from blockweight.blocks import family_by_name
from blockweight.weights import BlockWeights

Q = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"  # IN04
V = "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn2_to_v"  # OUT03
MID = "lora_unet_mid_block_attentions_0_proj_in"  # M00
CONV = "lora_unet_down_blocks_0_downsamplers_0_conv"  # IN03
TUCKER = "lora_unet_up_blocks_0_resnets_0_conv1"  # OUT00
TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc1"  # BASE
TIME = "lora_unet_time_embedding_linear_1"  # REST
BLOCKS = {Q: "IN04", V: "OUT03", MID: "M00", CONV: "IN03", TUCKER: "OUT00", TEXT: "BASE", TIME: "REST"}

FULL, SHORT = family_by_name("sd1").layouts

_NAMES = {
    np.dtype(np.float16): "F16",
    np.dtype(np.float32): "F32",
    np.dtype(np.float64): "F64",
    np.dtype(np.complex64): "C64",
    np.dtype(np.int8): "I8",
    np.dtype(np.int64): "I64",
    np.dtype(np.uint8): "U8",
    np.dtype(ml_dtypes.bfloat16): "BF16",
    np.dtype(ml_dtypes.float8_e4m3fn): "F8_E4M3",
}
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}


def sample(rng, *shape, dtype=np.float16, spread=0.1):
    return (rng.standard_normal(shape) * spread).astype(dtype)


def linear(name, rng, *, out=6, inputs=5, rank=3, alpha=1.5, dtype=np.float16, spread=0.1):
    made = {
        f"{name}.lora_up.weight": sample(rng, out, rank, dtype=dtype, spread=spread),
        f"{name}.lora_down.weight": sample(rng, rank, inputs, dtype=dtype, spread=spread),
    }
    if alpha is not None:
        made[f"{name}.alpha"] = np.array(alpha, dtype)
    return made


def conv(name, rng, *, out=4, inputs=3, rank=2, kernel=3, alpha=1.0, dtype=np.float16):
    return {
        f"{name}.alpha": np.array(alpha, dtype),
        f"{name}.lora_down.weight": sample(rng, rank, inputs, kernel, kernel, dtype=dtype),
        f"{name}.lora_up.weight": sample(rng, out, rank, 1, 1, dtype=dtype),
    }


def tucker(name, rng, *, out=4, inputs=3, rank=2, kernel=3, alpha=1.0, dtype=np.float16):
    return {
        f"{name}.alpha": np.array(alpha, dtype),
        f"{name}.lora_down.weight": sample(rng, rank, inputs, 1, 1, dtype=dtype),
        f"{name}.lora_mid.weight": sample(rng, rank, rank, kernel, kernel, dtype=dtype),
        f"{name}.lora_up.weight": sample(rng, out, rank, 1, 1, dtype=dtype),
    }


def locon(dtype=np.float16, seed=1):
    """One module in each of seven blocks: linear, 3×3, Tucker, text encoder, and one that no block claims."""
    rng = np.random.default_rng(seed)
    made = {}
    for name in (Q, V, MID, TEXT, TIME):
        made |= linear(name, rng, dtype=dtype)
    return made | conv(CONV, rng, dtype=dtype) | tucker(TUCKER, rng, dtype=dtype)


def raw(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def file_bytes(tensors, metadata=None) -> bytes:
    """A safetensors file with the tensors in the order given, which the package's own writer would change."""
    fields: dict[str, object] = {"__metadata__": metadata} if metadata is not None else {}
    data = b""
    for name, array in tensors.items():
        end = len(data) + array.nbytes
        fields[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [len(data), end]}
        data += array.tobytes()
    return raw(json.dumps(fields).encode(), data)


def write(path: Path, tensors, metadata=None) -> Path:
    path.write_bytes(file_bytes(tensors, metadata))
    return path


def load(path: Path) -> dict[str, np.ndarray]:
    """Every tensor as the safetensors package reads it, bf16 and fp8 included."""
    return {
        name: np.frombuffer(entry["data"], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in safetensors.deserialize(path.read_bytes())
    }


def metadata_of(path: Path) -> dict[str, str]:
    with safetensors.safe_open(path, "numpy") as file:
        return file.metadata() or {}


def change(tensors, name) -> np.ndarray | None:
    """ΔW of a LoRA or LoCon module in float64, output by output; None if the file has no such module."""
    if f"{name}.lora_up.weight" not in tensors:
        return None
    up = tensors[f"{name}.lora_up.weight"].astype(np.float64)
    down = tensors[f"{name}.lora_down.weight"].astype(np.float64)
    mid = tensors.get(f"{name}.lora_mid.weight")
    alpha = tensors.get(f"{name}.alpha")
    scale = 1.0 if alpha is None else float(alpha) / len(down)
    up = up.reshape(up.shape[:2])
    if mid is None:
        return scale * np.tensordot(up, down, axes=(1, 0))
    core = np.tensordot(up, mid.astype(np.float64), axes=(1, 0))  # (out, q, kh, kw)
    return scale * np.moveaxis(np.tensordot(core, down[:, :, 0, 0], axes=(1, 0)), -1, 1)


def relative(found, wanted) -> float:
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".tmp") or path.name.startswith("."))


def weights(rest=1.0, fill=1.0, layout=FULL, **blocks) -> BlockWeights:
    values = tuple(blocks.pop(block, fill) for block in layout.blocks)
    assert not blocks
    return BlockWeights("Gobuhime", layout, values, rest)


def loha(name, rng, dtype=np.float16, **extra):
    shapes = {"hada_w1_a": (6, 2), "hada_w1_b": (2, 5), "hada_w2_a": (6, 2), "hada_w2_b": (2, 5)}
    return {f"{name}.{role}": sample(rng, *shape, dtype=dtype, spread=0.5) for role, shape in (shapes | extra).items()}
