"""Bad input: one clear sentence with the cause and the next step, exit code 2, nothing written."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.render import FakeRenderer
from blockweight.workflow.renderers import command_renderer
from workshop import FULL, WEIGHTS, tree, write_lora_file, write_model

ONES = ",".join("1" * 26)

not_root = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read and write everything")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with good and bad files."""
    monkeypatch.chdir(tmp_path)
    good = write_lora_file(tmp_path / "good.safetensors", FULL.blocks)
    write_lora_file(tmp_path / "embedder.safetensors", [], ["lora_unet_img_in"])
    mixed = ["lora_unet_double_blocks_0_img_attn_proj", "lora_unet_down_blocks_0_attentions_0_proj_in"]
    write_lora_file(tmp_path / "mixed.safetensors", [], mixed)
    write_lora_file(tmp_path / "flux.safetensors", [], ["lora_unet_double_blocks_0_img_attn_proj"])
    (tmp_path / "cut.safetensors").write_bytes(good.read_bytes()[:-100])
    (tmp_path / "short.safetensors").write_bytes(b"\x10")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "pickle.safetensors").write_bytes(pickle.dumps({"a": 1}, protocol=2))
    (tmp_path / "lora.pt").write_bytes(pickle.dumps({"a": 1}, protocol=4))
    (tmp_path / "page.safetensors").write_text("<!doctype html><title>404</title>" * 10)
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "file").write_text("a file")
    (tmp_path / "model.ckpt").write_bytes(b"\x80\x02")
    (tmp_path / "no model").mkdir()
    write_model(tmp_path / "model")
    Image.fromarray(np.eye(32, dtype=np.uint8) * 255).save(tmp_path / "square.png")
    Image.new("L", (32, 24), 255).save(tmp_path / "white.png")
    (tmp_path / "text.png").write_text("not a picture")
    return tmp_path


def refused(ended, words, before, place):
    """The command ended with exactly one sentence and left everything as it was."""
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: ")
    assert words in line
    assert len(line) < 420
    assert ended.out == ""
    assert tree(place) == before


BAKE = ("lora", "bake", "good.safetensors", "--weights", ONES, "--out", "new.safetensors")
ANALYZE = ("analyze", "good.safetensors", "--model", "model", "--prompt", "1girl", "--size", "32x24", "--out", "out")
ROUND = ("round", "sub", *ANALYZE[1:], "--weights", WEIGHTS)


def changed(command, **values):
    """A good command with some of its arguments replaced or added; `lora` is the file."""
    command = list(command)
    if "lora" in values:
        command[command.index("good.safetensors")] = values.pop("lora")
    for name, value in values.items():
        option = f"--{name}"
        if option in command:
            command[command.index(option) + 1] = value
        else:
            command += [option, value]
    return command


LORAS = [
    ("none.safetensors", "There is no file 'none.safetensors'; check the path."),
    ("embedder.safetensors", "whose family cannot be told"),
    ("mixed.safetensors", "whose family cannot be told"),
    ("cut.safetensors", "cut.safetensors"),
    ("short.safetensors", "short.safetensors"),
    ("empty.safetensors", "empty.safetensors"),
    ("pickle.safetensors", "pickle"),
    ("lora.pt", "pickle"),
    ("page.safetensors", "is a web page, not a LoRA"),
    ("folder.safetensors", "is a folder; name the .safetensors file in it"),
    ("file", "'file'"),
    ("n" * 300, "cannot be opened"),
]


@pytest.mark.parametrize(("lora", "words"), LORAS)
@pytest.mark.parametrize("command", [BAKE, ANALYZE, ROUND], ids=["bake", "analyze", "round"])
def test_a_file_that_is_no_lora_of_a_known_family(blockweight, place, command, lora, words):
    before = tree(place)
    refused(blockweight(*changed(command, lora=lora)), words, before, place)


@pytest.mark.parametrize("command", [BAKE, ROUND], ids=["bake", "round"])
def test_a_vector_of_another_familys_length_is_refused(blockweight, place, command):
    before = tree(place)
    words = "A vector of length 26 was given, but Flux.1 (with Kontext and Chroma) (flux1) takes 61"
    refused(blockweight(*changed(command, lora="flux.safetensors")), words, before, place)


WEIGHT_TEXTS = [
    (f"{ONES},1", "A vector of length 27 was given, but Stable Diffusion 1.x (sd1) takes 26 or 17 block weights"),
    ("", "holds no block weights"),
    (",".join("1" * 17), "no value for IN00, IN03, IN06, IN09, IN10, IN11, OUT00, OUT01, OUT02"),
    (ONES[:-1] + "one", "'one' is not a number"),
    (ONES[:-1] + "nan", "'nan' is not a number"),
    (ONES[:-1] + "1e999", "beyond the largest number"),
    (f"A:{ONES}\nB:{ONES}", "is not one line of text"),
    ("1," * 50_000 + "1", "A vector of length 50001 was given"),
]


@pytest.mark.parametrize(("weights", "words"), WEIGHT_TEXTS, ids=range(len(WEIGHT_TEXTS)))
@pytest.mark.parametrize("command", [BAKE, ROUND], ids=["bake", "round"])
def test_weights_that_do_not_fit(blockweight, place, command, weights, words):
    before = tree(place)
    refused(blockweight(*changed(command, weights=weights)), words, before, place)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weights": ",".join("0" * 26)}, "nothing would be left to bake"),
        ({"out": "good.safetensors"}, "is the source itself"),
        ({"out": "flux.safetensors"}, "'flux.safetensors' exists already; choose another name"),
        ({"out": "new.ckpt"}, "does not end in .safetensors"),
        ({"out": "none/new.safetensors"}, "There is no folder"),
        ({"out": "file/new.safetensors"}, "There is no folder"),
        ({"out": "folder.safetensors"}, "is a folder; name a file in it"),
    ],
)
def test_a_bake_that_cannot_be(blockweight, place, values, words):
    before = tree(place)
    refused(blockweight(*changed(BAKE, **values)), words, before, place)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "none"}, "There is no model at 'none'; give a diffusers folder"),
        ({"model": "no model"}, "is not a diffusers model"),
        ({"model": "model.ckpt"}, "is not a .safetensors file; pickled checkpoints can run code"),
        ({"model": "n" * 300}, "cannot be read"),
        ({"seeds": "1-"}, "'1-' is not a seed; write seeds like 1,2,3 or 1-3."),
        ({"seeds": ","}, "No seed was given"),
        ({"seeds": "1-100000"}, "more than 1000 seeds"),
        ({"size": "512"}, "'512' is not a size"),
        ({"size": "0x0"}, "'0x0' is not a size"),
        ({"prompt": os.fsdecode(b"\xff\xfe")}, "holds bytes that are not UTF-8 text"),
        ({"negative": os.fsdecode(b"\xff\xfe")}, "holds bytes that are not UTF-8 text"),
        ({"out": "file"}, "'file' cannot be made or used as a project folder"),
        ({"out": "file/below"}, "cannot be made or used as a project folder"),
        ({"out": "n" * 300}, "cannot be made or used as a project folder"),
    ],
)
@pytest.mark.parametrize("command", [ANALYZE, ROUND], ids=["analyze", "round"])
def test_a_scene_or_a_project_that_cannot_be(blockweight, place, command, values, words):
    before = tree(place)
    refused(blockweight(*changed(command, **values)), words, before, place)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"blocks": "IN12"}, "There is no block 'IN12' in the layout sd1-26: did you mean"),
        ({"blocks": ","}, "names no block"),
        ({"range": "0.5"}, "The range '0.5' must be two weights, as in 0.5,1."),
        ({"range": "1,1"}, "compares a weight with itself"),
        ({"range": "nan,1"}, "'nan' is not a number"),
        ({"mask": "square.png"}, "has 32×32 pixels, the pictures have 32×24"),
        ({"mask": "white.png"}, "is of one colour"),
        ({"mask": "text.png"}, "The mask 'text.png' cannot be read"),
        ({"mask": "none.png"}, "The mask 'none.png' cannot be read (No such file or directory)"),
        ({"mask": "folder.safetensors"}, "cannot be read"),
    ],
)
def test_an_analysis_that_cannot_be(blockweight, place, values, words):
    before = tree(place)
    refused(blockweight(*changed(ANALYZE, **values)), words, before, place)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fixed": "IN99"}, "There is no block 'IN99'"),
        ({"fixed": "BASE-OUT11"}, "Every block is fixed"),
        ({"step": "0"}, "must be a number above 0"),
        ({"step": "nan"}, "must be a number above 0"),
        ({"step": "inf"}, "must be a number above 0"),
    ],
)
def test_a_round_that_cannot_be(blockweight, place, values, words):
    before = tree(place)
    refused(blockweight(*changed(ROUND, **values)), words, before, place)


@pytest.mark.parametrize(
    "command",
    [
        changed(ANALYZE, strength="nan"),
        changed(ANALYZE, cfg="nan"),
        changed(ANALYZE, cfg="0"),
        changed(ANALYZE, steps="0"),
        changed(ANALYZE, threshold="256"),
        changed(ANALYZE, colour="blue"),
        changed(ROUND, strength="inf"),
        changed(ROUND, fill="nan"),
        changed(BAKE, fill="nan"),
        changed(BAKE, strength="-inf"),
        [*ANALYZE, "--no-such-option"],
        ["analyze", "good.safetensors"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_an_option_out_of_its_range(blockweight, place, command):
    before = tree(place)
    ended = blockweight(*command)
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in ended.err
    assert tree(place) == before


def test_a_lora_whose_name_is_not_text_is_analysed_all_the_same(blockweight, place):
    odd = Path(os.fsdecode(b"\x83S\x83u.safetensors"))
    try:
        Path("good.safetensors").rename(odd)
    except OSError:
        pytest.skip("this file system takes text alone")
    assert blockweight(*changed(ANALYZE, lora=str(odd), blocks="IN01", seeds="1")).code == 0
    assert blockweight(*changed(BAKE, lora=str(odd))).code == 0


def test_what_the_renderer_refuses(blockweight, place):
    class Refusing(FakeRenderer):
        def check(self, jobs):
            raise BlockweightError("There is no sampler 'x'; use one of: Euler.")

    before = tree(place)
    blockweight.use(Refusing)
    refused(blockweight(*ANALYZE), "There is no sampler 'x'", before, place)


def test_a_project_whose_log_is_no_database(blockweight, place):
    Path("out").mkdir()
    Path("out/project.sqlite").write_bytes(b"a diary" * 1000)
    ended = blockweight(*ANALYZE)
    assert ended.code == 2
    assert "file is not a database" in ended.err
    assert Path("out/project.sqlite").read_bytes() == b"a diary" * 1000


def test_without_torch_rendering_says_what_to_install(blockweight, place, monkeypatch):
    monkeypatch.setattr("blockweight.cli.analyze.command_renderer", command_renderer)
    for name in [name for name in sys.modules if name.startswith("blockweight.render.local")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    before = tree(place)
    refused(blockweight(*ANALYZE), 'install them with: pip install "blockweight[local]"', before, place)


@not_root
def test_a_lora_without_permission_to_read(blockweight, place):
    Path("good.safetensors").chmod(0)
    ended = blockweight(*BAKE)
    assert (ended.code, "cannot be opened (Permission denied)" in ended.err) == (2, True)


@not_root
@pytest.mark.parametrize("command", [ANALYZE, ROUND], ids=["analyze", "round"])
def test_an_out_folder_without_permission_to_write(blockweight, place, command):
    Path("locked").mkdir(mode=0o500)
    before = tree(place)
    refused(blockweight(*changed(command, out="locked/out")), "Permission denied", before, place)


def test_the_installed_program_ends_with_2_and_no_traceback(place):
    program = Path(sys.executable).with_name("blockweight")
    start = [program] if program.exists() else [sys.executable, "-c", "from blockweight.cli import main; main()"]
    ended = subprocess.run(
        [*start, *changed(BAKE, lora="pickle.safetensors")], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_good_file_is_not_refused(blockweight, place):
    assert blockweight(*BAKE).code == 0
    assert open_lora(Path("new.safetensors")).blocks == FULL.blocks


@pytest.mark.parametrize("option", ["--out", "--model"])
def test_an_empty_path_does_not_mean_the_current_folder(blockweight, place, option):
    before = tree(place)
    ended = blockweight(*changed(ROUND, **{option.removeprefix("--"): ""}))
    assert ended.code == 2
    assert "it is empty; give a path" in ended.err
    assert tree(place) == before
