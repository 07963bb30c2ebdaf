from __future__ import annotations

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lora_files import (
    BLOCKS,
    CONV,
    FULL,
    MID,
    SHORT,
    TEXT,
    TIME,
    TUCKER,
    Q,
    V,
    change,
    leftovers,
    linear,
    load,
    locon,
    metadata_of,
    relative,
    sample,
    weights,
    write,
)

from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake, open_lora, provenance_of, read_header, write_lora
from blockweight.lora.hashes import file_hashes
from blockweight.lora.metadata import read_stamps, stamp
from blockweight.weights import convert, uniform

DATA = Path(__file__).parents[1] / "data" / "lora"
ROUNDOFF = {np.float16: 2**-11, ml_dtypes.bfloat16: 2**-8, np.float32: 2**-24}


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


WEIGHT = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 0.25, 0.1, -0.7, 1.37, 2.0, 1 / 3]) | st.floats(-2, 2).filter(
    lambda weight: weight == 0 or abs(weight) > 0.05
)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(WEIGHT, min_size=7, max_size=7),
    strength=st.sampled_from([1.0, 0.8, -0.5]),
    dtype=st.sampled_from(sorted(ROUNDOFF, key=str)),
    seed=st.integers(0, 99),
)
def test_the_change_of_every_module_is_strength_times_weight_times_before(
    tmp_path_factory, values, strength, dtype, seed
):
    folder = tmp_path_factory.mktemp("bake")
    source = write(folder / "source.safetensors", locon(dtype, seed))
    given_weights = dict(zip(BLOCKS.values(), values, strict=True))
    rest = given_weights.pop("REST")
    if not any(values):
        return
    report = bake(source, weights(rest, **given_weights), folder / "out.safetensors", Recipe(strength=strength))
    before, after = load(source), load(report.out)
    for name, value in zip(BLOCKS, values, strict=True):
        weight = value * strength
        keys = [key for key in before if key.startswith(name)]
        if weight == 0:
            assert not any(key in after for key in keys)
        elif weight == 1:
            assert all(after[key].tobytes() == before[key].tobytes() for key in keys)
        else:
            # Up to √rank between the error of the factor and that of the product; subnormals are far smaller here.
            assert relative(change(after, name), weight * change(before, name)) < 4 * ROUNDOFF[dtype] + 1e-7
    assert report.check.max_error < 4 * ROUNDOFF[dtype]


def test_fp8_is_rounded_to_its_own_few_digits(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", linear(Q, rng, dtype=ml_dtypes.float8_e4m3fn, spread=4.0))
    bake(source, weights(fill=0.7), out)
    before, after = (load(path)[f"{Q}.lora_up.weight"] for path in (source, out))
    assert after.dtype == before.dtype
    assert np.array_equal(after, (before.astype(np.float32) * np.float32(0.7)).astype(before.dtype))


def test_only_up_is_touched_and_the_sign_is_on_it_while_alpha_stays(tmp_path, out):
    source = write(tmp_path / "a.safetensors", locon())
    bake(source, weights(IN04=-0.5, OUT00=0.25), out)
    before, after = load(source), load(out)
    assert np.array_equal(after[f"{Q}.lora_up.weight"], before[f"{Q}.lora_up.weight"] * np.float16(-0.5))
    assert np.array_equal(after[f"{TUCKER}.lora_up.weight"], before[f"{TUCKER}.lora_up.weight"] * np.float16(0.25))
    touched = {f"{Q}.lora_up.weight", f"{TUCKER}.lora_up.weight"}
    assert all(after[name].tobytes() == before[name].tobytes() for name in before if name not in touched)


def test_tensors_stay_in_the_order_of_the_source(tmp_path, out):
    source = write(tmp_path / "a.safetensors", locon())
    bake(source, weights(IN03=0, M00=0.5), out)
    names = [info.name for info in read_header(source).tensors if not info.name.startswith(CONV)]
    assert [info.name for info in read_header(out).tensors] == names


def test_all_weights_1_give_the_same_data(tmp_path, out):
    source = write(tmp_path / "a.safetensors", locon())
    report = bake(source, uniform("one", FULL, 1), out)
    assert report.digest == open_lora(source).data_digest
    assert report.check.count("copied") == 7
    assert report.check.max_error == 0


def test_the_report_tells_what_became_of_every_module(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", locon() | {"emb_params": sample(rng, 3)})
    report = bake(source, weights(rest=0.5, IN04=0.5, IN03=0), out, Recipe(strength=1.0))
    check = report.check
    assert (check.count("copied"), check.count("scaled"), check.count("dropped")) == (4, 2, 1)
    assert [(module.block, module.weight, module.action) for module in check.rest] == [("REST", 0.5, "scaled")]
    assert check.unknown_keys == ("emb_params",)
    assert np.array_equal(load(out)["emb_params"], load(source)["emb_params"])
    assert (report.source, report.out, report.digest) == (source, out, open_lora(out).data_digest)
    assert {module.block: module.action for module in check.modules} == dict.fromkeys(BLOCKS.values(), "copied") | {
        "IN04": "scaled",
        "REST": "scaled",
        "IN03": "dropped",
    }


@pytest.mark.parametrize("name", [Q, CONV, TUCKER])
def test_the_reported_error_is_that_of_the_full_matrices(tmp_path, out, name):
    source = write(tmp_path / "a.safetensors", locon())
    report = bake(source, weights(fill=0.3), out)
    wanted = 0.3 * change(load(source), name)
    found = next(module for module in report.check.modules if module.block == BLOCKS[name])
    assert found.error == pytest.approx(relative(change(load(out), name), wanted), rel=1e-3)
    assert 0 < found.error <= found.limit < 4 * 2**-11


def test_numbers_near_the_smallest_that_fp16_can_hold_are_allowed_their_rounding(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", linear(Q, rng, out=40, inputs=40, rank=8, spread=2e-5))
    module = bake(source, weights(fill=0.05), out).check.modules[0]
    assert 2**-11 < module.error <= module.limit
    assert module.limit < 0.2


def test_a_shorter_layout_is_enough_when_the_lora_has_none_of_the_other_blocks(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", linear(Q, rng) | linear(MID, rng) | linear(TEXT, rng))
    report = bake(source, weights(layout=SHORT, M00=0.5), out)
    assert report.check.count("scaled") == 1


def test_blocks_that_the_layout_lacks_are_named_and_nothing_is_written(tmp_path, out):
    source = write(tmp_path / "a.safetensors", locon())
    with pytest.raises(BlockweightError) as caught:
        bake(source, weights(layout=SHORT), out)
    assert "changes the blocks IN03, OUT00, which the 17 weights" in str(caught.value)
    assert "expand them to sd1-26 with a fill" in str(caught.value)
    assert not out.exists()
    expanded = convert(weights(layout=SHORT), FULL, 1).weights
    assert bake(source, expanded, out).check.count("copied") == 7


@pytest.mark.parametrize(("blocks", "strength"), [({"fill": 0.0, "rest": 0.0}, 1.0), ({}, 0.0), ({}, -0.0)])
def test_weights_that_leave_nothing_are_refused(tmp_path, out, blocks, strength):
    source = write(tmp_path / "a.safetensors", locon())
    with pytest.raises(BlockweightError, match="nothing would be left to bake"):
        bake(source, weights(**blocks), out, Recipe(strength=strength))
    assert not out.exists()


@pytest.mark.parametrize("strength", [float("nan"), float("inf")])
def test_a_strength_that_is_no_number_is_refused(tmp_path, out, strength):
    with pytest.raises(BlockweightError, match="must be a finite number"):
        bake(write(tmp_path / "a.safetensors", locon()), weights(), out, Recipe(strength=strength))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.float32])
def test_numbers_that_overflow_their_format_are_refused_and_nothing_is_left(tmp_path, out, rng, dtype):
    tensors = linear(Q, rng, dtype=dtype)
    tensors[f"{Q}.lora_up.weight"][0, 0] = ml_dtypes.finfo(dtype).max
    source = write(tmp_path / "a.safetensors", tensors)
    for weight in (2.0, -2.0, 1e300):
        with pytest.raises(BlockweightError, match="beyond the largest number of"):
            bake(source, weights(fill=weight), out)
    assert not out.exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("weight", [1e-8, 1e7])
def test_what_a_format_cannot_hold_is_offered_in_32_bits_where_that_helps(tmp_path, out, rng, weight):
    source = write(tmp_path / "a.safetensors", linear(Q, rng))
    with pytest.raises(BlockweightError, match=r", or store scaled numbers in 32 bits \(--precision fp32\)\.$"):
        bake(source, weights(IN04=weight), out)
    bake(source, weights(IN04=weight), out, Recipe(precision="fp32"))


@pytest.mark.parametrize(("weight", "words"), [(1e-165, "0 or a larger weight"), (1e300, "a smaller weight")])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_32_bits_are_not_offered_where_they_do_not_help(tmp_path, out, rng, weight, words, dtype):
    source = write(tmp_path / "a.safetensors", linear(Q, rng, dtype=dtype))
    with pytest.raises(BlockweightError, match=f"; choose {words}\\.$"):
        bake(source, weights(IN04=weight), out, Recipe(precision="fp32" if dtype == np.float16 else "keep"))


@pytest.mark.parametrize(("dtype", "weight"), [(np.float16, 1e-8), (ml_dtypes.float8_e4m3fn, 1e-4)])
def test_a_weight_so_small_that_the_change_vanishes_is_refused_and_nothing_is_left(tmp_path, out, rng, dtype, weight):
    source = write(tmp_path / "a.safetensors", linear(Q, rng, dtype=dtype))
    with pytest.raises(BlockweightError, match=r"too small for the numbers of this file: rounding would lose \d+%"):
        bake(source, weights(fill=weight), out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors"]


@pytest.mark.parametrize("role", ["lora_up", "lora_down"])
def test_a_broken_module_is_refused_when_it_is_to_be_scaled(tmp_path, out, rng, role):
    tensors = linear(Q, rng)
    tensors[f"{Q}.{role}.weight"][0, 0] = np.nan
    source = write(tmp_path / "a.safetensors", tensors)
    with pytest.raises(BlockweightError, match=r"not finite numbers \(NaN or Inf\)"):
        bake(source, weights(fill=0.5), out)
    assert not out.exists()


def test_a_factor_in_whole_numbers_cannot_be_scaled_and_says_so(tmp_path, out, rng):
    tensors = linear(Q, rng) | {f"{Q}.lora_up.weight": np.ones((6, 3), np.int8)}
    source = write(tmp_path / "a.safetensors", tensors)
    with pytest.raises(BlockweightError, match="stored as I8, which cannot hold a scaled number"):
        bake(source, weights(fill=0.5), out)


def test_a_module_whose_factor_is_zero_stays_zero(tmp_path, out, rng):
    tensors = linear(Q, rng) | {f"{Q}.lora_up.weight": np.zeros((6, 3), np.float16)}
    report = bake(write(tmp_path / "a.safetensors", tensors), weights(fill=0.5), out)
    assert report.check.max_error == 0
    assert not load(out)[f"{Q}.lora_up.weight"].any()


def test_metadata_are_kept_and_say_what_was_baked_from_where(tmp_path, out):
    kept = {"ss_tag_frequency": '{"a": {"b": 1}}', "ssmd_author": "ゴブ"}
    source = write(tmp_path / "a.safetensors", locon(), kept)
    given_weights, recipe = weights(rest=0.5, IN04=0.25), Recipe(strength=0.8, te=0.5)
    bake(source, given_weights, out, recipe)
    after = metadata_of(out)
    assert {key: text for key, text in after.items() if key != "blockweight.applied_weights"} == kept
    told = provenance_of(out, after)
    assert (told.weights, told.recipe) == (given_weights, recipe)
    assert (told.source, told.source_digest) == ("a.safetensors", open_lora(source).data_digest)


def test_names_and_titles_are_those_of_the_new_file_and_advice_is_stale(tmp_path, out):
    advice = stamp(weights(IN04=0.5), "recommended")
    named = {"ss_output_name": "gobuhime", "modelspec.title": "Goblin", "ssmd_display_name": "ゴブ姫"}
    source = write(tmp_path / "a.safetensors", locon(), named | advice)
    bake(source, uniform("Tuned", FULL, 0.5), out)
    after = metadata_of(out)
    assert after["ss_output_name"] == out.stem
    assert (after["modelspec.title"], after["ssmd_display_name"]) == ("Goblin (Tuned)", "ゴブ姫 (Tuned)")
    assert after["modelspec.merged_from"] == "Goblin"
    assert [(found.role, found.stale) for found in read_stamps(after)] == [("recommended", True), ("applied", False)]


def test_hashes_in_the_metadata_are_made_right(out):
    report = bake(DATA / "d_addnet_written.safetensors", weights(BASE=0.5), out)
    before, after = metadata_of(report.source), metadata_of(out)
    assert before["sshs_model_hash"] != after["sshs_model_hash"] == report.digest == open_lora(out).data_digest
    assert after["sshs_legacy_hash"] == file_hashes(out, read_header(out)).data.legacy_hash
    assert json.loads(after["ssmd_cover_images"]) == json.loads(before["ssmd_cover_images"])


def test_every_sample_bakes_and_linearly(tmp_path):
    for path in sorted(DATA.glob("*.safetensors")):
        report = bake(path, weights(fill=0.5, rest=0.5), tmp_path / path.name)
        before, after = load(path), load(report.out)
        names = {name.split(".")[0] for name in before}
        assert report.check.count("scaled") == len(names)
        for name in names:
            assert relative(change(after, name), 0.5 * change(before, name)) < 2**-8


def test_an_existing_output_is_kept_unless_overwriting_is_asked_for_and_the_source_always(tmp_path, out):
    source = write(tmp_path / "a.safetensors", locon())
    before = source.read_bytes()
    out.write_bytes(b"precious")
    with pytest.raises(BlockweightError, match="exists already"):
        bake(source, weights(), out)
    for overwrite in (False, True):
        with pytest.raises(BlockweightError, match="is the source itself"):
            bake(source, weights(IN04=0.5), source, overwrite=overwrite)
    assert (source.read_bytes(), out.read_bytes()) == (before, b"precious")
    bake(source, weights(IN04=0.5), out, overwrite=True)
    assert open_lora(out).blocks == open_lora(source).blocks


def test_a_lora_of_another_family_is_refused(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", linear("lora_unet_double_blocks_0_img_attn_qkv", rng))
    with pytest.raises(BlockweightError, match=r"is not a LoRA of Stable Diffusion 1\.x"):
        bake(source, weights(), out)


def test_what_training_writes_can_be_baked(tmp_path, out):
    write_lora(tmp_path / "trained.safetensors", locon(), {"ss_network_dim": "3"})
    report = bake(tmp_path / "trained.safetensors", weights(IN04=0, OUT03=-1), out)
    assert metadata_of(out)["sshs_model_hash"] == report.digest
    assert np.array_equal(load(out)[f"{V}.lora_up.weight"], -load(report.source)[f"{V}.lora_up.weight"])
    assert f"{TIME}.lora_up.weight" in load(out)


def test_a_change_that_would_vanish_wholly_is_refused(tmp_path, out):
    tensors = {name: array.astype(np.float32) for name, array in locon().items()}
    source = write(tmp_path / "a.safetensors", tensors)
    with pytest.raises(BlockweightError, match="rounding would lose 100% of the change"):
        bake(source, weights(IN04=1e-165), out)
    assert not out.exists()
