from __future__ import annotations

import json
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lora_files import (
    CONV,
    MID,
    TEXT,
    TIME,
    Q,
    change,
    conv,
    linear,
    load,
    loha,
    metadata_of,
    relative,
    sample,
    tucker,
    write,
)

from blockweight.errors import BlockweightError
from blockweight.lora import convert_names, open_lora

F32 = np.float32
PEFT_Q = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
PEFT = {
    Q: PEFT_Q,
    MID: "unet.mid_block.attentions.0.proj_in",
    CONV: "unet.down_blocks.0.downsamplers.0.conv",
    TEXT: "text_encoder.text_model.encoder.layers.0.mlp.fc1",
    TIME: "unet.time_embedding.linear_1",
}


@pytest.fixture
def rng():
    return np.random.default_rng(23)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


def product(tensors, name):
    up, down = (tensors[f"{name}.lora_{role}.weight"].astype(float) for role in "BA")
    return np.tensordot(up.reshape(up.shape[:2]), down, axes=(1, 0))


def there_and_back(path, folder):
    peft = folder / "peft.safetensors"
    convert_names(open_lora(path), "peft", peft)
    again = folder / "again.safetensors"
    convert_names(open_lora(peft), "kohya", again)
    return load(peft), load(again)


def as_bytes(tensors):
    return {name: (array.dtype, array.shape, array.tobytes()) for name, array in tensors.items()}


@settings(max_examples=60)
@given(st.data())
def test_there_and_back_is_the_identity_on_every_tensor_of_16_bits(data):
    dtype = data.draw(st.sampled_from([np.float16, ml_dtypes.bfloat16]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    tensors = {}
    for name, make in ((Q, linear), (MID, linear), (CONV, conv), (TEXT, linear), (TIME, linear)):
        alpha = data.draw(st.floats(-8, 8, width=16).filter(lambda value: abs(value) > 1e-3))
        tensors |= make(name, rng, rank=data.draw(st.integers(1, 6)), alpha=alpha, dtype=dtype)
    with tempfile.TemporaryDirectory() as folder:
        source = write(Path(folder) / "a.safetensors", tensors)
        peft, again = there_and_back(source, Path(folder))
        assert as_bytes(again) == as_bytes(load(source))
        for name, dotted in PEFT.items():
            assert relative(product(peft, dotted), change(tensors, name)) < (2e-3 if dtype == np.float16 else 1e-2)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_an_alpha_stored_as_a_whole_number_comes_back_as_one(tmp_path, rng, dtype):
    tensors = linear(Q, rng, rank=4, alpha=2) | {f"{Q}.alpha": np.array(2, dtype)}
    _, again = there_and_back(write(tmp_path / "a.safetensors", tensors), tmp_path)
    assert as_bytes(again) == as_bytes(tensors)


def test_alpha_of_the_rank_or_a_power_of_two_of_it_keeps_format_and_digits(tmp_path, rng):
    for alpha in (4, 2, 1, 8):
        tensors = linear(Q, rng, rank=4, alpha=alpha)
        source = write(tmp_path / f"{alpha}.safetensors", tensors)
        report = convert_names(open_lora(source), "peft", tmp_path / f"{alpha}-peft.safetensors")
        assert (report.widened, report.error) == (0, 0.0)
        assert load(report.out)[f"{PEFT_Q}.lora_B.weight"].dtype == np.float16


def test_digits_that_their_own_format_would_lose_are_kept_in_fp32(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", linear(Q, rng, rank=3, alpha=1))
    report = convert_names(open_lora(source), "peft", out)
    assert report.widened == 1
    assert load(out)[f"{PEFT_Q}.lora_B.weight"].dtype == F32
    assert relative(product(load(out), PEFT_Q), change(load(source), Q)) < 1e-7


def test_numbers_stay_in_their_format_where_that_is_asked_for(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", linear(Q, rng, rank=3, alpha=1))
    report = convert_names(open_lora(source), "peft", out, exact=False)
    assert report.widened == 0
    assert load(out)[f"{PEFT_Q}.lora_B.weight"].dtype == np.float16
    assert 0 < relative(product(load(out), PEFT_Q), change(load(source), Q)) < 1e-3


def test_peft_without_alpha_becomes_alpha_equal_to_rank_and_the_factors_bytes_stay(tmp_path, out, rng):
    up, down = sample(rng, 6, 2), sample(rng, 2, 5)
    source = write(tmp_path / "a.safetensors", {f"{PEFT_Q}.lora_A.weight": down, f"{PEFT_Q}.lora_B.weight": up})
    convert_names(open_lora(source), "kohya", out)
    found = load(out)
    assert found[f"{Q}.alpha"] == 2
    assert found[f"{Q}.lora_up.weight"].tobytes() == up.tobytes()
    assert found[f"{Q}.lora_down.weight"].tobytes() == down.tobytes()


def test_an_alpha_of_0_is_refused_where_it_would_cost_the_modules_numbers(tmp_path, out, rng):
    source = write(tmp_path / "a.safetensors", linear(Q, rng) | linear(MID, rng, alpha=0.0))
    for exact in (True, False):
        with pytest.raises(
            BlockweightError, match=r"unet.mid_block_attentions_0_proj_in of .* alpha 0.* weight 0 for M00, or write"
        ):
            convert_names(open_lora(source), "peft", out, exact=exact)
    assert not out.exists()


def test_an_alpha_of_0_in_pefts_settings_becomes_one_in_kohyas_names(tmp_path, out, rng):
    up, down = sample(rng, 6, 2), sample(rng, 2, 5)
    told = json.dumps({"unet.r": 2, "unet.lora_alpha": 0})
    tensors = {f"{PEFT_Q}.lora_A.weight": down, f"{PEFT_Q}.lora_B.weight": up}
    convert_names(open_lora(write(tmp_path / "a.safetensors", tensors, {"lora_adapter_metadata": told})), "kohya", out)
    assert load(out)[f"{Q}.alpha"] == 0
    assert load(out)[f"{Q}.lora_up.weight"].tobytes() == up.tobytes()


def test_a_module_without_alpha_among_others_has_none_after_there_and_back(tmp_path, rng):
    source = write(tmp_path / "a.safetensors", linear(Q, rng) | linear(MID, rng, alpha=None))
    _, again = there_and_back(source, tmp_path)
    assert as_bytes(again) == as_bytes(load(source))


def test_mixed_ranks_without_alpha_get_none_because_loaders_disagree_on_mixed_alphas(tmp_path, out, rng):
    tensors = {}
    for name, rank in ((PEFT_Q, 2), (PEFT[MID], 3)):
        tensors |= {f"{name}.lora_A.weight": sample(rng, rank, 5), f"{name}.lora_B.weight": sample(rng, 6, rank)}
    convert_names(open_lora(write(tmp_path / "a.safetensors", tensors)), "kohya", out)
    assert not [name for name in load(out) if name.endswith("alpha")]


def test_diffusers_own_settings_become_alphas(tmp_path, out, rng):
    up, down = sample(rng, 6, 2), sample(rng, 2, 5)
    told = json.dumps({"unet.r": 2, "unet.lora_alpha": 4, "unet.alpha_pattern": {"attn1.to_q": 3}})
    tensors = {f"{PEFT_Q}.lora_A.weight": down, f"{PEFT_Q}.lora_B.weight": up}
    source = write(tmp_path / "a.safetensors", tensors, {"lora_adapter_metadata": told, "ss_tag_frequency": "{}"})
    convert_names(open_lora(source), "kohya", out)
    assert load(out)[f"{Q}.alpha"] == 3
    assert metadata_of(out).keys() == {"ss_tag_frequency", "sshs_model_hash"}


def test_old_diffusers_names_become_pefts(tmp_path, out, rng):
    old = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora"
    up, down = sample(rng, 6, 2), sample(rng, 2, 5)
    source = write(tmp_path / "a.safetensors", {f"{old}.up.weight": up, f"{old}.down.weight": down})
    convert_names(open_lora(source), "peft", out)
    assert set(load(out)) == {f"{PEFT_Q}.lora_A.weight", f"{PEFT_Q}.lora_B.weight"}


def test_other_families_get_kohyas_underscores(tmp_path, out, rng):
    tensors, wanted = {}, set()
    for dotted, flat in (
        ("transformer.single_transformer_blocks.7.attn.to_q", "lora_transformer_single_transformer_blocks_7_attn_to_q"),
        ("diffusion_model.double_blocks.0.img_attn.qkv", "lora_unet_double_blocks_0_img_attn_qkv"),
    ):
        source = {f"{dotted}.lora_A.weight": sample(rng, 2, 5), f"{dotted}.lora_B.weight": sample(rng, 6, 2)}
        path = write(tmp_path / f"{flat}.safetensors", source)
        convert_names(open_lora(path), "kohya", out, overwrite=True)
        tensors, wanted = load(out), {f"{flat}.{end}" for end in ("alpha", "lora_down.weight", "lora_up.weight")}
        assert set(tensors) == wanted


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda rng: linear(Q, rng) | loha(MID, rng), "kind 'loha', which the dialects keep in different ways"),
        (lambda rng: tucker(CONV, rng), "lora_mid.weight', which the dialects keep"),
        (lambda rng: linear(Q, rng) | {f"{Q}.dora_scale": sample(rng, 6, 1)}, "kind 'dora', which the dialects"),
        (lambda rng: linear(Q, rng) | {"strange": sample(rng, 2)}, "'strange', which belongs to no module"),
        (lambda rng: linear("lora_unet_double_blocks_0_img_attn_qkv", rng), "underscores do not tell where dots were"),
        (
            lambda rng: {f"{PEFT_Q}.lora_A.weight": sample(rng, 2, 5), f"{PEFT_Q}.lora_B.weight": sample(rng, 6, 2)},
            "has peft names already",
        ),
    ],
    ids=["loha", "core", "dora", "unknown", "flux", "already"],
)
def test_what_has_no_other_name_is_refused(tmp_path, out, rng, make, words):
    source = write(tmp_path / "a.safetensors", make(rng))
    with pytest.raises(BlockweightError, match=words):
        convert_names(open_lora(source), "peft", out)
    assert not out.exists()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "nonsense",
        '{"*": 1}',
        '{"*": ["x", "F16", "F16"]}',
        '{"*": [1e999, "F16", "F16"]}',
        '{"*": [4, "NO", "F16"]}',
        '{"*": [4, "BOOL", "F16"]}',
        '{"*": [4, "C64", "F16"]}',
        '{"*": [4, "F16", "I8"]}',
        '{"*": [4.5, "I8", "F16"]}',
        '{"*": [300, "I8", "F16"]}',
    ],
)
def test_remembered_alphas_that_make_no_sense_are_forgotten(tmp_path, out, rng, text):
    tensors = {f"{PEFT_Q}.lora_A.weight": sample(rng, 2, 5), f"{PEFT_Q}.lora_B.weight": sample(rng, 6, 2)}
    source = write(tmp_path / "a.safetensors", tensors, {"blockweight.alphas": text})
    convert_names(open_lora(source), "kohya", out)
    assert load(out)[f"{Q}.alpha"] == 2
