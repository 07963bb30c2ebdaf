"""What the commands print and write when all goes well."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer

import blockweight as package
from blockweight.cli.main import app
from blockweight.lora import open_lora
from blockweight.render import FakeRenderer, unwatched
from workshop import WEIGHTS, tree

SCENE = ("--prompt", "1girl", "--size", "32x24")


def commands(group=None, path=()):
    """Every command and group of the command line, by its words."""
    group = typer.main.get_command(app) if group is None else group
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_explains_itself(blockweight, path):
    ended = blockweight(*path, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: blockweight {' '.join(path)}".rstrip())
    assert "--help" in ended.out


def test_the_commands_are_the_steps_of_the_tutorial():
    assert {" ".join(path) for path in commands()} >= {
        "demo",
        "analyze",
        "round sub",
        "round sub-add",
        "round add",
        "round add-sub",
        "lora bake",
    }


def test_the_version_is_printed(blockweight):
    assert blockweight("--version").out == f"blockweight {package.__version__}\n"


def test_starting_up_loads_nothing_heavy():
    code = "import sys, blockweight.cli.main; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "blockweight.cli.rounds" in loaded
    heavy = {"torch", "diffusers", "transformers", "matplotlib", "scipy", "numpy", "PIL", "safetensors", "jinja2"}
    assert heavy.isdisjoint(loaded)


def test_an_analysis_prints_the_blocks_by_effect_and_names_its_files(blockweight, locon, model, tmp_path):
    out = tmp_path / "out"
    ended = blockweight("analyze", locon, "--model", model, *SCENE, "--blocks", "BASE,IN01", "--out", out)
    assert ended.code == 0
    head, first, second, *files = ended.out.splitlines()
    assert head.split() == ["block", "Diff", "%", "change", "(levels)", "suggestion"]
    assert {first.split()[0], second.split()[0]} == {"BASE", "IN01"}
    assert [line.removeprefix("written: ") for line in files if line.startswith("written: ")] == [
        str(out / "analysis-01" / name)
        for name in (
            "blocks-01-seed1.png",
            "blocks-02-seed2.png",
            "blocks-03-seed3.png",
            "effects.csv",
            "strips.svg",
            "ranking.svg",
            "seeds.svg",
            "report.html",
            "findings.json",
        )
    ]
    assert len(blockweight.renderer.rendered) == 3 * 3


def test_the_same_analysis_again_renders_nothing_and_prints_the_same(blockweight, locon, model, tmp_path):
    command = ("analyze", locon, "--model", model, *SCENE, "--blocks", "IN01", "--out", tmp_path / "out")
    first = blockweight(*command)
    again = blockweight(*command)
    assert again.out == first.out
    assert blockweight.renderer.rendered == []


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("sub", "Sub, SubIN01_0"),
        ("add", "Add, AddIN01_1"),
        ("sub-add", "Sub, SubIN01_0, Add, AddIN01_1"),
        ("add-sub", "Add, AddIN01_1, Sub, SubIN01_0"),
    ],
)
def test_a_round_prints_what_to_paste_and_writes_it_too(blockweight, locon, model, tmp_path, command, names):
    weights = f"Gobuhime:{WEIGHTS}"
    fixed = "BASE,IN00,IN02-OUT11"
    ended = blockweight(
        "round",
        command,
        locon,
        "--weights",
        weights,
        "--fixed",
        fixed,
        "--model",
        model,
        *SCENE,
        "--out",
        tmp_path / "out",
    )
    assert ended.code == 0
    *presets, prompt_sr = [line for line in ended.out.splitlines() if not line.startswith("written: ")]
    assert prompt_sr == names
    assert [line.partition(":")[0] for line in presets] == names.split(", ")
    assert presets[0].partition(":")[2] == WEIGHTS
    kind = command.replace("-", "")
    texts = tmp_path / "out" / f"round-01-{kind}"
    assert (texts / "presets.txt").read_text().splitlines() == presets
    assert (texts / "prompt-sr.txt").read_text() == f"{names}\n"


@pytest.mark.parametrize("prompt", ["-1girl", "--help", "ゴブ姫, (red:1.2)", "", "[bold]not markup[/bold]"])
def test_any_text_may_be_a_prompt(blockweight, locon, model, tmp_path, prompt):
    ended = blockweight(
        "analyze", locon, "--model", model, "--prompt", prompt, "--seeds", "1", "--size", "32x24",
        "--blocks", "IN01", "--out", tmp_path / "out",
    )  # fmt: skip
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    assert {job.scene.prompt for job in blockweight.renderer.rendered} == {prompt}


def test_the_helper_prints_the_sheet_as_json(blockweight):
    ended = blockweight("helper", f"Gobuhime:{WEIGHTS}", "--fixed", "BASE,IN00,IN02-OUT11", "--step", "0.5", "--json")
    assert (ended.code, ended.err) == (0, "")
    sheet = json.loads(ended.out)
    assert sorted(sheet) == ["add", "add_sub", "eba_blocks", "lr_weight", "sub", "sub_add", "weight"]
    assert sheet["sub_add"]["prompt_sr"] == "Sub, SubIN01_0, Add, AddIN01_1"
    assert [line.partition(":")[0] for line in sheet["sub"]["presets"]] == ["Sub", "SubIN01_0"]
    assert sheet["eba_blocks"] == "IN01"


def test_the_helper_prints_the_same_for_people(blockweight):
    ended = blockweight("helper", f"Gobuhime:{WEIGHTS}", "--fixed", "BASE,IN00,IN02-OUT11")
    assert ended.out.startswith(f"WEIGHT\nGobuhime:{WEIGHTS}\n\nSubWeights\nSub:{WEIGHTS}\nSubIN01_0:")
    assert "\nSubPromptSr\nSub, SubIN01_0\n" in ended.out


def test_weights_are_converted_and_what_was_filled_is_said_apart(blockweight):
    ended = blockweight("weights", "convert", "a:" + ",".join("1" * 17), "--to", "26", "--fill", "0")
    assert ended.out == "a:1,0,1,1,0,1,1,0,1,1,0,0,0,1,0,0,0,1,1,1,1,1,1,1,1,1\n"
    assert ended.err == "Filled: IN00, IN03, IN06, IN09, IN10, IN11, OUT00, OUT01, OUT02\n"


def test_weights_are_shown_by_name(blockweight):
    ended = blockweight("weights", "show", f"a:{WEIGHTS}")
    assert ended.out.splitlines()[0] == "sd1-26, read as vector"
    assert ended.out.splitlines()[2].split()[:4] == ["a", "1", "0", "0.5"]
    shown = json.loads(blockweight("weights", "show", f"a:{WEIGHTS}", "--json").out)
    assert (shown["notation"], shown["values"]["IN01"]) == ("vector", 0.5)


def test_negative_weights_may_begin_the_vector(blockweight, lora, tmp_path):
    ended = blockweight("lora", "bake", lora, "--weights", ",".join(["-1"] * 17), "--out", tmp_path / "x.safetensors")
    assert ended.code == 0
    assert '"text": "NONAME:-1,' in open_lora(tmp_path / "x.safetensors").header.metadata["blockweight.applied_weights"]


def test_baking_says_what_became_of_the_modules(blockweight, locon, tmp_path):
    ended = blockweight("lora", "bake", locon, "--weights", f"Gobuhime:{WEIGHTS}")
    assert (ended.code, ended.err) == (0, "")
    lines = dict(line.split(":", 1) for line in ended.out.splitlines())
    assert lines["Baked"].strip() == str(tmp_path / "princess_1.0_Gobuhime.safetensors")
    assert lines["Weights"].strip() == f"Gobuhime:{WEIGHTS}"
    assert lines["Modules"].strip() == "9 copied, 11 scaled, 6 dropped"
    assert "Filled" not in lines


def test_baking_a_short_vector_names_the_filled_blocks(blockweight, locon):
    ended = blockweight("lora", "bake", locon, "--weights", ",".join(["0.5"] * 17), "--fill", "0")
    assert "Filled:   IN00, IN03, IN06, IN09, IN10, IN11, OUT00, OUT01, OUT02" in ended.out.splitlines()


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(blockweight, locon, model, tmp_path):
    class Interrupted(FakeRenderer):
        def render(self, jobs, finished=(), watch=unwatched):
            yield from list(super().render(jobs[:2], finished, watch))
            raise KeyboardInterrupt

    command = ("analyze", locon, "--model", model, *SCENE, "--blocks", "IN01-IN03", "--out", tmp_path / "out")
    blockweight.use(Interrupted)
    ended = blockweight(*command)
    assert ended.code == 130
    assert ended.err.splitlines()[-1] == (
        "Stopped. What is finished is kept, and nothing is half-written; run the same command to go on."
    )
    assert len(tree(tmp_path / "out" / "pictures")) == 2
    blockweight.use(FakeRenderer)
    assert blockweight(*command).code == 0
    assert len(blockweight.renderer.rendered) == 3 * 4 - 2


def test_weights_are_read_from_standard_input_in_any_notation(blockweight):
    row = "\t".join(["ゴブ姫", *WEIGHTS.split(",")])
    ended = blockweight("weights", "convert", "-", "--to", "tag", stdin=row.encode())
    assert ended.out == f"<lora:ゴブ姫:1:lbw={WEIGHTS}>\n"


def test_weights_are_compared_and_mixed(blockweight):
    ones = ",".join(["1"] * 26)
    assert blockweight("weights", "diff", f"a:{WEIGHTS}", ones).out.splitlines()[1].split() == ["IN00*", "0", "1", "+1"]
    mixed = blockweight("weights", "interpolate", f"a:{ones}", f"b:{WEIGHTS}", "--at", "0.5").out
    assert mixed.startswith("a-b_0.5:1,0.5,0.75,1,")
    assert json.loads(blockweight("weights", "average", ones, ones, "--json").out)[0]["name"] == "Average"


def test_the_helper_says_what_to_paste_into_the_webui(blockweight):
    facts = json.loads(blockweight("helper", f"G:{WEIGHTS}", "--prompt", "1girl <lora:g:1:XYZ>", "--json").out)
    steps = facts["webui"]
    assert [steps[step]["prompt"] for step in ("xyz", "all", "sub", "add")] == [
        f"1girl <lora:g:1:lbw={name}>" for name in ("XYZ", "ALL", "Sub", "Add")
    ]
    setting = steps["sub"]["weights_setting"].splitlines()
    assert setting[0] == f"Sub:{WEIGHTS}"
    assert setting[-2:] == ["ALL:" + ",".join(["1"] * 26), f"G:{WEIGHTS}"]
    assert steps["all"]["prompt_sr"] == "ALL, G"


def test_python_runs_the_package_as_the_command():
    ended = subprocess.run([sys.executable, "-m", "blockweight", "blocks", "--list"], capture_output=True, check=True)
    assert b"sdxl" in ended.stdout
