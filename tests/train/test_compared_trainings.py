"""Trainings that differ in one thing, side by side: `compare-lr` and `compare-captions`, on the tiny model."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blockweight.cli import compare_trainings, main
from blockweight.lora import open_lora
from blockweight.render import FakeRenderer
from blockweight.train.local import loop
from blockweight.weights import uniform
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.trainings.asked import Pair, Side
from blockweight.workflow.trainings.measuring import measure_blocks

TRAINED = (
    "--unet-lr", "1e-3", "--network-dim", "2", "--train-steps", "3", "--batch", "2", "--resolution", "16",
    "--bucket-step", "8", "--bucket-min", "8", "--bucket-max", "32", "--save-precision", "fp32",
)  # fmt: skip
DRAWN = ("--prompt", "1girl, hat", "--prompt", "1girl, night", "--seeds", "1,2", "--size", "16x16", "--steps", "2")
GROUPS = ("--groups", "important=IN04,M00,unknown=OUT03-OUT05,unimportant=others")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def fake(monkeypatch) -> None:
    """Pictures by the fake renderer."""
    monkeypatch.setattr(compare_trainings, "local_renderer", FakeRenderer)


@pytest.fixture
def steps(monkeypatch) -> list[int]:
    """Counts the losses that are calculated: two tries and every step's batches."""
    calculate, calls = loop.noise_loss, list[int]()

    def counted(*given):
        calls.append(1)
        return calculate(*given)

    monkeypatch.setattr(loop, "noise_loss", counted)
    return calls


def words(files: Path, out: Path, *more: str, groups: tuple[str, ...] = GROUPS, levels: str = "870") -> list[str]:
    data = (str(files / "data"), "--model", str(files / "model"), "-o", str(out))
    return ["compare-lr", *data, *TRAINED, *DRAWN, *groups, "--levels", levels, "--write", "none", *more]


def captions(files: Path, out: Path, *more: str) -> list[str]:
    data = (str(files / "data"), "--model", str(files / "model"), "-o", str(out))
    return [
        "compare-captions",
        *data,
        *TRAINED,
        *DRAWN,
        "--trigger",
        "smile",
        "--norm",
        "none",
        "--write",
        "none",
        *more,
    ]


def command(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output, and what was said beside it."""
    monkeypatch.setattr(sys, "argv", ["blockweight", *arguments])
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    return code, said.out, " ".join(said.err.split())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.usefixtures("fake")
def test_after_a_kill_the_same_command_trains_only_the_rest_and_the_same(files, tmp_path, monkeypatch, capsys, steps):
    killed = words(files, tmp_path / "both")
    program = [sys.executable, str(Path(__file__).with_name("mortal.py")), *killed]
    environment = os.environ | {"LIVES": "8", "OMP_NUM_THREADS": "1"}  # the plain one, and a step of the other
    first = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)
    assert first.returncode == -signal.SIGKILL, first.stderr
    loras = tmp_path / "both" / "loras"
    plain = (loras / "plain.safetensors").read_bytes()
    assert not (loras / "870.safetensors").exists()
    assert command(monkeypatch, capsys, *killed)[0] == 0
    assert len(steps) == 2 + 2
    assert (loras / "plain.safetensors").read_bytes() == plain
    vector = ",".join(str(w) for w in level_vector())
    alone = tmp_path / "870.safetensors"
    trained = ["--steps" if word == "--train-steps" else word for word in TRAINED]
    model = (str(files / "data"), "--model", str(files / "model"))
    assert command(monkeypatch, capsys, "train", *model, "-o", str(alone), *trained, "--block-lr", vector)[0] == 0
    assert (loras / "870.safetensors").read_bytes() == alone.read_bytes()


def level_vector() -> list[float]:
    """870 of GROUPS, by hand: BASE is in no group."""
    special = {"BASE": 1.0, "IN04": 0.8, "M00": 0.8, "OUT03": 0.7, "OUT04": 0.7, "OUT05": 0.7}
    blocks = ["BASE", *(f"IN{n:02}" for n in range(12)), "M00", *(f"OUT{n:02}" for n in range(12))]
    return [special.get(block, 0.0) for block in blocks]


@pytest.fixture(scope="module")
def done(files, tmp_path_factory) -> Path:
    """A comparison of one level, by the fake renderer."""
    out = tmp_path_factory.mktemp("done") / "lr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare_trainings, "local_renderer", FakeRenderer)
        patch.setattr(sys, "argv", ["blockweight", *words(files, out)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code
    return out


def test_the_same_command_again_trains_and_renders_nothing(files, done, monkeypatch, capsys, steps):
    monkeypatch.setattr(compare_trainings, "local_renderer", None)
    code, out, err = command(monkeypatch, capsys, *words(files, done, "--json"))
    assert (code, steps) == (0, [])
    assert "16 pictures, all rendered already" in err
    facts = json.loads(out)
    assert [each["setting"] for each in facts["settings"]] == ["870"]
    assert len(list(done.glob("comparison-*"))) == len(list(done.glob("plot-*"))) == 1


def test_the_plot_has_both_sides_of_a_level_beside_each_other(done):
    page = json.loads((done / "plot-01" / "settings.json").read_text(encoding="utf-8"))
    labels = ["no LoRA", "plain", "870\nblock weights", "870\nblock rates"]
    assert page["x"]["labels"] == labels
    assert len(page["rows"]) == 4


def test_tables_and_a_page_are_written(done):
    folder = done / "comparison-01"
    numbers = list(csv.DictReader(io.StringIO((folder / "numbers.csv").read_text(encoding="utf-8-sig"))))
    assert [(row["setting"], row["count"], row["number"]) for row in numbers] == [
        ("870", "4", "apart"), ("870", "4", "change"),
    ]  # fmt: skip
    ends = [[float(row[f"difference{end}"]) for end in ("_low", "", "_high")] for row in numbers]
    assert ends == [sorted(each) for each in ends]
    blocks = list(csv.DictReader(io.StringIO((folder / "blocks.csv").read_text(encoding="utf-8-sig"))))
    assert [row["block"] for row in blocks] == ["BASE", "IN04", "M00", "OUT03", "OUT04", "OUT05", "all"]
    assert all(0.9 < float(row["cosine"]) <= 1 for row in blocks)
    assert "870, block rates" in (folder / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (("--unet-lr", "1e-4"), "unet_lr"),
        (("--seed", "7", "--lr-scheduler", "cosine"), "scheduler, seed"),
        (("--groups", "important=IN04,unknown=M00,unimportant=others"), "groups"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(files, done, monkeypatch, capsys, changes, named):
    code, _, err = command(monkeypatch, capsys, *words(files, done, *changes))
    assert code == 2
    assert f"holds trainings with other settings ({named})" in err


@pytest.mark.usefixtures("fake")
def test_a_further_level_is_trained_beside_those_that_are_there(files, done, monkeypatch, capsys, steps):
    code, out, _ = command(monkeypatch, capsys, *words(files, done, levels="870,1/0.5/0.25"))
    assert (code, len(steps)) == (0, 2 + 3)
    assert (done / "loras" / "1_0.5_0.25.safetensors").is_file()
    assert "1_0.5_0.25" in out


@pytest.mark.usefixtures("fake")
def test_an_estimate_begins_nothing(files, tmp_path, monkeypatch, capsys):
    code, out, _ = command(monkeypatch, capsys, *words(files, tmp_path / "lr", "--estimate", "--json"))
    facts = json.loads(out)
    assert (code, facts["trainings"]["trainings"], facts["trainings"]["done"], facts["pictures"]) == (0, 2, 0, 16)
    assert facts["trainings"]["seconds_to_go"] == pytest.approx(6 * facts["trainings"]["next"]["seconds_a_step"])
    assert list(tmp_path.iterdir()) == []


def test_an_estimate_tries_a_picture_and_takes_the_time_of_all_for_so_many(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compare_trainings, "local_renderer", lambda: FakeRenderer(0.01))
    facts = json.loads(command(monkeypatch, capsys, *words(files, tmp_path / "lr", "--estimate", "--json"))[1])
    assert facts["seconds_a_picture"] >= 0.01
    assert facts["pictures_seconds_to_go"] == 16 * facts["seconds_a_picture"]


def test_an_estimate_leaves_out_the_pictures_that_are_there(files, done, monkeypatch, capsys):
    monkeypatch.setattr(compare_trainings, "local_renderer", None)
    code, out, _ = command(monkeypatch, capsys, *words(files, done, "--estimate", "--json"))
    facts = json.loads(out)
    assert (code, facts["pictures"], facts["pictures_done"], facts["pictures_seconds_to_go"]) == (0, 16, 16, 0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (("--levels", "87"), "no level of 3 groups"),
        (("--levels", " "), "No level is given"),
        (("--groups", "a=IN01"), "One group must hold"),
        (("--optimizer", "prodigy"), "Prodigy finds one learning rate"),
        (("--colour", "likeness"), "--colour takes one of"),
        (("--with-lora", "nobody"), "neither a file nor"),
        (("--mask", "none.png"), "cannot be read"),
        (("--size", "15x16"), "15"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_trained(
    files, tmp_path, monkeypatch, capsys, steps, changes, says
):
    code, _, err = command(monkeypatch, capsys, *words(files, tmp_path / "lr", *changes))
    assert (code, steps) == (2, [])
    assert says in err
    assert list(tmp_path.iterdir()) == []


def test_a_prompt_is_needed(files, tmp_path, monkeypatch, capsys):
    arguments = words(files, tmp_path / "lr")
    start = arguments.index("--prompt")
    code, _, err = command(monkeypatch, capsys, *arguments[:start], *arguments[start + 4 :])
    assert (code, "--prompt" in err) == (2, True)


def test_a_mask_and_a_reference_tell_bleed_and_likeness(files, done, tmp_path, monkeypatch, capsys):
    half = np.zeros((16, 16), np.uint8)
    half[:8] = 255
    Image.fromarray(half).save(tmp_path / "mask.png")
    Image.new("RGB", (16, 16), "green").save(tmp_path / "like.png")
    Image.new("RGB", (8, 8), "green").save(tmp_path / "small.png")
    marked = ("--mask", str(tmp_path / "mask.png"))
    code, out, _ = command(
        monkeypatch, capsys, *words(files, done, *marked, "--reference", str(tmp_path / "like.png"), "--json")
    )
    (told,) = json.loads(out)["settings"]
    assert code == 0
    assert list(told["numbers"]) == ["change", "change:inside", "change:outside", "green:outside", "likeness:inside"]
    change = {name: np.array(found["first"]["samples"]) for name, found in told["numbers"].items()}
    assert change["change"] == pytest.approx((change["change:inside"] + change["change:outside"]) / 2)
    code, _, err = command(monkeypatch, capsys, *words(files, done, "--reference", str(tmp_path / "small.png")))
    assert (code, "has 8×8 pixels" in err) == (2, True)


@pytest.mark.usefixtures("fake")
def test_weights_in_captions_are_trained_and_drawn_with_another_lora_too(files, done, tmp_path, monkeypatch, capsys):
    beside = str(done / "loras" / "870.safetensors")
    more = ("--train-steps", "1", "--weights", "0.5", "--tag", "1girl", "--with-lora", beside, "--json")
    code, out, _ = command(monkeypatch, capsys, *captions(files, tmp_path / "c", *more))
    assert code == 0
    told = [(each["setting"], each["beside"]) for each in json.loads(out)["settings"]]
    assert told == [(name, group) for group in ("", "with 870") for name in ("a05", "k05", "s05")]
    tags = {}
    for name in ("plain", "a05", "k05", "s05"):
        metadata = open_lora(tmp_path / "c" / "loras" / f"{name}.safetensors").header.metadata
        tags[name] = list(json.loads(metadata["ss_tag_frequency"])["1_night"])
        assert metadata.get("ss_weighted_captions_norm") == (None if name == "plain" else "none")
    assert tags["plain"] == ["1girl", "hat 2", "hat 3", "smile"]
    assert tags["a05"] == ["(1girl:0.5)", "(hat 2:0.5)", "(hat 3:0.5)", "(smile:0.5)"]
    assert (tags["k05"][0], tags["s05"][0]) == ("(smile:0.5)", "(1girl:0.5)")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (("--tag", "purple"), "No caption has the tag 'purple'"),
        (("--trigger", " "), "The trigger is empty"),
        (("--weights", ","), "No weight is given"),
        (("--weights", "much"), "much"),
    ],
)
def test_captions_that_cannot_be_weighed_are_refused(files, tmp_path, monkeypatch, capsys, changes, says):
    code, _, err = command(monkeypatch, capsys, *captions(files, tmp_path / "c", *changes))
    assert (code, says in err) == (2, True), err
    assert list(tmp_path.iterdir()) == []


def test_blocks_are_measured_with_their_weights(done):
    lora = done / "loras" / "plain.safetensors"
    layout = open_lora(lora).family.layout
    weights = uniform("w", layout, 0.5).with_weights({"M00": -2.0, "IN04": 0.0})
    whole, weighted = Side("whole", lora), Side("weighted", lora, weights.text())
    found = {each.block: each for each in measure_blocks([Pair("w", whole, weighted)], SilentProgress())["w"]}
    assert found["OUT05"].norms[1] == pytest.approx(0.5 * found["OUT05"].norms[0], rel=1e-6)
    assert found["M00"].norms[1] == pytest.approx(2 * found["M00"].norms[0], rel=1e-6)
    assert (found["M00"].cosine, found["OUT05"].cosine) == (pytest.approx(-1), pytest.approx(1))
    assert (found["IN04"].norms[1], found["IN04"].cosine) == (0, None)
