"""A LoRA in pieces that another program loads by themselves: a block's layers of the denoiser, or of text encoders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from blockweight.blocks import REST, TEXT_ENCODERS, Module
from blockweight.lora.file import Lora
from blockweight.lora.header import TensorInfo, encode_header, new_tensor, placed
from blockweight.lora.tensors import read_chunks

_DOWN = re.compile(r"[._]lora[_.](?:A|down)\b.*$")


@dataclass(frozen=True)
class Piece:
    """Some modules of one block, all of the denoiser or all of text encoders (`in_texts`). `tensors` are the file's
    own; `alphas` those that the file keeps in its settings alone, by tensor name. `digest` is SHA-256, 64 hex digits:
    equal ones, equal bytes."""

    block: str
    in_texts: bool
    tensors: tuple[TensorInfo, ...]
    alphas: tuple[tuple[str, float], ...]
    digest: str


def pieces_of(lora: Lora, most: int) -> tuple[Piece, ...]:
    """The pieces that together are all modules of a LoRA, in the order of its family's blocks, REST last; of a block
    the denoiser's before the text encoders'. A piece has at most `most` bytes of tensors where its modules allow that.
    Tensors that belong to no module are in none: nothing is known that they do."""
    return tuple(
        _piece(lora, block, in_texts, modules)
        for block in (*lora.blocks, REST)
        for in_texts in (False, True)
        for modules in _packed(lora, block, in_texts, most)
    )


def piece_bytes(lora: Lora, piece: Piece) -> bytes:
    """The piece as a safetensors file: the tensors' own bytes, in their order, without metadata. BlockweightError if
    the LoRA can no longer be read."""
    infos = _placed(piece)
    data = bytearray(encode_header(infos, {}))
    for info in piece.tensors:
        for chunk in read_chunks(lora.path, lora.header, info.start, info.end):
            data += chunk
    for _, value in piece.alphas:
        data += np.float32(value).tobytes()
    return bytes(data)


def _packed(lora: Lora, block: str, in_texts: bool, most: int) -> Iterator[list[Module]]:
    packed: list[Module] = []
    size = 0
    for module, roles in lora.modules.items():
        if lora.block_of(module) != block or (module.component in TEXT_ENCODERS) != in_texts:
            continue
        own = sum(info.size for info in roles.values())
        if packed and size + own > most:
            yield packed
            packed, size = [], 0
        packed.append(module)
        size += own
    if packed:
        yield packed


def _piece(lora: Lora, block: str, in_texts: bool, modules: Iterable[Module]) -> Piece:
    tensors: list[TensorInfo] = []
    alphas: list[tuple[str, float]] = []
    for module in modules:
        roles = lora.modules[module]
        tensors += roles.values()
        alpha = lora.settings_alpha(module)
        if alpha is not None:
            alphas.append((_DOWN.sub(".alpha", roles["lora_down"].name), alpha))
    piece = Piece(block, in_texts, tuple(tensors), tuple(alphas), "")
    told = hashlib.sha256(lora.data_digest.encode() + encode_header(_placed(piece), {}))
    told.update(repr(([(info.start, info.end) for info in tensors], alphas)).encode())
    return Piece(block, in_texts, piece.tensors, piece.alphas, told.hexdigest())


def _placed(piece: Piece) -> tuple[TensorInfo, ...]:
    return placed([*piece.tensors, *(new_tensor(name, "F32", ()) for name, _ in piece.alphas)])
