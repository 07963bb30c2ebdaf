"""`blockweight train-args`: what is printed, and where."""

from __future__ import annotations

import json
import tomllib

import pytest

from workshop import WEIGHTS, tree

FOR = ("train-args", f"Gobuhime:{WEIGHTS}", "--family", "sd1", "--for")
READ = ("train-args", "--family", "sd1", "--read")


def test_the_arguments_alone_are_on_standard_output(blockweight):
    ended = blockweight(*FOR, "sd-scripts")
    assert ended.code == 0
    (line,) = ended.out.splitlines()
    assert line.startswith("--network_module networks.lora --unet_lr 0.0001 --text_encoder_lr 5e-05 --network_args ")
    assert [note.partition(":")[0] for note in ended.err.splitlines()] == ["Note", "Note"]


def test_rates_and_ranks_are_taken_over(blockweight):
    options = ("--unet-lr", "2e-4", "--text-encoder-lr", "1e-5", "--network-dim", "16", "--network-alpha", "8")
    ended = blockweight(*FOR, "sd-scripts", *options, "--conv-dim", "4", "--conv-alpha", "2")
    for part in ("--unet_lr 0.0002", "--text_encoder_lr 1e-05", "--network_dim 16 --network_alpha 8.0"):
        assert part in ended.out
    assert '"conv_dim=4" "conv_alpha=2"' in ended.out


def test_json_holds_the_text_and_the_dry_run(blockweight):
    ended = blockweight(*FOR, "sd-scripts-toml", "--json", "--modules")
    assert (ended.code, ended.err) == (0, "")
    facts = json.loads(ended.out)
    assert tomllib.loads(facts["text"])["unet_lr"] == 1e-4
    assert facts["modules"]["trained"] == sum(
        len(block["names"]) for block in facts["modules"]["blocks"] if block["fate"] == "trained"
    )


def test_modules_prints_a_table_and_every_name(blockweight):
    lines = blockweight(*FOR, "sd-scripts", "--modules").out.splitlines()
    assert lines[0].split() == ["block", "weight", "learning", "rate", "modules"]
    assert lines[3].split() == ["IN01", "0.5", "5e-05", "12", "trained"]
    assert "Modules: 252 trained, 12 skipped, 0 kept at zero" in lines
    assert "skipped  lora_unet_up_blocks_3_attentions_1_proj_in" in lines


def test_out_writes_a_file_that_the_trainer_can_read(blockweight, tmp_path):
    target = tmp_path / "blocks.toml"
    assert blockweight(*FOR, "sd-scripts-toml", "--out", target).out == f"written: {target}\n"
    assert tomllib.loads(target.read_text(encoding="utf-8"))["network_module"] == "networks.lora"
    before = tree(tmp_path)
    again = blockweight(*FOR, "sd-scripts-toml", "--out", target)
    assert (again.code, tree(tmp_path)) == (2, before)
    assert blockweight(*FOR, "kohya-gui", "--out", target, "--overwrite").code == 0
    assert json.loads(target.read_text(encoding="utf-8"))["LoRA_type"] == "Standard"


def test_what_was_trained_is_read_back_as_json(blockweight):
    ended = blockweight(*READ, "down_lr_weight=sine+.25 mid_lr_weight=1 block_lr_zero_threshold=0.1", "--json")
    facts = json.loads(ended.out)
    assert (len(facts["effective"]), facts["effective"][0], facts["blocks"]["IN11"]) == (25, 0.25, 1.25)
    assert next(iter(facts["blocks"])) == "IN00"


def test_what_was_trained_is_read_back_for_people(blockweight):
    ended = blockweight(*READ, "mid_lr_weight=0.5,1")
    assert "M00    0.5" in ended.out.splitlines()
    assert ended.err == "Note: mid_lr_weight has 2 values; the trainer takes the first 1.\n"


def test_an_error_is_a_sentence_or_with_json_an_object(blockweight):
    ended = blockweight(*READ, "down_lr_weight=1")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    as_json = blockweight(*READ, "down_lr_weight=1", "--json")
    assert (as_json.code, as_json.err) == (2, "")
    assert f"Error: {json.loads(as_json.out)['error']}\n" == ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train-args"], "Give the weights and --for with a trainer (sd-scripts, sd-scripts-toml"),
        (["train-args", WEIGHTS, "--family", "sd1"], "Give the weights and --for"),
        (["train-args", WEIGHTS, "--read", "mid_lr_weight=1"], "leave out one of them"),
        ([*FOR, "musubi"], "use --for sd-scripts or sd-scripts-toml"),
        ([*FOR, "sd-scripts", "--unet-lr", "nan"], "--unet-lr is nan"),
        ([*READ, "x.safetensors"], "There is no file 'x.safetensors'"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(blockweight, arguments, message):
    ended = blockweight(*arguments)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert message in ended.err


GROUPED = ("train-args", "--groups", "a=IN01-IN08,b=others", "--family", "sd1", "--for", "sd-scripts")


def test_each_level_of_some_groups_has_arguments_of_its_own(blockweight):
    ended = blockweight(*GROUPED, "--levels", "80, 43")
    lines = ended.out.splitlines()
    assert [line.startswith("# 80:1,0,0.8,") for line in lines[::2]] == [True, False]
    assert ["mid_lr_weight=0" in lines[1], "mid_lr_weight=0.3" in lines[3]] == [True, True]
    assert len(json.loads(blockweight(*GROUPED, "--levels", "80,43", "--json").out)) == 2
    assert json.loads(blockweight(*GROUPED, "--levels", "80", "--json").out)["weights"].startswith("80:1,0,0.8")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "--levels 876,654"),
        (("--levels", "876"), "no level of 2 groups"),
        (("--levels", "87,65", "--out", "a.txt"), "of one level"),
        (("1,0", "--levels", "87"), "either the weights or --groups"),
    ],
)
def test_levels_that_cannot_be_written_are_refused(blockweight, tmp_path, monkeypatch, more, says):
    monkeypatch.chdir(tmp_path)
    ended = blockweight(*GROUPED, *more)
    assert ended.code == 2
    assert says in ended.err
    assert tree(tmp_path) == {}
