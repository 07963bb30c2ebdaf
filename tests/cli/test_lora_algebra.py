"""`blockweight lora merge|conflicts|split|resize|convert|to-checkpoint|extract` at the keyboard."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blockweight.lora import open_lora, read_header, write_lora
from workshop import FULL, WEIGHTS, tree, write_lora_file

ONES = ",".join("1" * 26)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Two LoRAs of one family, one of another, a checkpoint with layers for them, and a tuned one."""
    monkeypatch.chdir(tmp_path)
    write_lora_file(tmp_path / "ゴブ姫.safetensors", FULL.blocks, seed=1)
    write_lora_file(tmp_path / "style.safetensors", ["IN04", "OUT03"], ["lora_unet_time_embedding_linear_1"], seed=2)
    write_lora_file(tmp_path / "flux.safetensors", [], ["lora_unet_double_blocks_0_img_attn_proj"])
    (tmp_path / "lora.pt").write_bytes(b"\x80\x02")
    base = checkpoint(np.random.default_rng(3))
    write_lora(tmp_path / "base.safetensors", base, {})
    tuned = base | {key: value + np.float16(0.5) for key, value in base.items() if "4.1.proj_in" in key}
    write_lora(tmp_path / "tuned.safetensors", tuned, {})
    return tmp_path


def checkpoint(rng):
    names = [
        "model.diffusion_model.input_blocks.4.1.proj_in.weight",
        "model.diffusion_model.output_blocks.3.1.proj_in.weight",
        "model.diffusion_model.time_embed.0.weight",
        "model.diffusion_model.time_embed.0.bias",
        "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight",
    ]
    return {name: rng.standard_normal((4, 4)).astype(np.float16) for name in names}


def lines(ended):
    assert ended.code == 0, ended.err
    return ended.out.splitlines()


def test_merge_says_what_it_made_and_how_well(blockweight, place):
    out = lines(
        blockweight("lora", "merge", "ゴブ姫.safetensors", f"style.safetensors:0.5:S:{WEIGHTS}", "-o", "m.safetensors")
    )
    assert out[0] == "Merged:   m.safetensors"
    assert out[1] == "Family:   sd1"
    assert out[2] == "Modules:  27 joined"
    assert out[3] == "Rank:     2 to 4"
    assert out[4].startswith("Verified: every module's change is the weighted sum, to a relative error of ")
    assert open_lora(Path("m.safetensors")).header.metadata["ss_output_name"] == "m"


def test_merge_cuts_ranks_and_says_what_is_lost(blockweight, place):
    out = lines(
        blockweight("lora", "merge", "ゴブ姫.safetensors", "style.safetensors", "-o", "m.safetensors", "--rank", "auto")
    )
    assert "Modules:  25 joined, 2 shrunk" in out
    assert any(line.startswith("Cut off:  at most ") for line in out)


def test_merge_names_the_blocks_that_were_filled_and_writes_peft_names(blockweight, place):
    short = ",".join("1" * 17)
    command = (
        "lora",
        "merge",
        f"ゴブ姫.safetensors:1:{short}",
        "-o",
        "m.safetensors",
        "--fill",
        "0",
        "--names",
        "peft",
    )
    assert any(line.startswith("Filled:   IN00, IN03") for line in lines(blockweight(*command)))
    assert all(
        info.name.endswith((".lora_A.weight", ".lora_B.weight")) for info in read_header(Path("m.safetensors")).tensors
    )


def test_conflicts_are_a_table_json_and_a_picture(blockweight, place):
    command = ("lora", "conflicts", "ゴブ姫.safetensors", "style.safetensors:-1", "--plot", "c.png")
    out = lines(blockweight(*command))
    assert out[0] == "A: ゴブ姫.safetensors"
    assert out[3].split() == ["block", "layers", "A", "B", "cosine", "A", "+", "B"]
    assert next(line for line in out if line.startswith("IN00")).split()[1:5:3] == ["0/1", "-"]
    digits = [number.replace(".", "").lstrip("0") for line in out[4:31] for number in line.split()[2:4]]
    assert {len(each) for each in digits} == {0, 4}
    found = json.loads(blockweight(*command[:4], "--json").out)
    assert found["blocks"]["IN00"]["cosine"] is None
    assert -1 <= found["blocks"]["IN04"]["cosine"] <= 1
    assert (found["all"]["shared"], found["all"]["layers"]) == (2, 27)
    with Image.open("c.png") as image:
        assert image.width > 600


def test_split_lists_a_file_a_block_and_merging_them_gives_the_original_back(blockweight, place):
    out = lines(blockweight("lora", "split", "style.safetensors", "-o", "parts"))
    assert [line.split()[:3] for line in out[:-1]] == [[block, "1", "module"] for block in ("IN04", "OUT03", "REST")]
    assert out[-1] == "Verified: 9 tensors are the original's, byte by byte"
    parts = sorted(map(str, Path("parts").iterdir()))
    out = lines(blockweight("lora", "merge", *parts, "-o", "back.safetensors"))
    assert out[-1] == "Verified: every tensor is the same as in its source, byte by byte"
    assert open_lora(Path("back.safetensors")).digest == open_lora(Path("style.safetensors")).digest


def test_split_takes_chosen_blocks(blockweight, place):
    lines(blockweight("lora", "split", "ゴブ姫.safetensors", "-o", "parts", "--blocks", "IN01-IN03"))
    assert sorted(path.name for path in Path("parts").iterdir()) == [f"ゴブ姫-IN0{n}.safetensors" for n in (1, 2, 3)]


def test_resize_cuts_chosen_blocks(blockweight, place):
    out = lines(blockweight("lora", "resize", "ゴブ姫.safetensors", "-o", "r.safetensors", "--ranks", "IN04=1"))
    assert out[-1].startswith("Verified: every module's change is what its rank can hold of the original's, to a ")
    found = open_lora(Path("r.safetensors"))
    ranks = {found.block_of(module): roles["lora_down"].shape[0] for module, roles in found.modules.items()}
    assert (ranks.pop("IN04"), set(ranks.values())) == (1, {2})


def test_convert_there_and_back(blockweight, place):
    out = lines(blockweight("lora", "convert", "ゴブ姫.safetensors", "--to", "peft", "-o", "p.safetensors"))
    assert out[2] == "Modules:   26, 26 with alpha / rank taken into or out of the up factor"
    lines(blockweight("lora", "convert", "p.safetensors", "--to", "kohya", "-o", "k.safetensors"))
    assert open_lora(Path("k.safetensors")).digest == open_lora(Path("ゴブ姫.safetensors")).digest


def test_to_checkpoint_counts_what_it_changed(blockweight, place):
    out = lines(
        blockweight("lora", "to-checkpoint", "base.safetensors", "style.safetensors:0.5", "-o", "new.safetensors")
    )
    assert out[2] == "Tensors:  3 changed, 2 copied as they are"
    assert out[-1].startswith("Rounding: the checkpoint's format takes ")


def test_extract_says_what_it_kept_and_left_out(blockweight, place):
    out = lines(
        blockweight("lora", "extract", "tuned.safetensors", "base.safetensors", "-o", "x.safetensors", "--rank", "1")
    )
    assert out[2].startswith("Layers:    1, and ")
    assert open_lora(Path("x.safetensors")).blocks == ("IN04",)


MERGE = ("lora", "merge", "ゴブ姫.safetensors", "style.safetensors", "-o", "new.safetensors")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("lora", "merge", "none.safetensors", "-o", "new.safetensors"), "There is no file 'none.safetensors'"),
        (("lora", "merge", "lora.pt", "-o", "new.safetensors"), "'lora.pt' is a pickle, which can run code"),
        (("lora", "merge", "lora", "-o", "new.safetensors"), "names no .safetensors file"),
        (("lora", "merge", "ゴブ姫.safetensors:x", "-o", "new.safetensors"), "is not a strength"),
        (("lora", "merge", "ゴブ姫.safetensors:1:1,0", "-o", "new.safetensors"), "A vector of length 2 was given"),
        (("lora", "merge", "ゴブ姫.safetensors:0", "-o", "new.safetensors"), "nothing would be left"),
        (("lora", "merge", "ゴブ姫.safetensors", "flux.safetensors", "-o", "new.safetensors"), "not of one family"),
        ((*MERGE, "--rank", "many"), "'many' is not a rank"),
        ((*MERGE, "--names", "mine"), "There are no names called 'mine'"),
        ((*MERGE, "--precision", "fp4"), "There is no precision 'fp4'"),
        ((*MERGE[:-1], "style.safetensors", "--overwrite"), "one of the sources"),
        ((*MERGE[:-1], "base.safetensors"), "exists already"),
        ((*MERGE[:-1], "new.ckpt"), "does not end in .safetensors"),
        ((*MERGE[:-1], "none/new.safetensors"), "There is no folder"),
        (("lora", "conflicts", "ゴブ姫.safetensors", "flux.safetensors"), "not of one family"),
        (
            ("lora", "conflicts", "ゴブ姫.safetensors", "style.safetensors", "--plot", "c.txt"),
            "neither a .png nor a .svg",
        ),
        (("lora", "split", "style.safetensors", "-o", "parts", "--blocks", "IN99"), "no block 'IN99'"),
        (("lora", "split", "style.safetensors", "-o", "parts", "--blocks", "IN05"), "has nothing in IN05"),
        (("lora", "split", "style.safetensors", "-o", "style.safetensors"), "cannot be made"),
        (("lora", "resize", "style.safetensors", "-o", "new.safetensors"), "No rank was given"),
        (("lora", "resize", "style.safetensors", "-o", "new.safetensors", "--rank", "auto"), "is not a rank"),
        (("lora", "convert", "style.safetensors", "--to", "kohya", "-o", "new.safetensors"), "has kohya names already"),
        (
            ("lora", "convert", "style.safetensors", "--to", "peft", "-o", "new.safetensors", "--precision", "fp16"),
            "give exact or keep",
        ),
        (("lora", "convert", "flux.safetensors", "--to", "peft", "-o", "new.safetensors"), "underscores do not tell"),
        (
            ("lora", "to-checkpoint", "style.safetensors", "style.safetensors", "-o", "new.safetensors"),
            "is a LoRA; give",
        ),
        (("lora", "to-checkpoint", "base.safetensors", "ゴブ姫.safetensors", "-o", "new.safetensors"), "does not have"),
        (("lora", "to-checkpoint", "base.safetensors", "flux.safetensors", "-o", "new.safetensors"), "not a LoRA of"),
        (
            ("lora", "extract", "base.safetensors", "base.safetensors", "-o", "new.safetensors"),
            "nothing can be extracted",
        ),
        (("lora", "extract", "tuned.safetensors", "lora.pt", "-o", "new.safetensors"), "is a pickle"),
        (
            (
                "lora",
                "extract",
                "tuned.safetensors",
                "base.safetensors",
                "-o",
                "new.safetensors",
                "--precision",
                "keep",
            ),
            "no format to keep",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_sentence_and_leaves_everything_as_it_was(blockweight, place, command, words):
    before = tree(place)
    ended = blockweight(*command)
    assert ended.code == 2
    line = ended.err.splitlines()[-1]
    assert line.startswith("Error: ")
    assert words in line
    assert len(line) < 420
    assert ended.out == ""
    assert tree(place) == before
