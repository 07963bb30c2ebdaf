"""Which model a path stands for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import pytest

from blockweight.demo import embedded
from blockweight.errors import BlockweightError
from blockweight.render import checkpoint_file_hash, identify_checkpoint, size_step
from workshop import write_model

not_root = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")


@pytest.fixture
def digest(model):
    return identify_checkpoint(model).digest


def test_a_moved_model_is_the_same_model(model, digest, tmp_path):
    moved = shutil.move(model, tmp_path / "elsewhere")
    assert identify_checkpoint(moved).digest == digest
    assert identify_checkpoint(moved).path == str(moved)


@pytest.mark.parametrize(
    "name",
    ["unet/diffusion_pytorch_model.safetensors", "model_index.json", "scheduler/config.json", "tokenizer/merges.txt"],
)
def test_every_file_that_decides_the_pictures_counts(model, digest, name):
    file = model / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"other")
    assert identify_checkpoint(model).digest != digest


@pytest.mark.parametrize("name", ["README.md", ".cache/huggingface/note.json", "unet/.hidden.json", "preview.png"])
def test_what_lies_beside_the_model_does_not_count(model, digest, name):
    file = model / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_bytes(b"other")
    assert identify_checkpoint(model).digest == digest


def test_a_single_file_has_the_hash_that_others_know_it_by_and_a_folder_has_none(model, tmp_path):
    file = tmp_path / "anime.safetensors"
    file.write_bytes(b"weights")
    identified = identify_checkpoint(file)
    assert checkpoint_file_hash(identified) == hashlib.sha256(b"weights").hexdigest()
    assert checkpoint_file_hash(identify_checkpoint(model)) == ""
    file.write_bytes(b"other weights")
    assert checkpoint_file_hash(identified) == ""
    file.unlink()
    assert checkpoint_file_hash(identified) == ""


def test_a_file_that_was_identified_is_not_read_again_for_its_hash(tmp_path, monkeypatch):
    file = tmp_path / "anime.safetensors"
    file.write_bytes(b"weights")
    identified = identify_checkpoint(file)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert checkpoint_file_hash(identified) == hashlib.sha256(b"weights").hexdigest()


def test_weights_under_another_name_are_another_model(model, digest):
    (model / "unet").rename(model / "transformer")
    assert identify_checkpoint(model).digest != digest


def test_a_single_file_is_known_by_its_content_alone(tmp_path):
    one, two, other = (tmp_path / f"{name}.safetensors" for name in ("one", "two", "other"))
    one.write_bytes(b"weights")
    two.write_bytes(b"weights")
    other.write_bytes(b"others")
    assert identify_checkpoint(one).digest == identify_checkpoint(two).digest != identify_checkpoint(other).digest


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", "There is no model at"),
        ("none/below.safetensors", "There is no model at"),
        ("empty", "is not a diffusers model"),
        ("no index", "is not a diffusers model"),
        ("no weights", "is not a diffusers model"),
        ("model.ckpt", "is not a .safetensors file; pickled checkpoints can run code"),
        ("n" * 300, "cannot be read"),
        ("broken", "cannot be read"),
    ],
)
def test_what_is_no_model_is_refused_with_the_reason(tmp_path, name, words):
    (tmp_path / "empty").mkdir()
    (write_model(tmp_path / "no index") / "model_index.json").unlink()
    (write_model(tmp_path / "no weights") / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (write_model(tmp_path / "broken") / "vae.safetensors").symlink_to(tmp_path / "nowhere")
    (tmp_path / "model.ckpt").write_bytes(b"\x80\x02")
    with pytest.raises(BlockweightError, match=words):
        identify_checkpoint(tmp_path / name)


@not_root
def test_a_model_without_permission_is_refused(model):
    (model / "unet" / "diffusion_pytorch_model.safetensors").chmod(0)
    with pytest.raises(BlockweightError, match=r"cannot be read \(Permission denied\)"):
        identify_checkpoint(model)


def test_the_sides_of_a_picture_are_whole_latents_of_a_folders_autoencoder(model):
    (model / "vae").mkdir(exist_ok=True)
    (model / "vae" / "config.json").write_text(json.dumps({"block_out_channels": [1] * 5}))
    assert size_step(model) == 16


def test_the_sides_of_a_single_checkpoints_pictures_are_whole_latents_of_stable_diffusion(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"weights")
    assert size_step(tmp_path / "a.safetensors") == 8


def test_the_embedded_models_sides_are_those_that_it_was_made_for():
    assert embedded.SIZE % size_step(embedded.model_folder()) == 0


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"block_out_channels": 3}', '{"block_out_channels": []}', "[" * 9999]
)
def test_where_nothing_is_known_the_sides_are_whole_latents(model, text):
    (model / "vae").mkdir(exist_ok=True)
    (model / "vae" / "config.json").write_text(text)
    assert size_step(model) == 8
    assert size_step(model / "gone.safetensors") == size_step(model / ("n" * 300 + ".safetensors")) == 8
