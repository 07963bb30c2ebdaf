"""The training program: resuming, determinism, the tokenizer, the exported LoRA."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from blockweight.blocks import family_by_name
from blockweight.demo import embedded
from blockweight.demo.characters import random_character
from blockweight.demo.train import corpus
from blockweight.demo.train.autoencoder import build, encode, fold_scale, picture_loss
from blockweight.demo.train.denoiser import spread_timesteps
from blockweight.demo.train.loop import learning_rate, step_generator, train
from blockweight.demo.train.lora import RECIPES, princess, train_lora, write_dataset
from blockweight.demo.train.tokenizer import MAX_LENGTH, build_tokenizer, vocabulary_words
from blockweight.lora import open_lora
from blockweight.weights import uniform


def run(folder: Path, steps: int, stop_at: int | None = None) -> Tensor:
    torch.manual_seed(0)
    model = nn.Linear(4, 1)

    def loss_of(step: int) -> Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        inputs = torch.randn(8, 4, generator=step_generator("test", step))
        return (model(inputs) - inputs.sum(1, keepdim=True)).square().mean()

    trained = train(
        "test",
        model,
        loss_of,
        folder,
        steps=steps,
        peak=0.1,
        warmup=3,
        weight_decay=0.0,
        ema=0.9,
        report=lambda step, loss: None,
    )
    return trained.weight.detach()  # type: ignore[union-attr,operator]


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    expected = run(whole, 40)
    monkeypatch.setattr("blockweight.train.local.stepping.STATE_SECONDS", -1.0)
    with pytest.raises(KeyboardInterrupt):
        run(broken, 40, stop_at=23)
    assert torch.equal(run(broken, 40), expected)


def test_a_lora_is_trained_as_its_recipe_says_and_says_so(tmp_path: Path) -> None:
    layout = family_by_name("sd1").layout
    rates = uniform("L", layout, 0.0).with_weights({"BASE": 1.0, "IN00": 0.5, "M00": 0.25})
    recipe = replace(RECIPES[1], name="witch", steps=1, batch=1, trained_on="dusk", rates=rates)
    drawings = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    dataset = write_dataset(tmp_path / "data", drawings, [["1girl", "witch", "smile"], ["1girl", "witch"]])
    steps: list[int] = []
    path = train_lora(
        recipe, embedded.model_folder(), dataset, tmp_path, tmp_path, lambda step, _loss: steps.append(step)
    )
    lora = open_lora(path)
    assert lora.blocks == ("BASE", "IN00", "M00")
    said = lora.header.metadata
    assert (said["ss_sd_model_name"], said["ss_output_name"], steps) == ("dusk", "witch", [1])
    assert json.loads(said["ss_tag_frequency"]) == {"1_witch": {"1girl": 2, "smile": 1, "witch": 2}}
    arguments = json.loads(said["ss_network_args"])
    assert (arguments["mid_lr_weight"], arguments["conv_dim"]) == ("0.25", str(recipe.rank))


def test_the_princess_is_a_dataset_with_her_12_pictures_and_tags(tmp_path: Path) -> None:
    dataset = princess(tmp_path)
    assert [picture.size for picture in dataset.pictures] == [(64, 64)] * 12
    assert dataset.tags()["1_gobuhime"]["greenskin"] == 12


def test_a_steps_randomness_depends_on_the_stage_and_the_step_alone() -> None:
    def draw(stage: str, step: int) -> list[float]:
        return torch.rand(3, generator=step_generator(stage, step)).tolist()

    assert draw("a", 7) == draw("a", 7)
    assert draw("a", 7) != draw("a", 8)
    assert draw("a", 7) != draw("b", 7)


def test_the_learning_rate_warms_up_to_its_peak_and_falls_to_a_hundredth() -> None:
    rates = [learning_rate(step, 100, 1.0, 10) for step in range(101)]
    assert rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.01)


def test_the_corpus_is_the_same_in_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "PICTURES", corpus.CHUNK)
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    arrays = [corpus.load_pictures(folder, True, lambda done: None) for folder in (first, second)]
    assert np.array_equal(*arrays)


def test_every_timestep_range_is_drawn_once() -> None:
    timesteps = spread_timesteps(50, torch.Generator().manual_seed(1))
    assert (timesteps // 20).tolist() == list(range(50))


def test_most_words_of_the_captions_are_one_token() -> None:
    tokenizer = build_tokenizer()
    tokens = [tokenizer.tokenize(word) for word in vocabulary_words() if not word[0].isdigit()]
    assert sum(len(pieces) == 1 for pieces in tokens) > 0.8 * len(tokens)


def test_captions_fit_and_are_padded_with_the_end_token() -> None:
    tokenizer = build_tokenizer()
    for number in range(50):
        caption = random_character(random.Random(number)).caption()
        ids = tokenizer(caption, padding="max_length", max_length=MAX_LENGTH).input_ids
        assert len(ids) == MAX_LENGTH
        assert ids[-1] == tokenizer.eos_token_id


def test_any_text_can_be_tokenized_and_read_back() -> None:
    tokenizer = build_tokenizer()
    assert tokenizer.decode(tokenizer("緑 skin", add_special_tokens=False).input_ids).strip() == "緑 skin"


def test_folding_the_scale_gives_latents_of_mean_0_and_variance_1() -> None:
    vae = build()
    pictures = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    fold_scale(vae, encode(vae, pictures, lambda done: None).float())
    latents = encode(vae, pictures, lambda done: None).float()
    assert torch.allclose(latents.mean(dim=(0, 2, 3)), torch.zeros(4), atol=0.02)
    assert torch.allclose(latents.std(dim=(0, 2, 3)), torch.ones(4), atol=0.02)


def test_an_untrained_autoencoder_already_shows_a_thumbnail() -> None:
    vae = build()
    pictures = np.full((2, 64, 64, 3), (200, 120, 40), np.uint8)
    latents = encode(vae, pictures, lambda done: None).float()
    assert torch.allclose(latents[:, :3, 8, 8], torch.tensor([200, 120, 40]) / 255, atol=0.02)


def test_the_picture_loss_counts_edges_as_well_as_levels() -> None:
    flat, edge = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    edge[..., 2:] = 0.5
    assert float(picture_loss(flat, flat)) == 0.0
    assert float(picture_loss(edge, flat)) == pytest.approx(0.25 + 0.5 / 3)
