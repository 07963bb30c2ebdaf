"""Taking a bake back."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake, open_lora, unbake, write_lora
from blockweight.lora.bake import scaled_values
from blockweight.lora.metadata import stamp
from blockweight.weights import parse_elemental, uniform
from workshop import FULL, module_in, tree, write_lora_file

BLOCKS = ("BASE", "IN04", "OUT03")


@pytest.fixture
def source(tmp_path):
    return write_lora_file(tmp_path / "a.safetensors", BLOCKS, ["lora_unet_time_embedding_linear_1"])


def weights(**changed):
    return uniform("w", FULL, 1.0).with_weights(changed)


def back(source, given, recipe=Recipe(), original=None):
    folder = source.parent
    baked = bake(source, given, folder / "baked.safetensors", recipe).out
    return unbake(baked, folder / "back.safetensors", original)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(strength=-2.0),
        Recipe(te=4.0),
        Recipe(elemental=parse_elemental("IN04:attn:0.25", FULL)),
        Recipe(via="alpha"),
        Recipe(precision="fp32"),
    ],
    ids=["plain", "strength", "te", "elemental", "alpha", "fp32"],
)
def test_weights_that_lose_nothing_come_back_by_reckoning(source, recipe):
    report = back(source, weights(IN04=0.5, OUT03=2.0), recipe)
    assert report.by == "stamp"
    assert open_lora(report.out).digest == open_lora(source).digest
    assert open_lora(report.out).header.metadata == open_lora(source).header.metadata


def test_any_weight_comes_back_where_it_stands_in_alpha_or_fp32(source):
    for recipe in (Recipe(via="alpha"), Recipe(precision="fp32")):
        (source.parent / "baked.safetensors").unlink(missing_ok=True)
        (source.parent / "back.safetensors").unlink(missing_ok=True)
        assert open_lora(back(source, weights(IN04=0.3, OUT03=0.7), recipe).out).digest == open_lora(source).digest


def test_what_was_dropped_is_named_and_nothing_is_written(source):
    with pytest.raises(BlockweightError, match=r"IN04 \(weight 0\).*give the file .*'a.safetensors', with --original"):
        back(source, weights(IN04=0.0))
    assert sorted(tree(source.parent)) == ["a.safetensors", "baked.safetensors"]


@pytest.mark.parametrize(
    ("changed", "recipe", "named"),
    [
        ({"IN04": 0.3, "OUT03": 0.5}, Recipe(), "IN04 (0.3)"),
        ({"IN04": 0.0, "OUT03": 2.0}, Recipe(), "IN04 (weight 0)"),
        ({"IN04": 0.0, "OUT03": 0.3}, Recipe(precision="fp32"), "IN04 (weight 0)"),
        ({"IN04": 0.0, "OUT03": 0.3}, Recipe(via="alpha"), "IN04 (weight 0)"),
        ({"IN04": 0.0, "OUT03": 0.7}, Recipe(zeros="keep"), "IN04 (weight 0), OUT03 (0.7)"),
        ({}, Recipe(te=0.0), "BASE (weight 0)"),
        ({"IN05": 0.0, "OUT03": 0.7}, Recipe(), "OUT03 (0.7)"),
        ({"IN04": -3.0, "OUT03": -4.0}, Recipe(), "IN04 (-3)"),
    ],
    ids=["rounded", "dropped", "fp32", "alpha", "kept", "te", "absent", "negative"],
)
def test_only_blocks_that_cannot_come_back_are_named(source, changed, recipe, named):
    with pytest.raises(BlockweightError, match=rf"does not come back by reckoning: {re.escape(named)}; give the file"):
        back(source, weights(**changed), recipe)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.3, 0.5, 0.7, -1.5, 3.0, 0.001]), st.booleans())
def test_a_block_that_is_not_named_comes_back_to_its_last_bit(seed, weight, subnormal):
    """Three numbers, so that there are both kinds: what the weight leaves distinct, and what it does not."""
    names = {block: module_in(block) for block in ("IN04", "OUT03")}
    up = np.random.default_rng(seed).standard_normal((3, 1)) * (2.0**-20 if subnormal else 1.0)
    tensors = {f"{name}.lora_up.weight": up.astype(np.float16) for name in names.values()}
    tensors |= {f"{name}.lora_down.weight": np.ones((1, 2), np.float16) for name in names.values()}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "a.safetensors"
        write_lora(source, tensors, {})
        try:
            back(source, weights(IN04=weight, OUT03=0.0))
        except BlockweightError as error:
            named = str(error)
        baked = Path(folder) / "baked.safetensors"
        if not baked.exists() or "IN04" in named:
            return  # too small for the format, or lost
        made = open_lora(baked).arrays(next(iter(open_lora(baked).modules)))["lora_up"]
        found = scaled_values(made, 1 / weight, np.dtype(np.float16))
        assert np.array_equal(found, up.astype(np.float16)) or (made == 0).any()


def test_where_only_zeros_are_unsure_their_block_is_named(tmp_path):
    name = module_in("IN04")
    tiny = np.array([[1.0, 2.0**-24]], np.float16)  # half of the smallest number that fp16 has is 0
    down = np.ones((1, 2), np.float16)
    tensors = {f"{name}.lora_up.weight": tiny.T.copy(), f"{name}.lora_down.weight": down}
    write_lora(tmp_path / "a.safetensors", tensors, {})
    with pytest.raises(BlockweightError, match=r"by reckoning: IN04 \(0.5\); give"):
        back(tmp_path / "a.safetensors", weights(IN04=0.5))


def test_the_original_brings_back_everything(source):
    report = back(source, weights(IN04=0.0, OUT03=0.3), original=source)
    assert report.by == "original"
    assert report.out.read_bytes()[8:] == source.read_bytes()[8:]


def test_another_original_is_refused(source, tmp_path):
    other = write_lora_file(tmp_path / "other.safetensors", BLOCKS, seed=2)
    with pytest.raises(
        BlockweightError, match=r"other.safetensors' is not the file that 'baked.safetensors' was baked"
    ):
        back(source, weights(IN04=0.5), original=other)


def test_a_file_without_a_stamp_is_refused(source, tmp_path):
    with pytest.raises(BlockweightError, match="does not say that block weights were baked into it"):
        unbake(source, tmp_path / "back.safetensors")


def test_a_second_bake_is_taken_back_to_the_first(source, tmp_path):
    first = bake(source, weights(IN04=0.5), tmp_path / "first.safetensors").out
    second = bake(first, weights(OUT03=0.5), tmp_path / "second.safetensors").out
    one = unbake(second, tmp_path / "one.safetensors").out
    assert open_lora(one).header.metadata == open_lora(first).header.metadata
    assert open_lora(unbake(one, tmp_path / "two.safetensors").out).digest == open_lora(source).digest


def test_names_and_advice_come_back_too(tmp_path):
    tensors = {info.name: open_lora(path).read(info) for path in [write_lora_file(tmp_path / "x.safetensors", BLOCKS)]
               for info in open_lora(path).header.tensors}  # fmt: skip
    named = {"ss_output_name": "girl", "modelspec.title": "Girl", "ssmd_display_name": "ゴブ姫"}
    given = named | stamp(weights(IN04=0.5), "recommended")
    write_lora(tmp_path / "a.safetensors", tensors, given)
    assert open_lora(back(tmp_path / "a.safetensors", weights(IN04=0.5)).out).header.metadata == given | {
        key: text for key, text in open_lora(tmp_path / "a.safetensors").header.metadata.items() if key not in given
    }
