from __future__ import annotations

import hashlib
import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from lora_files import MID, Q, file_bytes, load, raw, write

from blockweight.lora import read_header, write_lora
from blockweight.lora.hashes import DataHasher, data_hashes, file_hashes, webui_hash
from blockweight.lora.write import splice

DATA = Path(__file__).parents[1] / "data" / "lora"
ORACLE = json.loads((DATA / "lora_hashes.json").read_text("utf-8"))


def facts(path):
    return file_hashes(path, read_header(path)).facts()


@pytest.mark.parametrize("known", ORACLE, ids=lambda known: known["file"])
def test_the_hashes_are_those_that_additional_networks_computes(known):
    assert facts(DATA / known["file"]) == {
        "sshs_model_hash": known["sshs_model_hash"],
        "sshs_legacy_hash": known["sshs_legacy_hash"],
        "modelspec.hash_sha256": known["modelspec.hash_sha256"],
        "sha256": known["sha256_whole_file"],
        "autov2": known["autov2_like_first10"],
        "autov3": known["autov3_like_first12"],
    }


def large(seed=1):
    """1.2 MB in another order than safetensors writes, in several formats; the window meets many small tensors."""
    rng = np.random.default_rng(seed)
    small = {f"s{n:02}": rng.integers(0, 255, (3000,), dtype=np.uint8) for n in rng.permutation(100)}
    return small | {
        f"{Q}.lora_down.weight": rng.standard_normal((90, 1000)).astype(np.float16),
        f"{MID}.alpha": np.array(4, np.float32),
        f"{MID}.lora_up.weight": rng.standard_normal((1000, 90)).astype(np.float32),
        f"{Q}.alpha": np.array(4, np.float16),
        f"{MID}.lora_down.weight": rng.standard_normal((90, 1000)).astype(ml_dtypes.bfloat16),
        f"{Q}.lora_up.weight": rng.standard_normal((1000, 90)).astype(ml_dtypes.bfloat16),
        "ä": rng.integers(0, 255, (5000,), dtype=np.uint8),
        "empty": np.zeros((0, 3), np.float16),
    }


def rewritten(path, metadata) -> bytes:
    """The file as the safetensors package writes it with this metadata, whatever order it was in."""
    return safetensors.numpy.save(load(path), metadata)


def window(data: bytes) -> str:
    return hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8]


@pytest.mark.parametrize(
    "training",
    [{}, {"ss_v2": "False"}, {"ss_a": 'ゴブ"\\\n\x01\x7f', "ss_tag": "{}" * 5000}],
    ids=["none", "one", "odd and long"],
)
def test_the_legacy_hash_is_the_window_of_the_file_as_safetensors_rewrites_it_with_training_data_alone(
    tmp_path, training
):
    path = write(tmp_path / "a.safetensors", large(), {**training, "ssmd_author": "x" * 300_000})
    expected = rewritten(path, training)
    assert len(expected) > 0x110000
    assert facts(path)["sshs_legacy_hash"] == window(expected)
    assert data_hashes(path, read_header(path)).legacy_hash == window(expected)


@pytest.mark.parametrize("metadata", [None, {"ss_v2": "False"}, {"ss_long": "x" * 1_100_000}])
def test_a_file_with_training_data_alone_is_hashed_as_it_is(tmp_path, metadata):
    path = write(tmp_path / "a.safetensors", large(), metadata)
    assert facts(path)["sshs_legacy_hash"] == window(path.read_bytes())
    assert window(path.read_bytes()) != window(rewritten(path, metadata))


def test_the_legacy_hash_of_training_data_beyond_1_mib_is_not_defined(tmp_path):
    path = write(tmp_path / "a.safetensors", large(), {"ss_long": "x" * 1_100_000, "a": "b"})
    assert facts(path)["sshs_legacy_hash"] is None


def test_the_legacy_hash_of_a_number_format_without_a_place_in_the_order_is_not_defined(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw(b'{"__metadata__":{"a":"b"},"x":{"dtype":"F99","shape":[2],"data_offsets":[0,4]}}', b"1234"))
    found = facts(path)
    assert found["sshs_legacy_hash"] is None
    assert found["sshs_model_hash"] == hashlib.sha256(b"1234").hexdigest()


@given(st.lists(st.integers(1, 300_000), max_size=12))
def test_hashes_do_not_depend_on_how_the_data_come_in(tmp_path_factory, sizes):
    path = tmp_path_factory.getbasetemp() / "streamed.safetensors"
    if not path.exists():
        write(path, large(), {"ssmd_author": "x"})
    header = read_header(path)
    data = path.read_bytes()[header.data_start :]
    hasher, start = DataHasher(header.tensors, header.metadata), 0
    for size in [*sizes, len(data)]:
        hasher.update(data[start : start + size])
        start += size
    assert hasher.result() == data_hashes(path, header)


def test_a_new_file_gets_every_stamp_that_it_asks_for_right(tmp_path):
    path = tmp_path / "a.safetensors"
    asked = {"ss_v2": "False", "sshs_legacy_hash": "?", "modelspec.hash_sha256": "?", "ssmd_author": "x"}
    write_lora(path, large(), asked)
    found, stamped = facts(path), read_header(path).metadata
    assert list(stamped) == [*asked, "sshs_model_hash"]
    assert found["sshs_legacy_hash"] == window(rewritten(path, {"ss_v2": "False"}))
    assert {key: stamped[key] for key in stamped if key in found} == {
        key: found[key] for key in stamped if key in found
    }


def test_a_spliced_file_loses_a_legacy_hash_that_is_not_defined(tmp_path):
    metadata = {"ss_long": "x" * 1_100_000, "sshs_legacy_hash": "12345678", "sshs_model_hash": "0"}
    source = write(tmp_path / "a.safetensors", large(), metadata)
    target = tmp_path / "b.safetensors"
    splice(source, read_header(source), target, {}, metadata, overwrite=False, check=lambda _: None)
    assert set(read_header(target).metadata) == {"ss_long", "sshs_model_hash"}


def test_stamps_of_small_files_are_the_hash_of_nothing(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(file_bytes({}, {"a": "b"}))
    assert facts(path)["sshs_legacy_hash"] == "e3b0c442"


@pytest.mark.parametrize("known", ORACLE, ids=lambda known: known["file"])
def test_an_infotexts_hash_is_the_stamped_one_else_that_of_the_data(known):
    path = DATA / known["file"]
    header = read_header(path)
    stamped = header.metadata.get("sshs_model_hash", known["sshs_model_hash"])
    assert webui_hash(path, header) == stamped[:12]
