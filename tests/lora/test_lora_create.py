from __future__ import annotations

import hashlib
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from lora_files import MID, Q, leftovers, linear, load, locon, metadata_of

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora, read_header, write_lora

DATA = Path(__file__).parents[1] / "data" / "lora"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
def test_what_is_written_is_what_the_safetensors_package_reads(tmp_path, dtype):
    path, tensors = tmp_path / "a.safetensors", locon(dtype)
    write_lora(path, tensors, {"ss_network_dim": "3", "ss_output_name": "ゴブ姫"})
    found = load(path)
    assert found.keys() == tensors.keys()
    assert all(
        found[name].dtype == array.dtype and np.array_equal(found[name], array) for name, array in tensors.items()
    )
    assert metadata_of(path)["ss_output_name"] == "ゴブ姫"


def test_the_order_is_that_of_the_safetensors_package_so_that_saving_again_keeps_the_hash(tmp_path):
    rng = np.random.default_rng(5)
    tensors = (
        linear(MID, rng, dtype=np.float32) | linear(Q, rng) | {"count": np.array([1, 2]), "bits": np.ones(3, bool)}
    )
    digest = write_lora(tmp_path / "ours.safetensors", tensors, {})
    safetensors.numpy.save_file(tensors, tmp_path / "theirs.safetensors")
    ours, theirs = (read_header(tmp_path / f"{name}.safetensors") for name in ("ours", "theirs"))
    assert ours.tensors == theirs.tensors
    assert digest == hashlib.sha256((tmp_path / "theirs.safetensors").read_bytes()[theirs.data_start :]).hexdigest()


def test_the_hash_is_returned_and_stamped_whatever_the_metadata_said(tmp_path):
    path = tmp_path / "a.safetensors"
    digest = write_lora(path, locon(), {"ss_v2": "False", "sshs_model_hash": "stale"})
    assert digest == open_lora(path).data_digest
    assert metadata_of(path) == {"ss_v2": "False", "sshs_model_hash": digest}


def test_a_canonical_sample_written_again_has_the_same_hash_as_before(tmp_path):
    sample = DATA / "a_canonical.safetensors"
    assert write_lora(tmp_path / "a.safetensors", load(sample), {}) == open_lora(sample).data_digest


def test_transposed_and_scalar_arrays_are_written_by_value(tmp_path):
    tensors = {"t": np.arange(6, dtype=np.float32).reshape(2, 3).T, "alpha": np.array(2.0, np.float32)}
    write_lora(tmp_path / "a.safetensors", tensors, {})
    found = load(tmp_path / "a.safetensors")
    assert np.array_equal(found["t"], tensors["t"])
    assert found["alpha"].shape == ()


def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(tmp_path):
    path = tmp_path / "a.safetensors"
    write_lora(path, locon(seed=1), {})
    first = path.read_bytes()
    with pytest.raises(BlockweightError, match="exists already"):
        write_lora(path, locon(seed=2), {})
    assert path.read_bytes() == first
    write_lora(path, locon(seed=2), {}, overwrite=True)
    assert path.read_bytes() != first


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "has no tensors"),
        ({"a": np.array([1.0, np.nan], np.float16)}, "'a' holds values that are not finite"),
        ({"a": np.array([np.inf], ml_dtypes.bfloat16)}, "'a' holds values that are not finite"),
        ({"a": np.array(["text"])}, "which safetensors cannot hold"),
        ({"a\ud800": np.ones(2, np.float16)}, "half a character"),
        ({"__metadata__": np.ones(2, np.float16)}, "the name '__metadata__' is reserved"),
    ],
)
def test_what_would_not_be_a_sound_lora_is_refused_and_leaves_nothing(tmp_path, tensors, words):
    with pytest.raises(BlockweightError, match=words):
        write_lora(tmp_path / "a.safetensors", tensors, {})
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "a.safetensors").exists()
