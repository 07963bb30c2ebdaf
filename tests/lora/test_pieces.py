"""A LoRA in pieces that another program loads by themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blockweight.lora import open_lora, piece_bytes, pieces_of, read_header, write_lora
from blockweight.lora.tensors import read_array
from workshop import FULL, write_lora_file

EVERYTHING = 1 << 30
MIXED_REST = ("lora_unet_time_embedding_linear_1", "lora_te_text_model_embeddings_token_embedding")


@pytest.fixture
def lora(tmp_path):
    return open_lora(write_lora_file(tmp_path / "a.safetensors", FULL.blocks, MIXED_REST))


def read(data, tmp_path):
    (tmp_path / "piece.safetensors").write_bytes(data)
    header = read_header(tmp_path / "piece.safetensors")
    return {info.name: read_array(tmp_path / "piece.safetensors", header, info) for info in header.tensors}


def test_the_pieces_together_are_the_lora_bit_by_bit(lora, tmp_path):
    found = {}
    for piece in pieces_of(lora, EVERYTHING):
        found |= read(piece_bytes(lora, piece), tmp_path)
    whole = {info.name: lora.read(info) for info in lora.header.tensors}
    assert found.keys() == whole.keys()
    assert all(found[name].dtype == whole[name].dtype and (found[name] == whole[name]).all() for name in whole)


def test_a_piece_is_of_one_block_and_one_side(lora):
    pieces = [(piece.block, piece.in_texts) for piece in pieces_of(lora, EVERYTHING)]
    assert pieces == [("BASE", True), *((block, False) for block in FULL.blocks[1:]), ("REST", False), ("REST", True)]


def test_a_piece_is_cut_between_modules_where_it_grows_too_large(tmp_path):
    more = [f"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_{name}" for name in ("q", "k", "v")]
    lora = open_lora(write_lora_file(tmp_path / "b.safetensors", ["IN01"], more))
    assert [len(piece.tensors) for piece in pieces_of(lora, 70)] == [6, 6]


def test_digests_are_those_of_the_bytes(lora, tmp_path):
    again = open_lora(write_lora_file(tmp_path / "again.safetensors", FULL.blocks, MIXED_REST))
    other = open_lora(write_lora_file(tmp_path / "other.safetensors", FULL.blocks, MIXED_REST, seed=2))
    ours = [piece.digest for piece in pieces_of(lora, EVERYTHING)]
    assert ours == [piece.digest for piece in pieces_of(again, EVERYTHING)]
    assert not set(ours) & {piece.digest for piece in pieces_of(other, EVERYTHING)}
    assert len(set(ours)) == len(ours)


def test_an_alpha_that_stands_in_the_settings_alone_becomes_a_tensor(tmp_path):
    name = "unet.mid_block.attentions.0.proj_in"
    tensors = {
        f"{name}.lora_A.weight": np.ones((2, 4), np.float16),
        f"{name}.lora_B.weight": np.ones((4, 2), np.float16),
    }
    write_lora(tmp_path / "p.safetensors", tensors, {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 8})})
    (piece,) = pieces_of(lora := open_lora(tmp_path / "p.safetensors"), EVERYTHING)
    assert read(piece_bytes(lora, piece), tmp_path)[f"{name}.alpha"] == 8


def test_what_belongs_to_no_module_is_in_no_piece(tmp_path):
    write_lora_file(tmp_path / "a.safetensors", ["M00"])
    lora = open_lora(tmp_path / "a.safetensors")
    tensors = {info.name: lora.read(info) for info in lora.header.tensors} | {"odd": np.ones(1, np.float32)}
    write_lora(tmp_path / "b.safetensors", tensors, {})
    (piece,) = pieces_of(lora := open_lora(tmp_path / "b.safetensors"), EVERYTHING)
    (tmp_path / "c.safetensors").write_bytes(piece_bytes(lora, piece))
    assert "odd" not in {info.name for info in read_header(tmp_path / "c.safetensors").tensors}
