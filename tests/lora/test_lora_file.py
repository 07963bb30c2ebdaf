from __future__ import annotations

import hashlib
import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from lora_files import (
    BLOCKS,
    CONV,
    MID,
    TEXT,
    TIME,
    TUCKER,
    Q,
    V,
    change,
    conv,
    file_bytes,
    linear,
    load,
    locon,
    relative,
    sample,
    write,
)

from blockweight.blocks import REST, Module, family_by_name, module_of
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora, write_lora

DATA = Path(__file__).parents[1] / "data" / "lora"
SD1 = family_by_name("sd1")


def module(name: str) -> Module:
    found = module_of(name)
    assert found is not None
    return found


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_a_lora_knows_its_family_its_modules_in_file_order_and_their_blocks(tmp_path):
    lora = open_lora(write(tmp_path / "a.safetensors", locon()))
    assert lora.family is SD1
    assert list(lora.modules) == [module(name) for name in (Q, V, MID, TEXT, TIME, CONV, TUCKER)]
    assert {name: lora.block_of(module(name)) for name in BLOCKS} == BLOCKS
    assert lora.blocks == ("BASE", "IN03", "IN04", "M00", "OUT00", "OUT03")
    assert lora.rest == (module(TIME),)
    assert set(lora.modules[module(TUCKER)]) == {"alpha", "lora_up", "lora_mid", "lora_down"}


def test_keys_of_no_dialect_are_listed_and_belong_to_no_module(tmp_path, rng):
    path = write(tmp_path / "a.safetensors", linear(Q, rng) | {"emb_params": sample(rng, 2)})
    lora = open_lora(path)
    assert lora.unknown_keys == ("emb_params",)
    assert list(lora.modules) == [module(Q)]


def test_digests_and_tensors_of_the_samples_are_those_of_additional_networks():
    for facts in json.loads((DATA / "lora_hashes.json").read_text("utf-8")):
        lora = open_lora(DATA / facts["file"])
        assert lora.data_digest == facts["sshs_model_hash"]
        tensors = load(lora.path)
        assert len(lora.header.tensors) == facts["n_tensors"]
        for info in lora.header.tensors:
            assert np.array_equal(lora.read(info), tensors[info.name])


def test_the_digest_ignores_the_header_and_sees_every_byte_of_data(tmp_path, rng):
    tensors = linear(Q, rng)
    one, two = write(tmp_path / "a.safetensors", tensors), write(tmp_path / "b.safetensors", tensors, {"k": "v"})
    assert open_lora(one).data_digest == open_lora(two).data_digest
    content = bytearray(two.read_bytes())
    content[-1] ^= 1
    two.write_bytes(content)
    assert open_lora(one).data_digest != open_lora(two).data_digest


def test_the_digest_is_that_of_data_longer_than_one_chunk(tmp_path, rng):
    tensors = linear(Q, rng, out=700_000, rank=2)
    lora = open_lora(write(tmp_path / "a.safetensors", tensors))
    assert lora.data_digest == hashlib.sha256(b"".join(array.tobytes() for array in tensors.values())).hexdigest()


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.int8, np.int64]
)
def test_tensors_are_read_in_their_own_number_format(tmp_path, rng, dtype):
    wanted = (rng.standard_normal((3, 4)) * 5).astype(dtype)
    lora = open_lora(write(tmp_path / "a.safetensors", {f"{Q}.lora_up.weight": wanted}))
    found = lora.read(lora.header.tensors[0])
    assert found.dtype == wanted.dtype
    assert np.array_equal(found, wanted)


def test_a_format_that_numpy_lacks_is_carried_but_not_read(tmp_path):
    content = file_bytes({f"{Q}.diff": np.zeros(8, np.uint8)}).replace(b'"U8"', b'"F4"').replace(b"[8]", b"[16]")
    header = content[8:].replace(b"    ", b"")
    content = (int.from_bytes(content[:8], "little") + 1).to_bytes(8, "little") + header
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    lora = open_lora(path)
    with pytest.raises(BlockweightError, match="stored as F4, with which this program cannot calculate"):
        lora.read(lora.header.tensors[0])


def test_a_file_that_shrinks_between_header_and_data_is_noticed(tmp_path, rng):
    path = write(tmp_path / "a.safetensors", linear(Q, rng))
    lora = open_lora(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BlockweightError, match="became shorter"):
        lora.read(lora.header.tensors[-1])
    path.unlink()
    with pytest.raises(BlockweightError, match="can no longer be read"):
        lora.read(lora.header.tensors[-1])


def tensors_named(name, shapes):
    return {f"{name}.{role}": np.ones(shape, np.float16) for role, shape in shapes.items()}


HADA = dict.fromkeys(("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), (2, 2))


@pytest.mark.parametrize(
    ("shapes", "algorithm"),
    [
        ({"lora_up.weight": (4, 2), "lora_down.weight": (2, 3)}, "lora"),
        ({"lora_up.weight": (4, 2, 1, 1), "lora_down.weight": (2, 3, 1, 1)}, "lora"),
        ({"lora_up.weight": (4, 2, 1, 1), "lora_down.weight": (2, 3, 3, 3)}, "locon"),
        ({"lora_up.weight": (4, 2, 1, 1), "lora_mid.weight": (2, 2, 3, 3), "lora_down.weight": (2, 3, 1, 1)}, "locon"),
        (HADA, "loha"),
        ({"lokr_w1": (2, 2), "lokr_w2_a": (2, 2), "lokr_w2_b": (2, 2)}, "lokr"),
        ({"a1.weight": (2, 2), "a2.weight": (2, 2), "b1.weight": (2, 2), "b2.weight": (2, 2)}, "glora"),
        ({"weight": (4,), "on_input": ()}, "ia3"),
        ({"oft_blocks": (2, 2, 2)}, "oft"),
        ({"oft_diag": (2, 2, 2), "alpha": ()}, "oft"),
        ({"lora_up.weight": (4, 2), "lora_down.weight": (2, 3), "dora_scale": (4, 1)}, "dora"),
        (HADA | {"dora_scale": (4, 1)}, "dora"),
        ({"diff": (4, 3)}, "full"),
        ({"w_norm": (4,), "b_norm": (4,)}, "norm"),
        ({"alpha": ()}, "incomplete"),
        ({"weight": (4, 3)}, "incomplete"),
        ({"lora_down.weight": (2, 3), "alpha": ()}, "incomplete"),
        ({"lokr_w1": (2, 2), "lokr_w2_a": (2, 2)}, "incomplete"),
    ],
)
def test_the_algorithm_of_a_module_follows_from_its_tensors(tmp_path, shapes, algorithm):
    lora = open_lora(write(tmp_path / "a.safetensors", tensors_named(Q, shapes)))
    assert lora.algorithm(module(Q)) == algorithm


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_the_change_is_alpha_over_rank_times_up_times_mid_times_down(tmp_path, dtype):
    path = write(tmp_path / "a.safetensors", locon(dtype))
    lora, tensors = open_lora(path), load(path)
    for name in BLOCKS:
        wanted, found = change(tensors, name), lora.delta(module(name))
        assert found.dtype == np.float32
        assert found.shape == wanted.shape
        assert relative(found, wanted) < 1e-6


def test_a_convolution_changes_the_kernel_as_its_two_convolutions_in_a_row_would(tmp_path, rng):
    path = write(tmp_path / "a.safetensors", conv(CONV, rng, out=4, inputs=3, rank=2, alpha=2.0, dtype=np.float32))
    lora, tensors = open_lora(path), load(path)
    picture = rng.standard_normal((3, 3, 3))
    middle = [float((tensors[f"{CONV}.lora_down.weight"][r] * picture).sum()) for r in range(2)]
    wanted = tensors[f"{CONV}.lora_up.weight"][:, :, 0, 0] @ np.array(middle)
    found = (lora.delta(module(CONV)) * picture).sum(axis=(1, 2, 3))
    assert np.allclose(found, wanted, rtol=1e-5)


def test_factors_are_float32_with_alpha_over_rank_or_1_without_alpha(tmp_path, rng):
    lora = open_lora(write(tmp_path / "a.safetensors", linear(Q, rng, alpha=1.5) | linear(MID, rng, alpha=None)))
    factors = lora.factors(module(Q))
    assert (factors.scale, factors.rank, factors.mid) == (0.5, 3, None)
    assert (factors.up.dtype, factors.down.dtype) == (np.float32, np.float32)
    assert lora.factors(module(MID)).scale == 1.0


def test_alpha_0_means_no_change(tmp_path, rng):
    lora = open_lora(write(tmp_path / "a.safetensors", linear(Q, rng, alpha=0.0)))
    assert not lora.delta(module(Q)).any()


def broken(rng, **changes):
    tensors = linear(Q, rng)
    for role, value in changes.items():
        key = f"{Q}.{role}" if role == "alpha" else f"{Q}.{role}.weight"
        if value is None:
            del tensors[key]
        else:
            tensors[key] = value
    return tensors


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lora_up": None}, "has no lora_up"),
        ({"lora_down": None}, "has no lora_down"),
        ({"lora_up": np.ones((6, 4), np.float16)}, "do not fit each other"),
        ({"lora_up": np.ones(3, np.float16)}, "do not fit each other"),
        ({"lora_up": np.ones((6, 3, 3, 3), np.float16)}, "do not fit each other"),
        ({"lora_up": np.ones((6, 0), np.float16), "lora_down": np.ones((0, 5), np.float16)}, "do not fit each other"),
        ({"lora_mid": np.ones((3, 2, 3, 3), np.float16)}, "do not fit each other"),
        ({"lora_up": np.full((6, 3), np.nan, np.float16)}, "lora_up .* not finite"),
        ({"lora_down": np.full((3, 5), np.inf, np.float16)}, "lora_down .* not finite"),
        ({"lora_up": np.full((6, 3), 1e300)}, "lora_up .* not finite"),
        ({"alpha": np.array(np.nan, np.float16)}, "alpha .* not one finite number"),
        ({"lora_up": np.ones((6, 3), np.complex64)}, "complex numbers"),
        ({"alpha": np.array(1j, np.complex64)}, "alpha .* not one finite number"),
        ({"alpha": np.ones(2, np.float16)}, "alpha .* not one finite number"),
    ],
)
def test_factors_that_do_not_make_a_change_are_refused_with_the_reason(tmp_path, rng, changes, words):
    lora = open_lora(write(tmp_path / "a.safetensors", broken(rng, **changes)))
    with pytest.raises(BlockweightError, match=words):
        lora.factors(module(Q))


def test_modules_without_plain_factors_say_of_which_kind_they_are(tmp_path, rng):
    lora = open_lora(write(tmp_path / "a.safetensors", tensors_named(Q, HADA) | tensors_named(V, {"alpha": ()})))
    with pytest.raises(BlockweightError, match="kind 'loha'"):
        lora.factors(module(Q))
    with pytest.raises(BlockweightError, match="kind 'incomplete'"):
        lora.delta(module(V))


def test_factors_do_not_hide_that_a_module_changes_a_bias_too(tmp_path, rng):
    lora = open_lora(write(tmp_path / "a.safetensors", linear(Q, rng) | {f"{Q}.diff_b": sample(rng, 6)}))
    with pytest.raises(BlockweightError, match="changes a bias too"):
        lora.factors(module(Q))


def test_a_lora_whose_family_cannot_be_told_is_refused_with_what_was_seen(tmp_path, rng):
    path = write(tmp_path / "a.safetensors", linear("lora_unet_img_in", rng))
    with pytest.raises(BlockweightError, match=r"family cannot be told: it holds 1 modules such as unet\.img_in"):
        open_lora(path)


def test_a_lora_of_another_family_than_the_one_asked_for_is_refused(tmp_path, rng):
    path = write(tmp_path / "a.safetensors", linear("lora_unet_double_blocks_0_img_attn_qkv", rng))
    with pytest.raises(BlockweightError, match=r"is not a LoRA of Stable Diffusion 1\.x: it looks like one of Flux\.1"):
        open_lora(path, SD1)


def test_a_file_has_the_layout_of_its_own_model(tmp_path, rng):
    tensors = {}
    for number in range(20):
        tensors |= linear(f"lora_unet_single_blocks_{number}_linear1", rng)
    lora = open_lora(write(tmp_path / "a.safetensors", tensors))
    assert (lora.family.name, lora.family.layout.name) == ("flux2", "flux2-27")


def test_a_lora_of_an_unknown_model_has_guessed_blocks(tmp_path, rng):
    lora = open_lora(write(tmp_path / "a.safetensors", linear("transformer.joint_blocks.1.to_q", rng)))
    assert (lora.family.guessed, lora.blocks) == (False, ("J01",))
    lora = open_lora(write(tmp_path / "b.safetensors", linear("transformer.mlp_blocks.1.to_q", rng)))
    assert (lora.family.guessed, lora.blocks) == (True, ("MLP_BLOCKS01",))


def test_the_family_that_is_asked_for_is_used_when_it_fits(tmp_path, rng):
    assert open_lora(write(tmp_path / "a.safetensors", linear(Q, rng)), SD1).family is SD1


def test_files_without_lora_modules_are_refused(tmp_path):
    with pytest.raises(BlockweightError, match=r"holds no LoRA modules .*'model\.weight'"):
        open_lora(write(tmp_path / "a.safetensors", {"model.weight": np.ones(2, np.float16)}))
    with pytest.raises(BlockweightError, match="it holds no tensors"):
        open_lora(write(tmp_path / "b.safetensors", {}))


def test_one_tensor_under_two_names_is_refused_with_both(tmp_path, rng):
    twin = "unet.mid_block.attentions.0.proj_in.lora_B.weight"
    path = write(tmp_path / "a.safetensors", linear(MID, rng) | {twin: sample(rng, 6, 3)})
    with pytest.raises(BlockweightError, match="names the same tensor twice") as caught:
        open_lora(path)
    assert twin in str(caught.value)
    assert f"{MID}.lora_up.weight" in str(caught.value)


def test_a_lora_with_only_rest_modules_beside_its_blocks_lists_them_as_rest(tmp_path, rng):
    lora = open_lora(write(tmp_path / "a.safetensors", linear(Q, rng) | linear(TIME, rng)))
    assert lora.block_of(module(TIME)) == REST
    assert lora.blocks == ("IN04",)


def test_files_with_the_same_numbers_under_other_names_are_different_loras(tmp_path):
    values = np.ones((4, 2), np.float16)
    paths = []
    for name in ("lora_unet_mid_block_attentions_0_proj_in", "lora_unet_mid_block_attentions_0_proj_out"):
        tensors = {f"{name}.lora_up.weight": values, f"{name}.lora_down.weight": values.T.copy()}
        write_lora(tmp_path / f"{name}.safetensors", tensors, {})
        paths.append(tmp_path / f"{name}.safetensors")
    one, other = map(open_lora, paths)
    assert one.data_digest == other.data_digest
    assert one.digest != other.digest
