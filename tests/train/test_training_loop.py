"""The loop of training, on models of the real classes that are too small to draw anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import tiny_models
import tiny_originals
import tiny_sd2
import torch
from tiny_trainings import go, network, pictures, run, trainee

from blockweight.errors import BlockweightError
from blockweight.plan.prompt_emphasis import Piece
from blockweight.train.local import loop, stepping
from blockweight.train.local.adapters import attach, file_tensors
from blockweight.train.local.loss import noise_loss
from blockweight.train.local.texts import text_states
from blockweight.train.local.trainee import load_trainee
from blockweight.train.loop_settings import LoopSettings


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def fresh():
    return tiny_models.pipeline()


@pytest.fixture
def model(fresh):
    return trainee(fresh)


def same(found, wanted) -> bool:
    return found.keys() == wanted.keys() and all(np.array_equal(found[key], wanted[key]) for key in wanted)


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(fresh, tmp_path):
    trained = [
        go(run(trainee(fresh), tmp_path / f"{name}.pt", steps=2, shuffle=True, seed=seed)).tensors("fp16")
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert same(trained[1], trained[0])
    assert not same(trained[2], trained[0])


@pytest.mark.parametrize("settings", [{}, {"scheduler": "cosine", "warmup": 1, "shuffle": True, "accumulate": 2}])
def test_a_run_that_was_stopped_goes_on_to_the_same_numbers(fresh, tmp_path, settings):
    whole = go(run(trainee(fresh), tmp_path / "whole.pt", steps=4, **settings))
    first = run(trainee(fresh), tmp_path / "parts.pt", steps=4, **settings)
    assert not first.train(lambda _: None, lambda _: None, lambda: first.step == 2)
    second = run(trainee(fresh), tmp_path / "parts.pt", steps=4, **settings)
    assert second.step == 2
    assert same(go(second).tensors("fp32"), whole.tensors("fp32"))
    assert second.losses == whole.losses


def test_a_single_file_is_trained_as_the_folder_is(fresh, tmp_path):
    folder = tiny_models.save_folder(fresh, tmp_path / "model")
    single = tiny_models.save_checkpoint(fresh, tmp_path / "tiny.safetensors")
    both = [load_trainee(path, torch.device("cpu"), "fp32", folder) for path in (folder, single)]
    wanted, found = (go(run(model, tmp_path / f"{number}.pt", steps=2)) for number, model in enumerate(both))
    # Where weights lie in memory decides on the last digits.
    assert found.losses == pytest.approx(wanted.losses, rel=1e-5)
    numbers = wanted.tensors("fp32")
    assert {key: np.abs(value - numbers[key]).max() < 1e-5 for key, value in found.tensors("fp32").items()} == (
        dict.fromkeys(numbers, True)
    )


@pytest.mark.parametrize(("said", "v"), [("epsilon", False), ("v", True)])
def test_a_single_file_of_sd2_is_trained_in_what_it_predicts(tmp_path, said, v):
    two = tiny_sd2.pipeline()
    config = tiny_models.save_config(two, tmp_path / "config")
    single = tiny_originals.save(two, "sd2", tmp_path / "two.safetensors", {"modelspec.prediction_type": said})
    found = load_trainee(single, torch.device("cpu"), "fp32", config)
    assert (found.family, found.v_prediction) == ("sd2", v)
    assert np.isfinite(go(run(found, tmp_path / "state.pt", network("sd2"), steps=1)).losses).all()


def test_the_state_is_written_as_time_goes_by(fresh, tmp_path, monkeypatch):
    def written(name: str) -> list[bool]:
        training, found = run(trainee(fresh), tmp_path / name, steps=3), []
        training.train(lambda _: found.append((tmp_path / name).exists()), lambda _: None)
        return [*found, (tmp_path / name).exists()]

    assert written("seldom.pt") == [False, False, False, True]
    monkeypatch.setattr(stepping, "STATE_SECONDS", -1.0)
    assert written("often.pt") == [False, True, True, True]


def test_epochs_are_told_when_they_are_done(model, tmp_path):
    training, told = run(model, tmp_path / "state.pt", steps=9), []
    training.train(lambda _: None, lambda epoch: told.append((epoch, training.step)))
    assert told == [(epoch, epoch * training.epoch_length) for epoch in range(1, 9 // training.epoch_length + 1)]


def test_a_trial_changes_nothing(fresh, tmp_path):
    tried = run(trainee(fresh), tmp_path / "a.pt", steps=1)
    assert tried.trial() > 0
    assert same(go(tried).tensors("fp32"), go(run(trainee(fresh), tmp_path / "b.pt", steps=1)).tensors("fp32"))


def test_the_loss_falls(model, tmp_path):
    def error() -> float:
        generator = torch.Generator().manual_seed(9)
        with torch.no_grad():
            return sum(
                float(
                    noise_loss(model, model.encoder(1), seen.latents[None], [seen.caption], LoopSettings(), generator)
                )
                for seen in pictures() * 2
            )

    before = error()
    go(run(model, tmp_path / "state.pt", network(unet=5e-2, others=1), steps=10))
    assert error() < 0.9 * before


@pytest.mark.parametrize("conv", [None, 3])
def test_leaving_blocks_out_changes_no_other_module_at_the_start(fresh, conv):
    def begun(**blocks):
        model = trainee(fresh)
        return file_tensors(attach(model, model.adapters(network(conv=conv, **blocks)), 5), "fp32")

    whole, parts = begun(), begun(IN04=0, M00=0, BASE=0)
    assert 0 < len(parts) < len(whole)
    assert all(np.array_equal(parts[key], whole[key]) for key in parts)
    assert all(not value.any() for key, value in whole.items() if key.endswith("lora_up.weight"))
    assert all(value.any() for key, value in whole.items() if key.endswith("lora_down.weight"))


def test_a_file_has_kohyas_names_shapes_and_each_modules_own_alpha(fresh):
    model = trainee(fresh)
    found = file_tensors(attach(model, model.adapters(network(conv=3, others=1)), 5), "bf16")
    wide, plain = "lora_unet_down_blocks_0_resnets_0_conv1", "lora_unet_down_blocks_0_attentions_0_proj_in"
    assert found[f"{wide}.lora_down.weight"].shape == (3, 8, 3, 3)
    assert found[f"{wide}.lora_up.weight"].shape == (8, 3, 1, 1)
    assert found[f"{plain}.lora_down.weight"].shape == (2, 8, 1, 1)
    assert (float(found[f"{wide}.alpha"]), float(found[f"{plain}.alpha"])) == (0.5, 1.0)
    assert found["lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight"].shape == (16, 2)
    assert found[f"{plain}.lora_down.weight"].dtype.name == "bfloat16"


def test_blocks_learn_at_their_own_rates_and_others_not_at_all(model, tmp_path):
    trained = go(run(model, tmp_path / "state.pt", network(IN04=0.01, OUT03=0, BASE=0), steps=3)).tensors("fp32")

    def moved(start: str) -> float:
        return max(float(abs(value).max()) for key, value in trained.items() if key.startswith(start) and "up" in key)

    assert moved("lora_unet_down_blocks_1_attentions_0_") < 0.1 * moved("lora_unet_down_blocks_1_attentions_1_")
    assert not [key for key in trained if key.startswith(("lora_te", "lora_unet_up_blocks_1_attentions_0_"))]


def test_checkpointing_calculates_the_same(fresh, tmp_path):
    plain = go(run(trainee(fresh), tmp_path / "a.pt", steps=2))
    spared = go(run(trainee(fresh), tmp_path / "b.pt", steps=2, checkpointing=True))
    assert spared.losses == pytest.approx(plain.losses, rel=1e-4)


def test_bf16_calculates_nearly_the_same(fresh, tmp_path):
    half = trainee(fresh)
    half.unet.bfloat16()
    half.text_encoder.bfloat16()
    found = go(run(replace(half, precision="bf16"), tmp_path / "a.pt", steps=2, precision="bf16"))
    assert found.losses == pytest.approx(go(run(trainee(fresh), tmp_path / "b.pt", steps=2)).losses, rel=0.05)
    assert all(np.isfinite(value.astype(np.float32)).all() for value in found.tensors("bf16").values())


def test_a_stable_diffusion_2_that_predicts_v_is_trained(tmp_path):
    model = trainee(tiny_sd2.pipeline("v_prediction"), "sd2", "v_prediction")
    found = go(run(model, tmp_path / "state.pt", network("sd2"), steps=1, min_snr_gamma=5, noise_offset=0.1))
    assert "lora_te_text_model_encoder_layers_22_mlp_fc2.alpha" in found.tensors("fp16")
    with pytest.raises(BlockweightError, match="The clip skip must be 1 to 1"):
        model.encoder(2)


def test_min_snr_weights_every_sample_by_its_timestep(model):
    latents = pictures(1)[0].latents[None]

    def loss(gamma):
        generator = torch.Generator().manual_seed(3)
        settings = LoopSettings(min_snr_gamma=gamma)
        return float(noise_loss(model, model.encoder(1), latents, ["x"], settings, generator))

    generator = torch.Generator().manual_seed(3)
    torch.randn(latents.shape, generator=generator)
    kept = float(model.schedule.alphas_cumprod[torch.randint(1000, (1,), generator=generator)])
    snr = kept / (1 - kept)
    assert loss(snr / 2) == pytest.approx(loss(None) / 2, rel=1e-5)
    assert loss(snr * 2) == pytest.approx(loss(None), rel=1e-5)


def test_captions_are_read_as_the_renderer_reads_prompts(model):
    encoder = model.encoder(2)
    (chunk,) = encoder.chunks([Piece("1girl, red dress")], {})
    with torch.no_grad():
        wanted = encoder.encode(chunk, {}).states
        found = text_states(encoder, ["1girl, red dress", "x"], 75, None)
    assert found.shape == (2, 77, 16)
    assert torch.allclose(found[0], wanted, atol=1e-5)


@pytest.mark.parametrize(("most", "length"), [(75, 77), (150, 152), (225, 227)])
def test_long_captions_are_read_75_tokens_at_a_time(model, most, length):
    caption = ", ".join(["red dress"] * 60)
    with torch.no_grad():
        found = text_states(model.encoder(1), [caption, "x"], most, None)
        first = text_states(model.encoder(1), [caption], 75, None)
    assert found.shape == (2, length, 16)
    assert torch.allclose(found[0, :76], first[0, :76], atol=1e-5)


def test_weights_multiply_states_and_the_mean_is_restored_or_not(model):
    encoder = model.encoder(1)
    with torch.no_grad():
        encoder.norm.bias.add_(0.5)  # random states have a mean of 0
        plain, bare, scaled = (
            text_states(encoder, ["(girl:2)"], 75, norm) if norm else text_states(encoder, ["girl"], 75, None)
            for norm in (None, "none", "mean")
        )
    assert torch.allclose(bare[0, 1], 2 * plain[0, 1], atol=1e-5)
    assert torch.equal(bare[0, 2:], plain[0, 2:])
    assert float(scaled.mean()) == pytest.approx(float(plain.mean()), abs=1e-6)
    assert torch.allclose(scaled / bare, (scaled / bare)[0, 0, 0], atol=1e-4)


def test_brackets_are_text_where_weights_do_not_count(model):
    with torch.no_grad():
        assert not torch.allclose(
            text_states(model.encoder(1), ["(girl:2)"], 75, None), text_states(model.encoder(1), ["girl"], 75, None)
        )


def test_a_loss_that_is_no_number_stops_the_training_and_keeps_the_state(model, tmp_path):
    training = run(model, tmp_path / "state.pt", steps=4)
    assert not training.train(lambda _: None, lambda _: None, lambda: training.step == 2)
    kept = (tmp_path / "state.pt").read_bytes()
    training._attached[0].up.data.fill_(float("nan"))
    with pytest.raises(BlockweightError, match="The loss of step 3 is not a number"):
        training.train(lambda _: None, lambda _: None)
    assert (tmp_path / "state.pt").read_bytes() == kept


def test_a_step_that_does_not_fit_into_the_memory_is_one_sentence(model, tmp_path, monkeypatch):
    def full(*_given):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    training = run(model, tmp_path / "state.pt")
    monkeypatch.setattr(loop, "noise_loss", full)
    with pytest.raises(BlockweightError, match="--gradient-checkpointing"):
        training.trial()


def test_a_broken_state_is_refused(model, tmp_path):
    (tmp_path / "state.pt").write_bytes(b"half of it")
    with pytest.raises(BlockweightError, match="cannot be read"):
        run(model, tmp_path / "state.pt")


def test_prodigy_refuses_rates_that_differ_and_takes_blocks_left_out(model, tmp_path, monkeypatch):
    with pytest.raises(BlockweightError, match=r"go from 0\.001 to 0\.002"):
        run(model, tmp_path / "state.pt", optimizer="prodigy")
    monkeypatch.setitem(sys.modules, "prodigyopt", None)
    with pytest.raises(BlockweightError, match=r"blockweight\[prodigy\]"):
        run(model, tmp_path / "state.pt", network(te=2e-3, IN04=0), optimizer="prodigy")


def test_an_optimizer_that_is_not_installed_is_named(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(BlockweightError, match=r"blockweight\[adamw8bit\]"):
        run(model, tmp_path / "state.pt", optimizer="adamw8bit")


def test_fp16_without_a_graphics_card_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match="fp16"):
        load_trainee(tmp_path, torch.device("cpu"), "fp16")
