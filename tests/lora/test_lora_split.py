from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lora_files import Q, load, locon, metadata_of, write

import blockweight.lora.write
from blockweight.errors import BlockweightError
from blockweight.lora import Term, merge, open_alike, open_lora, split


@pytest.fixture
def source(tmp_path):
    tensors = locon() | {"strange": np.arange(3)}
    return write(tmp_path / "a.safetensors", tensors, {"ss_network_dim": "3", "sshs_legacy_hash": "old"})


def in_(folder):
    return lambda block: folder / f"{block}.safetensors"


def test_every_tensor_is_in_exactly_one_file_byte_by_byte(tmp_path, source):
    files = split(open_lora(source), in_(tmp_path))
    original, seen = load(source), {}
    for file in files:
        part = load(file.path)
        assert not part.keys() & seen.keys()
        seen |= part
    assert {name: array.tobytes() for name, array in seen.items()} == {n: a.tobytes() for n, a in original.items()}
    assert [file.block for file in files] == ["BASE", "IN03", "IN04", "M00", "OUT00", "OUT03", "REST"]


def test_a_file_holds_its_blocks_modules_and_rest_what_belongs_to_no_module(tmp_path, source):
    files = {file.block: file for file in split(open_lora(source), in_(tmp_path))}
    assert set(load(files["IN04"].path)) == {name for name in load(source) if name.startswith(Q)}
    assert "strange" in load(files["REST"].path)
    assert metadata_of(files["IN04"].path)["blockweight.split"] == "IN04"
    assert metadata_of(files["IN04"].path)["sshs_model_hash"] == files["IN04"].digest
    assert "sshs_legacy_hash" not in metadata_of(files["IN04"].path)


@given(seed=st.integers(0, 50))
def test_the_files_merged_are_the_original_bit_by_bit(seed):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = write(folder / "a.safetensors", locon(seed=seed))
        files = split(open_lora(source), in_(folder))
        out = folder / "out.safetensors"
        merge([Term(lora) for lora in open_alike([file.path for file in files])], out)
        assert {n: a.tobytes() for n, a in load(out).items()} == {n: a.tobytes() for n, a in load(source).items()}


def test_single_blocks_can_be_chosen(tmp_path, source):
    files = split(open_lora(source), in_(tmp_path), blocks=("IN04", "REST"))
    assert [file.block for file in files] == ["IN04", "REST"]
    with pytest.raises(BlockweightError, match="has nothing in IN05; it has BASE"):
        split(open_lora(source), in_(tmp_path), blocks=("IN05",))


def test_if_one_file_exists_none_is_written(tmp_path, source):
    (tmp_path / "OUT03.safetensors").write_text("mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(BlockweightError, match="exists already"):
        split(open_lora(source), in_(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_was_written_before_a_failure_is_removed(tmp_path, source, monkeypatch):
    honest, count = blockweight.lora.write.write_atomically, []

    def third_fails(*args, **options):
        count.append(1)
        if len(count) == 3:
            raise BlockweightError("The disk became full.")
        return honest(*args, **options)

    monkeypatch.setattr(blockweight.lora.write, "write_atomically", third_fails)
    with pytest.raises(BlockweightError, match="became full"):
        split(open_lora(source), in_(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
