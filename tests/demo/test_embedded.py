"""The embedded model and LoRAs are what they claim to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from diffusers import StableDiffusionPipeline

from blockweight.blocks import REST, Module, family_by_name
from blockweight.demo import embedded
from blockweight.demo.train.lora import RECIPES, Recipe
from blockweight.lora import open_lora

SD1 = family_by_name("sd1")


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return StableDiffusionPipeline.from_pretrained(embedded.model_folder(), local_files_only=True, safety_checker=None)


def test_the_model_loads_as_an_ordinary_stable_diffusion_folder(pipeline: Any) -> None:
    assert type(pipeline.unet).__name__ == "UNet2DConditionModel"
    assert type(pipeline.text_encoder).__name__ == "CLIPTextModel"
    assert pipeline.tokenizer.model_max_length == 77


def test_the_unet_has_exactly_sd1s_blocks(pipeline: Any) -> None:
    layers = [name.replace(".", "_") for name, layer in pipeline.unet.named_modules() if not list(layer.children())]
    blocks = {SD1.block_of(Module("unet", path)) for path in layers}
    assert blocks - {REST} == set(SD1.layout.blocks) - {"BASE"}


def test_cross_attention_sits_in_sd1s_16_places(pipeline: Any) -> None:
    places = [name for name, _ in pipeline.unet.named_modules() if name.endswith(".attn2")]
    blocks = [SD1.block_of(Module("unet", name.replace(".", "_") + "_to_q")) for name in places]
    standard = next(layout for layout in SD1.layouts if len(layout) == 17)
    assert len(places) == 16
    assert sorted(blocks) == sorted(set(standard.blocks) - {"BASE"})


def test_the_model_predicts_noise_on_sds_schedule(pipeline: Any) -> None:
    config = pipeline.scheduler.config
    assert config.prediction_type == "epsilon"
    assert (config.beta_start, config.beta_end, config.beta_schedule) == (0.00085, 0.012, "scaled_linear")


def test_the_standard_lora_has_the_17_blocks_and_the_locon_all_26() -> None:
    standard = next(layout for layout in SD1.layouts if len(layout) == 17)
    assert open_lora(embedded.lora_file("gobuhime")).blocks == standard.blocks
    assert open_lora(embedded.lora_file("gobuhime-locon")).blocks == SD1.layout.blocks


@pytest.mark.parametrize("name", ["gobuhime", "gobuhime-locon"])
def test_the_loras_say_how_they_were_trained(name: str) -> None:
    metadata = open_lora(embedded.lora_file(name)).header.metadata
    assert metadata["ss_base_model_version"] == "sd_v1"
    assert metadata["ss_num_train_images"] == "12"
    assert "gobuhime" in metadata["ss_tag_frequency"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_loras_are_what_the_trainers_recipes_make(recipe: Recipe) -> None:
    metadata = open_lora(embedded.lora_file(recipe.name)).header.metadata
    written = [
        metadata[f"ss_{name}"] for name in ("max_train_steps", "network_dim", "network_alpha", "seed", "unet_lr")
    ]
    assert written == [f"{value:g}" for value in (recipe.steps, recipe.rank, recipe.rank, recipe.seed, recipe.rate)]


@pytest.mark.parametrize("name", ["gobuhime", "gobuhime-locon"])
def test_every_tensor_of_the_loras_is_understood(name: str) -> None:
    lora = open_lora(embedded.lora_file(name))
    assert lora.unknown_keys == ()
    assert lora.rest == ()


def test_everything_embedded_takes_20_mb_at_most() -> None:
    files = [*embedded.model_folder().rglob("*"), *Path(embedded.lora_file("gobuhime")).parent.iterdir()]
    assert sum(file.stat().st_size for file in files if file.is_file()) <= 20_000_000
