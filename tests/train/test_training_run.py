"""A whole training from files to file, on the tiny model: `workflow.training` and the command over it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from blockweight.cli import main
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora, training_settings
from blockweight.render import FakeRenderer
from blockweight.train.local import loop
from blockweight.workflow import training_folder
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.train_arguments import read_arguments
from blockweight.workflow.training import training_of
from blockweight.workflow.training_ask import SampleAsk, TrainingAsk

FEW = "Few:1,0,0,1,0,0,0,1,0,0,1,0,0,0,0,0,0"
"""BASE, IN04, M00 and OUT05."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def ask(files: Path, out: Path, **changes) -> TrainingAsk:
    out.parent.mkdir(parents=True, exist_ok=True)
    plain = TrainingAsk(
        files / "data", files / "model", out, FEW, unet_lr=1e-3, text_encoder_lr=1e-3, network_dim=2, steps=5, batch=2,
        resolution=16, bucket_step=8, bucket_min=8, bucket_max=32, shuffle=True, keep_tokens=1, min_snr_gamma=5.0,
        save_precision="fp32",
    )  # fmt: skip
    return replace(plain, **changes)


def train(asked: TrainingAsk, progress=SilentProgress()):  # noqa: B008
    return training_of(asked, progress).train(progress, FakeRenderer)


def arguments(asked: TrainingAsk) -> list[str]:
    """The same on the command line."""
    return [
        "train", str(asked.dataset), "--model", str(asked.model), "-o", str(asked.out), "--block-lr", FEW,
        "--unet-lr", "1e-3", "--text-encoder-lr", "1e-3", "--network-dim", "2", "--steps", "5", "--batch", "2",
        "--resolution", "16", "--bucket-step", "8", "--bucket-min", "8", "--bucket-max", "32", "--shuffle-caption",
        "--keep-tokens", "1", "--min-snr-gamma", "5", "--save-precision", "fp32",
    ]  # fmt: skip


def command(monkeypatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["blockweight", *words])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_training_that_was_killed_gives_the_file_that_it_would_have_given(files, tmp_path, monkeypatch, capsys):
    whole, killed = ask(files, tmp_path / "whole" / "girl.safetensors"), ask(files, tmp_path / "k" / "girl.safetensors")
    train(whole)
    program = [sys.executable, str(Path(__file__).with_name("mortal.py")), *arguments(killed)]
    environment = os.environ | {"LIVES": "6", "OMP_NUM_THREADS": "1"}  # two tries, three steps of one or two batches
    first = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)
    assert first.returncode == -signal.SIGKILL, first.stderr
    assert (killed.out.parent / "girl.training" / "state.pt").exists()
    assert not killed.out.exists()
    assert command(monkeypatch, *arguments(killed)) == 0
    assert "of them done" in capsys.readouterr().err
    assert killed.out.read_bytes() == whole.out.read_bytes()
    kept = {path.name for path in (tmp_path / "k" / "girl.training").iterdir()}
    assert kept == {"loss.png", "losses.csv", "training.lock"}


def test_the_file_says_how_it_was_trained(files, tmp_path):
    asked = ask(files, tmp_path / "girl.safetensors", weighted_captions="mean", conv_dim=1, conv_alpha=0.5, fill=0)
    done = train(asked)
    lora = open_lora(asked.out)
    assert lora.blocks == ("BASE", "IN04", "M00", "OUT05")
    metadata = lora.header.metadata
    assert metadata["ss_weighted_captions_norm"] == "mean"
    assert json.loads(metadata["ss_tag_frequency"])["2_red dress"] == {"1girl": 2, "hat 0": 1, "hat 1": 1, "smile": 2}
    assert json.loads(metadata["ss_dataset_dirs"])["1_night"] == {"n_repeats": 1, "img_count": 2}
    buckets = json.loads(metadata["ss_bucket_info"])["buckets"]
    assert list(buckets.values()) == [{"resolution": [16, 16], "count": 4}, {"resolution": [24, 8], "count": 2}]
    assert training_settings(metadata)["steps"] == "5"
    read = read_arguments(str(asked.out), None).blocks
    assert read is not None
    assert {block for block, rate in read.items() if rate} == {"IN04", "M00", "OUT05"}
    assert (done.steps, done.out) == (5, asked.out)
    rows = (done.folder / "losses.csv").read_text().splitlines()
    assert (rows[0], len(rows)) == ("step,loss", 6)
    assert Image.open(done.folder / "loss.png").width > 500


def test_files_of_epochs_and_samples_are_written_on_the_way(files, tmp_path):
    samples = SampleAsk(("1girl", "hat"), every=2)
    asked = ask(files, tmp_path / "girl.safetensors", steps=None, epochs=3, save_every=1, samples=samples)
    done = train(asked)
    assert {path.name for path in tmp_path.glob("*.safetensors")} == {
        "girl.safetensors", "girl-000001.safetensors", "girl-000002.safetensors",
    }  # fmt: skip
    assert sorted(path.name for path in (done.folder / "samples").iterdir()) == [
        "000000-1.png", "000000-2.png", "000002-1.png", "000002-2.png",
    ]  # fmt: skip
    assert "1girl" in Image.open(done.folder / "samples" / "000002-1.png").text["parameters"]
    assert open_lora(tmp_path / "girl-000002.safetensors").header.metadata["ss_epoch"] == "2"
    assert {path.name for path in done.folder.iterdir()} == {"loss.png", "losses.csv", "samples", "training.lock"}


def test_what_it_will_take_is_said_before(files, tmp_path, monkeypatch, capsys):
    asked = ask(files, tmp_path / "girl.safetensors")
    assert command(monkeypatch, *arguments(asked), "--estimate", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["pictures"], facts["seen_in_an_epoch"], facts["steps"], facts["steps_in_an_epoch"]) == (4, 6, 5, 3)
    assert facts["modules"] == {"BASE": 12, "IN04": 12, "M00": 12, "OUT05": 12}
    assert facts["seconds_to_go"] > 0
    assert not asked.out.exists()


@pytest.fixture
def heard():
    """Ctrl-C counts, also where whoever runs the tests has it ignored, as shells do for what they put in the
    background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_between_two_steps_and_the_same_command_goes_on(files, tmp_path, monkeypatch, heard):
    whole = ask(files, tmp_path / "a" / "girl.safetensors")
    train(whole)
    asked = ask(files, tmp_path / "b" / "girl.safetensors")
    calculate, calls = loop.noise_loss, []

    def interrupted(*given):
        calls.append(1)
        if len(calls) == 5:  # two tries, the first two steps, and into the third
            signal.raise_signal(signal.SIGINT)
        return calculate(*given)

    monkeypatch.setattr(loop, "noise_loss", interrupted)
    training = training_of(asked, SilentProgress())
    with pytest.raises(KeyboardInterrupt):
        training.train(SilentProgress(), FakeRenderer)
    assert training.run.step == 3
    monkeypatch.setattr(loop, "noise_loss", calculate)
    again = training_of(asked, SilentProgress())
    assert again.cost().done == 3
    again.train(SilentProgress(), FakeRenderer)
    assert asked.out.read_bytes() == whole.out.read_bytes()


def test_another_training_under_the_name_is_refused_until_it_is_given_up(files, tmp_path):
    asked = ask(files, tmp_path / "girl.safetensors")
    training = training_of(asked, SilentProgress())
    training.run.train(lambda _: None, lambda _: None, lambda: training.run.step == 2)
    training.close()
    other = replace(asked, unet_lr=1e-4, seed=7)
    with pytest.raises(BlockweightError, match=r"other settings \(seed, unet_lr\)"):
        training_of(other, SilentProgress())
    assert done_of(asked) == 2
    assert done_of(replace(other, overwrite=True)) == 0


def done_of(asked: TrainingAsk) -> int:
    """How many steps of it are done."""
    with closing(training_of(asked, SilentProgress())) as training:
        return training.cost().done


def test_one_program_at_a_time_trains_in_a_folder(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training_folder, "_HANDOVER", 0.0)
    asked = ask(files, tmp_path / "girl.safetensors")
    training = training_of(asked, SilentProgress())
    script = "from blockweight.workflow import training_folder; training_folder._HANDOVER = 0; "
    program = [sys.executable, "-c", script + "from blockweight.cli import main; main()", *arguments(asked)]
    second = subprocess.run(program, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert "Another program trains in" in " ".join(second.stderr.split())
    training.close()
    assert command(monkeypatch, *arguments(asked)) == 0


def test_latents_are_calculated_once(files, tmp_path, monkeypatch):
    asked = ask(files, tmp_path / "girl.safetensors")
    assert done_of(asked) == 0
    assert len(list((tmp_path / "girl.training" / "latents").iterdir())) == 4
    monkeypatch.setattr("blockweight.train.local.latents.load_picture", None)
    assert done_of(asked) == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"steps": 1, "epochs": 1}, "either --steps or --epochs"),
        ({"max_tokens": 80}, "75, 150 or 225"),
        ({"block_lr": FEW, "conv_dim": 2}, "--fill 1"),
        ({"block_lr": "x:1,2,3"}, "."),
        ({"block_lr": FEW.replace("1", "-1")}, "below 0"),
        ({"clip_skip": 9}, "clip skip must be 1 to 2"),
        ({"precision": "fp16"}, "fp16"),
        ({"resolution": 20}, "no multiple"),
        ({"model": Path("nowhere")}, "There is no model"),
        ({"dataset": Path("nowhere")}, "There is no folder"),
        ({"out": Path("girl.pt")}, "does not end in .safetensors"),
    ],
)
def test_what_cannot_be_trained_is_refused_and_nothing_is_written(files, tmp_path, changes, says):
    with pytest.raises(BlockweightError, match=says):
        training_of(replace(ask(files, tmp_path / "girl.safetensors"), **changes), SilentProgress())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_not_replaced(files, tmp_path):
    (tmp_path / "girl.safetensors").write_bytes(b"mine")
    with pytest.raises(BlockweightError, match="exists already"):
        training_of(ask(files, tmp_path / "girl.safetensors"), SilentProgress())


def test_what_is_left_out_and_torn_apart_is_said(files, tmp_path):
    data = tmp_path / "data"
    (data / "masks").mkdir(parents=True)
    (data / "1_girl").mkdir()
    Image.new("RGB", (16, 16)).save(data / "1_girl" / "a.png")
    (data / "1_girl" / "a.txt").write_text("(hat, dress:1.3)")
    asked = ask(files, tmp_path / "girl.safetensors", dataset=data, weighted_captions="none")
    notes = training_of(asked, SilentProgress()).cost().notes
    assert [word in note for word, note in zip(("masks", "comma in brackets"), notes, strict=True)] == [True, True]
