"""LoRAs merged into checkpoints, extracted from them, and merged ones as diffusers loads them."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import tiny_loras
import tiny_models
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_open_clip_checkpoint
from safetensors.torch import load_file, save_file
from tiny_loras import weights
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import (
    RankRule,
    Term,
    convert_names,
    extract,
    merge,
    merge_into_checkpoint,
    open_alike,
    open_checkpoint,
    open_lora,
    write_lora,
)
from blockweight.lora.layer_names import original_name


@pytest.fixture
def single(fresh, tmp_path):
    return tiny_models.save_checkpoint(fresh, tmp_path / "tiny.safetensors")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


def terms(tiny, first=1.0, second=None):
    paths = [Path(tiny.locon.path), Path(tiny.standard.path)]
    chosen = ((first, weights(7)), (second, weights(8)))
    loras = open_alike(paths)
    return [Term(lora, strength, w) for lora, (strength, w) in zip(loras, chosen, strict=True) if strength is not None]


def with_loras(fresh, tiny, first=1.0, second=None):
    """The model with the same terms added layer by layer, independent of the package's own arithmetic."""
    model = copy.deepcopy(fresh)
    tiny_loras.merge(model, Path(tiny.locon.path), weights(7), first)
    if second is not None:
        tiny_loras.merge(model, Path(tiny.standard.path), weights(8), second)
    return model


def test_a_merged_checkpoint_is_the_model_with_the_loras_added_layer_by_layer(fresh, tiny, single, tmp_path, out):
    report = merge_into_checkpoint(open_checkpoint(single), terms(tiny, 0.8, -0.5), out)
    wanted = load_file(tiny_models.save_checkpoint(with_loras(fresh, tiny, 0.8, -0.5), tmp_path / "wanted.safetensors"))
    found, before = load_file(out), load_file(single)
    assert found.keys() == wanted.keys()
    changed = [name for name in found if not torch.equal(found[name], before[name])]
    assert len(changed) == report.changed > 100
    for name, tensor in wanted.items():
        assert torch.allclose(found[name], tensor, rtol=1e-5, atol=1e-6), name


def test_what_no_lora_changes_is_copied_in_its_order(tiny, single, out):
    tensors = load_file(single)
    halves = {name: tensor.half() if "model.diffusion" in name else tensor for name, tensor in tensors.items()}
    save_file(halves, single, {"format": "pt", "modelspec.title": "Base", "sshs_legacy_hash": "old"})
    report = merge_into_checkpoint(open_checkpoint(single), terms(tiny), out)
    before, after = open_checkpoint(single).header, open_checkpoint(out).header
    assert before.tensors == after.tensors
    assert after.metadata["modelspec.title"] == "out"
    assert after.metadata["modelspec.merged_from"] == "Base, locon"
    assert after.metadata["modelspec.hash_sha256"] == f"0x{report.digest}"
    assert "sshs_legacy_hash" not in after.metadata
    assert 0 < report.error <= report.limit < 0.1


def test_a_checkpoint_without_the_level_text_model_is_merged_alike(fresh, tiny, single, tmp_path, out):
    names = {name: name.replace("transformer.text_model.", "transformer.") for name in load_file(single)}
    bare = tmp_path / "bare.safetensors"
    save_file({names[name]: tensor for name, tensor in load_file(single).items()}, bare)
    merge_into_checkpoint(open_checkpoint(bare), terms(tiny), out)
    again = tmp_path / "again.safetensors"
    merge_into_checkpoint(open_checkpoint(single), terms(tiny), again)
    found = load_file(out)
    assert all(torch.equal(found[names[name]], tensor) for name, tensor in load_file(again).items())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda t: t.pop("model.diffusion_model.middle_block.1.proj_in.weight"),
            "mid_block_attentions_0_proj_in, which",
        ),
        (
            lambda t: t.update({"model.diffusion_model.middle_block.1.proj_in.weight": torch.zeros(3, 3)}),
            "it is 3×3 in .* made for another model",
        ),
        (
            lambda t: t.update({k: v.to(torch.float8_e4m3fn) for k, v in t.items() if "middle_block.1" in k}),
            "stored as F8_E4M3, in which a LoRA's change would be lost",
        ),
        (lambda t: [t.pop(k) for k in list(t) if "cond_stage" in k], "is a UNet alone"),
        (lambda t: [t.pop(k) for k in list(t) if "diffusion_model" in k], "no checkpoint that is known"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_written(tiny, single, out, change, words):
    tensors = load_file(single)
    change(tensors)
    save_file(tensors, single)
    with pytest.raises(BlockweightError, match=words):
        merge_into_checkpoint(open_checkpoint(single), [Term(open_lora(Path(tiny.locon.path)))], out)
    assert not out.exists()


# ---- SDXL -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sdxl():
    """A tiny SDXL: its UNet's and text encoders' own state, and all of it under the original names."""
    torch.manual_seed(3)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8, 16),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 3),
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=64,
    )
    config = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "vocab_size": 50}
    one = CLIPTextModel(CLIPTextConfig(num_hidden_layers=2, **config))
    two = CLIPTextModelWithProjection(CLIPTextConfig(num_hidden_layers=2, projection_dim=16, **config))
    tensors = {}
    for name, value in unet.state_dict().items():
        layer, kind = name.rsplit(".", 1)
        tensors[f"model.diffusion_model.{original_name(layer, 'sdxl')}.{kind}"] = value
    for name, value in one.state_dict().items():
        tensors[f"conditioner.embedders.0.transformer.text_model.{name.removeprefix('text_model.')}"] = value
    tensors |= openclip("conditioner.embedders.1.model.")
    return unet, two, {name: value.contiguous().clone() for name, value in tensors.items()}


def openclip(start):
    """A text encoder of 16 channels under OpenCLIP's names."""
    rng = torch.Generator().manual_seed(4)
    tensors = {}
    for n in range(2):
        block = f"{start}transformer.resblocks.{n}."
        for name, shape in {
            "attn.in_proj_weight": (48, 16),
            "attn.in_proj_bias": (48,),
            "attn.out_proj.weight": (16, 16),
            "attn.out_proj.bias": (16,),
            "mlp.c_fc.weight": (32, 16),
            "mlp.c_fc.bias": (32,),
            "mlp.c_proj.weight": (16, 32),
            "mlp.c_proj.bias": (16,),
            "ln_1.weight": (16,),
            "ln_1.bias": (16,),
            "ln_2.weight": (16,),
            "ln_2.bias": (16,),
        }.items():
            tensors[block + name] = torch.randn(shape, generator=rng)
    return tensors | {
        f"{start}token_embedding.weight": torch.randn(50, 16, generator=rng),
        f"{start}positional_embedding": torch.randn(77, 16, generator=rng),
        f"{start}ln_final.weight": torch.randn(16, generator=rng),
        f"{start}ln_final.bias": torch.randn(16, generator=rng),
        f"{start}text_projection": torch.randn(16, 16, generator=rng),
    }


def unet_of(sdxl, tensors):
    """The UNet's state as diffusers reads it from the checkpoint."""
    return convert_ldm_unet_checkpoint(dict(tensors), {**sdxl[0].config})


def second_encoder_of(sdxl, tensors):
    return convert_open_clip_checkpoint(sdxl[1], dict(tensors), prefix="conditioner.embedders.1.model.")


def test_the_original_names_are_those_that_diffusers_reads(sdxl):
    unet, _, tensors = sdxl
    found = unet_of(sdxl, tensors)
    assert found.keys() == unet.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in unet.state_dict().items())


@pytest.mark.parametrize("dialect", ["kohya", "peft"])
def test_sdxl_takes_loras_into_unet_and_both_text_encoders(sdxl, tmp_path, out, dialect):
    unet, two, tensors = sdxl
    base = tmp_path / "sdxl.safetensors"
    save_file(tensors, base)
    rng = np.random.default_rng(6)
    lora, deltas = {}, {}
    layers = {f"unet.{name}": layer for name, layer in unet.named_modules()}
    layers |= {f"text_encoder_2.{name}": layer for name, layer in two.named_modules()}
    for name, layer in layers.items():
        if not isinstance(layer, torch.nn.Linear | torch.nn.Conv2d) or "text_projection" in name:
            continue
        size, inputs, *kernel = layer.weight.shape
        up = rng.standard_normal((size, 2, *[1] * len(kernel))).astype(np.float32)
        down = rng.standard_normal((2, inputs, *kernel)).astype(np.float32)
        lora |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
        deltas[name] = np.tensordot(up.reshape(size, 2), down, axes=(1, 0))
    path = tmp_path / "lora.safetensors"
    write_lora(path, lora, {})
    if dialect == "kohya":
        convert_names(open_lora(path), "kohya", tmp_path / "kohya.safetensors")
        path = tmp_path / "kohya.safetensors"
    opened = open_lora(path)
    assert opened.family.name == "sdxl"
    merge_into_checkpoint(open_checkpoint(base), [Term(opened, -0.3)], out)
    after = load_file(out)
    for component, read in (("unet", unet_of), ("text_encoder_2", second_encoder_of)):
        old, new = read(sdxl, tensors), read(sdxl, after)
        for name, tensor in old.items():
            delta = deltas.get(f"{component}.{name.removesuffix('.weight')}") if name.endswith(".weight") else None
            wanted = tensor if delta is None else tensor - 0.3 * torch.from_numpy(delta)
            assert torch.allclose(new[name], wanted, rtol=1e-5, atol=1e-5), name


# ---- SD2 --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sd2():
    """A tiny SD2: SD1's UNet with linear projections, and OpenCLIP's text encoder; also under the original names."""
    torch.manual_seed(5)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 8, 8, 16),
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
        use_linear_projection=True,
    )
    text = CLIPTextModel(
        CLIPTextConfig(num_hidden_layers=2, hidden_size=16, intermediate_size=32, num_attention_heads=2, vocab_size=50)
    )
    tensors = openclip("cond_stage_model.model.")
    for name, value in unet.state_dict().items():
        layer, kind = name.rsplit(".", 1)
        tensors[f"model.diffusion_model.{original_name(layer, 'sd2')}.{kind}"] = value
    return unet, text, {name: value.contiguous().clone() for name, value in tensors.items()}


def sd2_text(sd2, tensors):
    """The text encoder's state as diffusers reads it from the checkpoint."""
    return convert_open_clip_checkpoint(sd2[1], dict(tensors), prefix="cond_stage_model.model.")


def test_sd2_takes_loras_into_unet_and_text_encoder_and_gives_them_back(sd2, tmp_path, out):
    unet, text, tensors = sd2
    base = tmp_path / "sd2.safetensors"
    save_file(tensors, base)
    assert unet_of(sd2, tensors).keys() == unet.state_dict().keys()
    rng = np.random.default_rng(6)
    lora, deltas = {}, {}
    layers = {f"unet.{name}": layer for name, layer in unet.named_modules() if ".attentions." in name}
    parts = {name.removeprefix("text_model."): layer for name, layer in text.named_modules()}
    layers |= {f"text_encoder.text_model.{name}": layer for name, layer in parts.items()}
    for name, layer in layers.items():
        if isinstance(layer, torch.nn.Linear):
            size, inputs = layer.weight.shape
            up, down = rng.standard_normal((size, 2)), rng.standard_normal((2, inputs))
            factors = {"lora_A": down.astype(np.float32), "lora_B": up.astype(np.float32)}
            lora |= {f"{name}.{role}.weight": array for role, array in factors.items()}
            deltas[name] = up @ down
    path = tmp_path / "lora.safetensors"
    write_lora(path, lora, {})
    opened = open_lora(path, family_by_name("sd2"))
    merge_into_checkpoint(open_checkpoint(base), [Term(opened, -0.3)], out)
    after = load_file(out)
    for component, read in (("unet", unet_of), ("text_encoder", sd2_text)):
        old, new = read(sd2, tensors), read(sd2, after)
        for name, tensor in old.items():
            delta = deltas.get(f"{component}.{name.removesuffix('.weight')}") if name.endswith(".weight") else None
            wanted = tensor if delta is None else tensor - 0.3 * torch.from_numpy(delta)
            assert torch.allclose(new[name], wanted.float(), rtol=1e-5, atol=1e-5), name
    extract(open_checkpoint(out), open_checkpoint(base), tmp_path / "back.safetensors", RankRule(2), dtype="F32")
    back = open_lora(tmp_path / "back.safetensors", family_by_name("sd2"))
    assert back.header.metadata["ss_v2"] == "True"
    assert back.header.metadata["ss_base_model_version"] == "sd_v2"
    assert {module.path for module in back.modules} == {module.path for module in opened.modules}
    for module in back.modules:
        assert np.allclose(back.delta(module), -0.3 * opened.delta(module), atol=1e-4), module


def test_a_lora_of_another_family_is_refused(tiny):
    with pytest.raises(BlockweightError, match="is not a LoRA of Stable Diffusion XL"):
        open_alike([Path(tiny.locon.path)], family_by_name("sdxl"))


# ---- extracting -------------------------------------------------------------------------------------------------


def test_a_lora_comes_back_out_of_the_checkpoint_that_it_was_merged_into(tiny, single, tmp_path, out):
    (term,) = terms(tiny)
    merge_into_checkpoint(open_checkpoint(single), [term], tmp_path / "tuned.safetensors")
    report = extract(
        open_checkpoint(tmp_path / "tuned.safetensors"),
        open_checkpoint(single),
        out,
        RankRule(3),
        conv_rule=RankRule(3),
        dtype="F32",
    )
    assert report.kept > 1 - 1e-6
    assert report.left_out == ()
    found = open_lora(out)
    for module in term.lora.modules:
        if term.weight(module):
            wanted = term.weight(module) * term.lora.delta(module)
            other = found.delta(module)
            assert np.linalg.norm(other - wanted.reshape(other.shape)) < 1e-4 * np.linalg.norm(wanted) + 1e-5, module


def test_what_is_not_extracted_is_told_with_its_share(tiny, single, tmp_path, out):
    tensors = load_file(single)
    tensors["model.diffusion_model.middle_block.1.proj_in.bias"] += 1
    tuned = tmp_path / "tuned.safetensors"
    save_file(tensors, tuned)
    merge_into_checkpoint(open_checkpoint(tuned), terms(tiny), tmp_path / "both.safetensors")
    report = extract(open_checkpoint(tmp_path / "both.safetensors"), open_checkpoint(single), out, RankRule(2))
    assert "model.diffusion_model.middle_block.1.proj_in.bias" in report.left_out
    assert "model.diffusion_model.input_blocks.0.0.weight" in report.left_out  # a 3×3 convolution
    assert 0 < report.left_out_share < 1
    assert 0 < report.kept < 1


def test_energy_decides_the_ranks_of_an_extracted_lora(tiny, single, tmp_path, out):
    merge_into_checkpoint(open_checkpoint(single), terms(tiny), tmp_path / "tuned.safetensors")
    files = open_checkpoint(tmp_path / "tuned.safetensors"), open_checkpoint(single)
    kept = [
        extract(*files, tmp_path / f"{energy}.safetensors", RankRule(energy=energy)).kept
        for energy in (0.5, 0.9, 0.999)
    ]
    assert kept == sorted(kept)
    assert kept[-1] > 0.998


def test_equal_checkpoints_have_nothing_to_extract(single, tmp_path, out):
    other = tmp_path / "other.safetensors"
    other.write_bytes(single.read_bytes())
    with pytest.raises(BlockweightError, match="nothing can be extracted"):
        extract(open_checkpoint(other), open_checkpoint(single), out, RankRule(4))
    assert not out.exists()


# ---- as diffusers loads them ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["kohya", "peft"])
@pytest.mark.parametrize("rank", [None, RankRule(3), RankRule(energy=0.8)], ids=["joined", "rank 3", "energy"])
def test_diffusers_loads_a_merged_lora_as_the_sum_although_ranks_and_alphas_differ(fresh, tiny, out, dialect, rank):
    """diffusers gives attention layers of a kohya file one alpha: mixed ones would come out wrong."""
    report = merge(terms(tiny, 0.8, -0.5), out, dialect=dialect, rules=lambda _: rank)
    assert len({module.rank for module in report.modules}) > 1 or rank == RankRule(3)
    model = copy.deepcopy(fresh)
    before = states(model)
    model.load_lora_weights(out)
    model.fuse_lora()
    model.unload_lora_weights()
    found = open_lora(out)
    deltas = {f"{module.component}_{module.path}": found.delta(module) for module in found.modules}
    seen = 0
    truth = states(with_loras(fresh, tiny, 0.8, -0.5)) if rank is None else None
    for name, value in states(model).items():
        path = name.removesuffix(".weight").replace(".", "_")
        wanted = before[name]
        if path in deltas and name.endswith(".weight"):
            wanted = wanted + torch.from_numpy(deltas[path]).reshape(wanted.shape)
            seen += 1
        assert torch.allclose(value, wanted, rtol=1e-4, atol=1e-4), name
        assert truth is None or torch.allclose(value, truth[name], rtol=1e-3, atol=1e-3), name
    assert seen == len(deltas) > 100


def states(model):
    """The weights of UNet and text encoder, by names that LoRA files use."""
    text = {f"text_model.{name.removeprefix('text_model.')}": v for name, v in model.text_encoder.state_dict().items()}
    both = {f"unet.{name}": value for name, value in model.unet.state_dict().items()}
    return {n: v.clone() for n, v in (both | {f"text_encoder.{name}": value for name, value in text.items()}).items()}
