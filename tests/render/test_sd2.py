"""Stable Diffusion 2 from prompts to latents, with a tiny model, and what checkpoints of SD2 and SDXL say of
themselves."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import tiny_originals
import tiny_sd2
import tiny_sdxl
import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, EDMEulerScheduler, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_scenes import Tiny, different, same, use
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake, open_lora, write_lora
from blockweight.plan import Hires
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer, load_pipeline
from blockweight.render.local.architectures import SD1, SD2, SDXL
from blockweight.render.local.decoding import decoded
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.models import _tokenizer
from blockweight.render.local.prediction import predicts_v
from blockweight.render.local.sampling import encoded, trained_levels
from blockweight.render.local.texts import TextEmbeddings
from blockweight.weights import BlockWeights

CPU = torch.device("cpu")
EULER = {"sampler": "Euler", "scheduler": "Uniform", "steps": 3}
FULL = family_by_name("sd2").layout
SAID = ("v_pred", "ztsnr")


def weights(seed: int | None = None) -> BlockWeights:
    rng = np.random.default_rng(seed)
    values = [1.0] * len(FULL) if seed is None else [float(v) for v in rng.uniform(-1, 1.5, len(FULL)).round(3)]
    return BlockWeights("w", FULL, tuple(values), 1.0)


@pytest.fixture(scope="module")
def model():
    model = tiny_sd2.pipeline()
    model.set_progress_bar_config(disable=True)
    return model


def write_lora_for(path: Path, model) -> Path:
    """Attention of the UNet, and the text encoder's layers."""
    rng = np.random.default_rng(3)
    names = {f"lora_unet_{p.replace('.', '_')}": m for p, m in model.unet.named_modules() if ".attentions." in p}
    for p, m in model.text_encoder.named_modules():
        names[f"lora_te_text_model_{p.removeprefix('text_model.').replace('.', '_')}"] = m
    tensors = {}
    for name, layer in names.items():
        if isinstance(layer, torch.nn.Linear):
            out, inputs = layer.weight.shape
            tensors[f"{name}.lora_up.weight"] = rng.standard_normal((out, 2)).astype("f4") * 0.2
            tensors[f"{name}.lora_down.weight"] = rng.standard_normal((2, inputs)).astype("f4") * 0.2
    write_lora(path, tensors, {})
    return path


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, model) -> Tiny:
    folder = tmp_path_factory.mktemp("sd2")
    model.save_pretrained(folder / "model", safe_serialization=True)
    lora = use(write_lora_for(folder / "lora.safetensors", model))
    return Tiny(folder / "model", identify_checkpoint(folder / "model"), lora, lora)


@pytest.fixture(scope="module")
def renderer() -> LocalRenderer:
    return LocalRenderer(CPU)


@pytest.fixture(scope="module")
def config(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sd2-config")
    model.save_pretrained(folder, safe_serialization=True)
    for file in folder.rglob("*.safetensors"):
        file.unlink()
    return folder


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_picture_is_that_of_diffusers_own_pipeline(draw, two, tmp_path, prediction):
    model = tiny_sd2.pipeline(prediction)
    model.set_progress_bar_config(disable=True)
    model.save_pretrained(tmp_path, safe_serialization=True)
    job = two.job(None, **EULER, negative_prompt="hood", checkpoint=identify_checkpoint(tmp_path))
    found = draw(LocalRenderer(CPU), [job])[1]
    with torch.inference_mode():
        wanted = model(
            job.scene.prompt,
            negative_prompt="hood",
            num_inference_steps=3,
            guidance_scale=5.0,
            width=16,
            height=16,
            latents=torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(3)),
            output_type="latent",
        ).images
    assert float((found - wanted).norm() / wanted.norm()) < 1e-4


@pytest.mark.parametrize("skip", [1, 2])
def test_the_text_is_read_from_the_last_of_23_layers_whatever_the_clip_skip(two, model, skip):
    with torch.inference_mode():
        read = TextEmbeddings().conditioning(
            model, [two.job(None, prompt="1girl, red dress", clip_skip=skip)], LiveLoras(), 1, guided=False
        )
        wanted, _ = model.encode_prompt("1girl, red dress", CPU, 1, do_classifier_free_guidance=False)
    assert torch.allclose(read.at(0)[0], wanted, atol=1e-6)
    assert read.pooled(0) is None


def test_live_weights_equal_those_of_the_baked_file_and_a_single_file_draws_the_same(
    two, model, renderer, draw, config, tmp_path
):
    chosen = weights(1)
    baked = bake(Path(two.locon.path), chosen, tmp_path / "baked.safetensors", Recipe()).out
    found = draw(renderer, [two.job(chosen, **EULER)])
    same(draw(renderer, [two.job(weights(), use(baked), **EULER)]), found)
    different(found, draw(renderer, [two.job(None, **EULER)]))
    single = tiny_originals.save(model, "sd2", tmp_path / "two.safetensors")
    job = two.job(chosen, **EULER, checkpoint=identify_checkpoint(single))
    same(draw(LocalRenderer(CPU, config=config), [job]), found, latents=1e-5)


def test_a_lora_that_by_its_keys_might_be_for_sd1_fits(two, renderer, draw, tmp_path):
    kept = {key: value for key, value in load_file(two.locon.path).items() if key.startswith("lora_unet_")}
    save_file(kept, tmp_path / "unet.safetensors")
    lora = use(tmp_path / "unet.safetensors")
    assert open_lora(tmp_path / "unet.safetensors").family.name == "sd1"
    chosen = replace(weights(1), layout=family_by_name("sd1").layout)
    found = draw(renderer, [two.job(chosen, lora, **EULER)])
    same(found, draw(renderer, [two.job(weights(1), lora, **EULER)]), latents=1e-6)
    different(found, draw(renderer, [two.job(None, **EULER)]))


def test_a_batch_equals_its_jobs_one_by_one(two, renderer, draw):
    hires = Hires("Latent", 1.5, steps=2, denoising=0.6)
    prompts = ("red AND pink:0.5", "(red:1.3) hat BREAK [pink|hood]")
    jobs = [two.job(weights(n), prompt=p, seed=n, **EULER, hires=hires) for n, p in enumerate(prompts)]
    together = draw(renderer, jobs)
    for number, job in enumerate(jobs):
        renderer._engine(two.checkpoint)._texts = TextEmbeddings()
        same(draw(renderer, [job]), [part[number : number + 1] for part in together])


# ---- what single files say of themselves -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "tensors", "prediction", "zero"),
    [
        (None, (), "epsilon", False),
        ({"modelspec.prediction_type": "v"}, (), "v_prediction", False),
        ({"modelspec.prediction_type": "epsilon"}, (), "epsilon", False),
        (None, ("v_pred",), "v_prediction", False),
        (None, ("v_pred", "ztsnr"), "v_prediction", True),
    ],
)
def test_a_single_file_says_what_it_predicts(model, config, tmp_path, metadata, tensors, prediction, zero):
    said = {name: torch.tensor(1.0) for name in tensors}
    path = tiny_originals.save(model, "sd2", tmp_path / "x.safetensors", metadata, **said)
    found = load_pipeline(path, CPU, config).scheduler.config
    assert found.prediction_type == prediction
    assert (trained_levels(found).highest > 4000) == zero


def test_an_sd2_that_does_not_say_is_asked(model, config, tmp_path):
    path = tiny_originals.save(model, "sd2", tmp_path / "x.safetensors")
    tensors = load_file(path)
    tensors["model.diffusion_model.out.2.bias"] -= 2
    save_file(tensors, path)
    pipeline = load_pipeline(path, CPU, config)
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
    pipeline.unet.bfloat16()
    assert predicts_v(pipeline.unet)
    assert pipeline.unet.dtype == torch.bfloat16


@pytest.fixture(scope="module")
def xl():
    return tiny_sdxl.pipeline()


@pytest.fixture(scope="module")
def xl_config(xl, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("xl-config")
    xl.save_pretrained(folder, safe_serialization=True)
    for file in folder.rglob("*.safetensors"):
        file.unlink()
    return folder


def test_an_sdxl_may_predict_v_from_pure_noise(xl, xl_config, tmp_path):
    path = tiny_originals.save(xl, "sdxl", tmp_path / "x.safetensors", **{name: torch.empty(0) for name in SAID})
    found = load_pipeline(path, CPU, xl_config).scheduler.config
    assert (found.prediction_type, found.rescale_betas_zero_snr) == ("v_prediction", True)
    assert found.beta_schedule == "scaled_linear"


def test_an_sdxl_whose_first_encoder_lacks_the_level_text_model_is_read(xl, xl_config, tmp_path):
    path = tiny_originals.save(xl, "sdxl", tmp_path / "x.safetensors")
    start = "conditioner.embedders.0.transformer."
    save_file({k.replace(f"{start}text_model.", start): v for k, v in load_file(path).items()}, path)
    found = load_pipeline(path, CPU, xl_config).text_encoder.state_dict()
    assert all(torch.equal(found[name], value) for name, value in xl.text_encoder.state_dict().items())


def change(path: Path, tensors) -> str:
    save_file(tensors, path)
    with pytest.raises(BlockweightError) as caught:
        load_pipeline(path, CPU)
    return str(caught.value)


def test_an_sdxl_with_something_missing_is_refused(xl, tmp_path):
    whole = tiny_originals.tensors(xl, "sdxl")
    path = tmp_path / "x.safetensors"
    without = {k: v for k, v in whole.items() if "embedders.1." not in k}
    assert "holds no second text encoder;" in change(path, without)
    first = "model.diffusion_model.input_blocks.0.0.weight"
    assert "is an inpainting or editing model" in change(path, whole | {first: torch.zeros(8, 9, 3, 3)})
    assert "could not be loaded as a Stable Diffusion XL model" in change(path, whole)


@pytest.mark.parametrize("part", ["text_encoder_2", "tokenizer_2"])
def test_a_folder_of_sdxl_that_lacks_a_part_is_refused(xl, tmp_path, part):
    xl.save_pretrained(tmp_path, safe_serialization=True)
    for file in (tmp_path / part).iterdir():
        file.unlink()
    with pytest.raises(BlockweightError, match=part):
        load_pipeline(tmp_path, CPU)


def test_a_folder_with_another_kind_of_noise_is_refused(xl, tmp_path):
    xl.save_pretrained(tmp_path, safe_serialization=True)
    EDMEulerScheduler().save_pretrained(tmp_path / "scheduler")
    index = json.loads((tmp_path / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", "EDMEulerScheduler"]
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(BlockweightError, match=r"was trained with other noise levels .*\(EDMEulerScheduler\)"):
        load_pipeline(tmp_path, CPU)


# ---- the packaged configurations -------------------------------------------------------------------------------------


def test_the_packaged_configurations_are_stable_diffusion_2_and_xl():
    with init_empty_weights():
        counts = []
        for kind in (SD2, SDXL):
            unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(str(kind.config / "unet")))
            vae = AutoencoderKL.from_config(AutoencoderKL.load_config(str(kind.config / "vae")))
            text = CLIPTextModel(CLIPTextConfig.from_pretrained(str(kind.config / "text_encoder")))
            counts += [sum(value.numel() for value in part.parameters()) for part in (unet, vae, text)]
        second = CLIPTextConfig.from_pretrained(str(SDXL.config / "text_encoder_2"))
        counts.append(sum(value.numel() for value in CLIPTextModelWithProjection(second).parameters()))
    assert counts == [865_910_724, 83_653_863, 340_387_840, 2_567_463_684, 83_653_863, 123_060_480, 694_659_840]
    scales = [json.loads((kind.config / "vae/config.json").read_text())["scaling_factor"] for kind in (SD1, SD2, SDXL)]
    assert scales == [0.18215, 0.18215, 0.13025]
    for kind in (SD2, SDXL):
        scheduler = json.loads((kind.config / "scheduler/scheduler_config.json").read_text())
        assert (scheduler["beta_start"], scheduler["beta_end"]) == (0.00085, 0.012)
        assert sum(file.stat().st_size for file in kind.config.rglob("*")) < 40_000


def test_one_vocabulary_serves_all_text_encoders():
    assert _tokenizer(SD1, "tokenizer").pad_token_id == _tokenizer(SDXL, "tokenizer").pad_token_id == 49407
    assert _tokenizer(SD2, "tokenizer").pad_token_id == _tokenizer(SDXL, "tokenizer_2").pad_token_id == 0


# ---- half precision --------------------------------------------------------------------------------------------------


def test_an_autoencoder_that_overflows_in_half_precision_reads_and_writes_in_full():
    vae = tiny_models.vae(scaling_factor=0.13025, force_upcast=True)
    with torch.no_grad():
        for layer in (vae.decoder.conv_in, vae.encoder.conv_in):
            layer.weight *= 2e5
    latents = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    picture = Image.fromarray(np.full((16, 16, 3), 200, np.uint8))
    with torch.inference_mode():
        wanted = decoded(copy.deepcopy(vae), latents), encoded(copy.deepcopy(vae), [picture], [4], "CPU", CPU)
        half = copy.deepcopy(vae).half()
        assert not half.decode(latents.half()).sample.isfinite().all()
        assert torch.allclose(decoded(half, latents), wanted[0], rtol=0.05, atol=0.05)
        half = copy.deepcopy(vae).half()
        assert torch.allclose(encoded(half, [picture], [4], "CPU", CPU), wanted[1], rtol=0.05, atol=0.05)
    assert half.dtype == torch.float32
