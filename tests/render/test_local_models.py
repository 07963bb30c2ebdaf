from __future__ import annotations

import copy
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import diffusers
import numpy as np
import pytest
import tiny_models
import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from tiny_loras import weights
from tiny_scenes import same
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from blockweight.errors import BlockweightError
from blockweight.render import identify_checkpoint
from blockweight.render.local import SD1_CONFIG, LocalRenderer, load_pipeline
from blockweight.render.local.engines import load_engine

CPU = torch.device("cpu")


@pytest.fixture
def broken(tiny, tmp_path) -> Path:
    """A copy of the tiny model's folder, to be broken."""
    return Path(shutil.copytree(tiny.folder, tmp_path / "broken"))


@pytest.fixture(scope="session")
def config(fresh: StableDiffusionPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_config(fresh, tmp_path_factory.mktemp("config") / "config")


@pytest.fixture
def single(fresh, tmp_path) -> Path:
    return tiny_models.save_checkpoint(fresh, tmp_path / "tiny.safetensors")


def refusal(path: Path, config: Path | None = None) -> str:
    with pytest.raises(BlockweightError) as caught:
        load_pipeline(path, CPU, config)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def without(path: Path, *names: str) -> None:
    """Take tensors out of a file: those with one of these texts in their names."""
    tensors = load_file(path)
    kept = {key: value for key, value in tensors.items() if not any(name in key for name in names)}
    assert len(kept) < len(tensors)
    save_file(kept, path, {"format": "pt"})


def test_a_single_checkpoint_draws_what_its_diffusers_folder_draws(tiny, shared, draw, single, config):
    checkpoint = identify_checkpoint(single)
    chosen = [None, weights(1), weights(2)]
    found = draw(
        LocalRenderer(CPU, config=config), [tiny.job(w, checkpoint=checkpoint, negative_prompt="hood") for w in chosen]
    )
    same(found, draw(shared, [tiny.job(w, negative_prompt="hood") for w in chosen]), latents=1e-5)


def test_a_checkpoint_of_2022_draws_the_same_although_its_text_encoder_is_named_differently(
    tiny, shared, draw, single, config
):
    save_file({key.replace(".text_model.", "."): value for key, value in load_file(single).items()}, single)
    found = draw(LocalRenderer(CPU, config=config), [tiny.job(weights(1), checkpoint=identify_checkpoint(single))])
    same(found, draw(shared, [tiny.job(weights(1))]), latents=1e-5)
    without(single, "layers.1.mlp.fc1.bias")
    assert "could not be loaded" in refusal(single, config)


def test_a_single_checkpoint_in_half_precision_is_calculated_in_full(single, config, fresh):
    save_file(
        {key: value.half() if value.is_floating_point() else value for key, value in load_file(single).items()}, single
    )
    pipeline = load_pipeline(single, CPU, config)
    assert {getattr(pipeline, part).dtype for part in tiny_models.PARTS} == {torch.float32}
    wanted = fresh.unet.state_dict()
    assert all(torch.equal(value, wanted[key].half().float()) for key, value in pipeline.unet.state_dict().items())


def test_nothing_is_looked_up_on_a_network_and_nothing_is_said(tiny, single, config, monkeypatch, capfd):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked for a host"))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("opened a connection"))
    load_pipeline(tiny.folder, CPU)
    load_pipeline(single, CPU, config)
    assert capfd.readouterr() == ("", "")


def test_the_first_picture_of_a_process_comes_without_a_word_from_the_libraries(tiny):
    code = (
        "import sys, torch; from pathlib import Path; from blockweight.render.local import load_pipeline;"
        "load_pipeline(Path(sys.argv[1]), torch.device('cpu'))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tiny.folder)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_libraries_may_chat_again_after_a_model_is_loaded(tiny):
    level = logging.getLogger("diffusers").level
    load_pipeline(tiny.folder, CPU)
    assert logging.getLogger("diffusers").level == level
    assert diffusers.utils.logging.is_progress_bar_enabled()


def test_the_packaged_configuration_is_stable_diffusion_1_5(tmp_path):
    with init_empty_weights():
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(str(SD1_CONFIG / "unet")))
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(str(SD1_CONFIG / "vae")))
        text_encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(str(SD1_CONFIG / "text_encoder")))
    counts = [sum(value.numel() for value in part.parameters()) for part in (unet, vae, text_encoder)]
    assert counts == [859_520_964, 83_653_863, 123_060_480]
    assert vae.config.scaling_factor == 0.18215
    scheduler = json.loads((SD1_CONFIG / "scheduler" / "scheduler_config.json").read_text())
    assert (scheduler["beta_start"], scheduler["beta_end"]) == (0.00085, 0.012)
    assert scheduler["beta_schedule"] == "scaled_linear"


def test_the_packaged_vocabulary_is_clips():
    tokenizer = CLIPTokenizer.from_pretrained(str(SD1_CONFIG), subfolder="tokenizer", local_files_only=True)
    assert len(tokenizer) == 49408
    assert tokenizer.model_max_length == 77
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer("A  Photo\nof a CAT!!!").input_ids == [49406, 320, 1125, 539, 320, 2368, 995, 49407]
    # Every character is kept, also those that CLIP never saw as a word.
    assert tokenizer.decode(tokenizer("ゴブ姫, (red:1.2)").input_ids[1:-1]) == "ゴブ姫 , ( red : 1 . 2 )"
    padded = tokenizer("a cat", padding="max_length").input_ids
    assert padded[3:] == [49407] * 74


def test_the_packaged_vocabulary_says_whose_it_is_and_is_small():
    assert "MIT License" in (SD1_CONFIG / "NOTICE").read_text()
    assert "Copyright (c) 2021 OpenAI" in (SD1_CONFIG / "NOTICE").read_text()
    assert sum(file.stat().st_size for file in SD1_CONFIG.rglob("*")) < 2_000_000


OTHERS = {
    "a LoRA": "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight",
    "the refiner of Stable Diffusion XL": "conditioner.embedders.0.model.ln_final.weight",
    "a model that varies pictures": "embedder.model.ln_final.weight",
    "a model trained with other noise levels": "edm_mean",
    "a Stable Diffusion 3 checkpoint": "model.diffusion_model.joint_blocks.0.x_block.mlp.fc1.weight",
    "a Flux checkpoint": "double_blocks.0.img_attn.proj.weight",
    "a ControlNet": "control_model.input_blocks.0.0.weight",
    "the UNet of a diffusers folder": "down_blocks.0.resnets.0.conv1.weight",
    "a VAE": "encoder.down.0.block.0.conv1.weight",
    "no model that is known here": "head.weight",
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_file_that_is_something_else_is_called_what_it_is(tmp_path, what):
    path = tmp_path / "other.safetensors"
    save_file({OTHERS[what]: torch.zeros(1), "model.other": torch.zeros(1)}, path)
    message = refusal(path)
    assert what in message
    assert message.endswith("give a whole checkpoint of Stable Diffusion 1.x, 2.x or XL, or a diffusers folder.")


def test_a_real_lora_given_as_a_model_is_called_one(tiny):
    assert "is a LoRA, not a model" in refusal(Path(tiny.locon.path))


@pytest.mark.parametrize(
    ("part", "missing"),
    [("first_stage_model.", "no VAE"), ("cond_stage_model.", "no text encoder"), ("model.diffusion_model.", "no UNet")],
)
def test_a_checkpoint_without_one_of_its_parts_is_refused_by_its_name(single, config, part, missing):
    without(single, part)
    assert f"holds {missing};" in refusal(single, config)


@pytest.mark.parametrize(
    "name", ["input_blocks.4.0.in_layers.2.weight", "decoder.conv_in.weight", "layers.1.mlp.fc1.bias"]
)
def test_a_checkpoint_with_a_hole_is_not_filled_with_random_numbers(single, config, name):
    without(single, name)
    assert "is incomplete" in refusal(single, config)


SETTINGS = {
    "unet/config.json": ({"norm_num_groups": 0}, "could not be loaded as a Stable Diffusion model"),
    "text_encoder/config.json": ({"num_attention_heads": 7}, "could not be loaded as a Stable Diffusion model"),
    "scheduler/scheduler_config.json": ({"beta_schedule": "odd"}, r"could not be loaded .*\(odd is not implemented"),
    "scheduler/scheduler_config.json ": ({"prediction_type": "flow"}, "predicts 'flow' .* not known here"),
    "vae/config.json": ({"scaling_factor": None}, "must be a number above 0, not 'None'"),
    "vae/config.json ": ({"scaling_factor": 0}, "must be a number above 0, not '0'"),
}


@pytest.mark.parametrize("file", SETTINGS)
def test_settings_that_mean_nothing_are_refused_when_the_model_is_loaded(broken, file):
    change, message = SETTINGS[file]
    rewrite(broken / file.strip(), **change)
    assert re.search(message, refusal(broken))


def test_a_model_index_too_deep_to_read_is_refused(broken):
    (broken / "model_index.json").write_text("[" * 100_000)
    with pytest.raises(BlockweightError, match=r"no readable model_index\.json"):
        load_engine(broken, CPU)


def test_a_checkpoint_of_another_size_is_refused(single):
    assert "could not be loaded" in refusal(single)


def test_an_inpainting_checkpoint_is_refused(single, config):
    tensors = load_file(single)
    tensors["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(8, 9, 3, 3)
    save_file(tensors, single)
    assert "is an inpainting or editing model" in refusal(single, config)


def test_a_truncated_checkpoint_and_a_pickle_are_refused(single, config, tmp_path):
    os.truncate(single, single.stat().st_size - 100)
    assert "bytes are missing at its end" in refusal(single, config)
    torch.save({"state_dict": {}}, tmp_path / "pickle.ckpt")
    assert "is a pickle" in refusal(tmp_path / "pickle.ckpt")
    assert "no file" in refusal(tmp_path / "none.safetensors")


@pytest.mark.parametrize("part", tiny_models.PARTS)
def test_a_folder_with_a_truncated_file_is_refused_and_the_file_named(broken, part):
    (file,) = (broken / part).glob("*.safetensors")
    os.truncate(file, file.stat().st_size // 2)
    assert file.name in refusal(broken)


@pytest.mark.parametrize(
    ("part", "name"),
    [("unet", "down_blocks.1.resnets.0.conv1"), ("text_encoder", "layers.1.mlp.fc1"), ("vae", "decoder.conv_in")],
)
def test_a_folder_with_a_hole_is_not_filled_with_random_numbers(broken, part, name):
    (file,) = (broken / part).glob("*.safetensors")
    without(file, name)
    message = refusal(broken)
    assert f"2 weights of its {part} are missing" in message
    assert name in message


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("part", tiny_models.PARTS)
def test_a_folder_without_a_parts_weights_is_refused_and_pickles_are_not_opened(broken, part, pickled):
    (file,) = (broken / part).glob("*.safetensors")
    name = "pytorch_model.bin" if part == "text_encoder" else "diffusion_pytorch_model.bin"
    if pickled:
        torch.save(load_file(file), broken / part / name)
    file.unlink()
    assert f"no .safetensors weights in its folder '{part}'" in refusal(broken)


@pytest.mark.parametrize(
    "file", ["unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json"]
)
@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}"])
def test_a_folder_with_a_broken_settings_file_is_refused(broken, file, content):
    if content is None:
        (broken / file).unlink()
    else:
        (broken / file).write_text(content)
    refusal(broken)


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}"])
def test_a_folder_without_a_sound_index_is_no_model(broken, content):
    index = broken / "model_index.json"
    index.unlink() if content is None else index.write_text(content)
    assert "no readable model_index.json" in refusal(broken)


def test_a_folder_of_another_architecture_is_called_what_it_is(broken):
    rewrite(broken / "model_index.json", _class_name="StableDiffusion3Pipeline")
    assert "is a model for StableDiffusion3Pipeline" in refusal(broken)


@pytest.mark.parametrize("lost", ["tokenizer", "tokenizer/tokenizer.json"])
def test_a_folder_without_its_vocabulary_is_refused(broken, lost):
    shutil.rmtree(broken / lost) if lost == "tokenizer" else (broken / lost).unlink()
    assert "files of the tokenizer are missing" in refusal(broken)


def test_weights_of_another_size_than_the_folder_says_are_refused(broken):
    rewrite(broken / "unet" / "config.json", block_out_channels=[8, 16, 16, 16])
    assert "could not be loaded" in refusal(broken)


def test_a_folder_that_has_only_the_half_precision_files_is_loaded_from_them(broken):
    for file in broken.glob("*/*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    assert load_pipeline(broken, CPU).unet.dtype == torch.float32


def test_pictures_of_a_folder_saved_in_half_precision_are_calculated_in_full(tiny, draw, shared, fresh, tmp_path):
    half = copy.deepcopy(fresh).to(torch.float16)
    folder = tiny_models.save_folder(half, tmp_path / "half")
    assert load_pipeline(folder, CPU).unet.dtype == torch.float32
    found = draw(LocalRenderer(CPU), [tiny.job(weights(1), checkpoint=identify_checkpoint(folder))])
    same(found, draw(shared, [tiny.job(weights(1))]), latents=0.02, levels=12)
    assert np.asarray(found[0]).dtype == np.uint8
