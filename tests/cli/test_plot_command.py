"""`blockweight plot`, as a person types it."""

from __future__ import annotations

import json

import pytest

import workshop
from blockweight.render import FakeRenderer, unwatched

PROMPT = "1girl, red dress"


@pytest.fixture
def plot(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        about = ("--lora", locon, "--model", model, "--prompt", PROMPT, "--size", "32x24", "--steps", "4")
        return blockweight("plot", *about, "--out", "project", *arguments)

    return run


class Interrupted(FakeRenderer):
    """Ctrl-C after three pictures."""

    def render(self, jobs, finished=(), watch=unwatched):
        for rendering in super().render(jobs, finished, watch):
            if len(self.rendered) > 3:
                raise KeyboardInterrupt
            yield rendering


def test_a_plot_is_drawn_and_its_files_are_named(plot, tmp_path):
    ended = plot("--x", "weights=ALL,NONE", "--y", "steps=4,5", "--seeds", "1,2", "--write", "png", "--write", "webp")
    assert ended.code == 0, ended.err
    folder = tmp_path / "project" / "plot-01"
    assert ended.out.splitlines() == [f"written: project/plot-01/plot.{kind}" for kind in ("html", "png", "webp")]
    assert all((folder / f"plot.{kind}").stat().st_size for kind in ("html", "png", "webp"))
    assert len(list((tmp_path / "project" / "pictures").glob("*.png"))) == 8


def test_an_estimate_says_the_size_and_the_cost_and_writes_nothing(plot, tmp_path):
    ended = plot("--x", "steps=4-6", "--baseline", "row", "--estimate")
    assert ended.out.splitlines() == ["Plot:   3 columns × 2 rows", "Cost:   6 pictures, no time measured yet"]
    assert not (tmp_path / "project").exists()
    told = json.loads(plot("--x", "steps=4-6", "--estimate", "--json").out)
    assert told["plot"] == {"columns": 3, "rows": 1, "grids": 1, "cells": 3}
    assert told["cost"]["pictures"] == 3


def test_another_plot_takes_the_pictures_that_are_there(blockweight, plot):
    assert plot("--x", "steps=4,5").code == 0
    assert plot("--x", "steps=5,6", "--y", "cfg=7,8").code == 0
    assert len(blockweight.renderer.rendered) == 3


def test_after_ctrl_c_the_same_command_goes_on(blockweight, plot, tmp_path):
    arguments = ("--x", "steps=4-9")
    blockweight.use(Interrupted)
    assert plot(*arguments).code == 130
    blockweight.use(FakeRenderer)
    assert plot(*arguments).code == 0
    assert len(blockweight.renderer.rendered) == 6 - 3
    assert [path.name for path in (tmp_path / "project").glob("plot-*")] == ["plot-01"]


def test_a_grids_infotext_has_the_lora_its_weights_and_the_scenes(blockweight, plot, tmp_path):
    assert plot("--x", "weights=None,ALL,NONE", "--seeds", "1,2").code == 0
    page = tmp_path / "project" / "plot-01" / "plot.png"
    told = json.loads(blockweight("info", page, "--json").out)
    (info,) = told["pictures"]
    assert info["source"] == "Blockweight" and info["loras"][0]["name"] == "princess"
    assert info["X Type"] == "Block weights" and f"ALL:{','.join(['1'] * 26)}" in info["X Values"]
    assert (info["Y Type"], info["Y Values"]) == ("Scene", "seed 1,seed 2")
    refused = blockweight("again", page)
    assert refused.code != 0 and "a grid of several" in refused.err.replace("\n", " ")


def test_a_matrix_combinations_and_before_and_after_have_commands(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    coat = workshop.write_lora_file(tmp_path / "coat.safetensors", workshop.FULL.blocks, seed=2)
    base = ("--prompt", PROMPT, "--size", "32x24", "--steps", "4", "--estimate")
    for command, cells in (
        (("matrix", "--train-loras", f"{locon},{coat}", "--models", model), "2 columns × 1 rows"),
        (("combos", "--with", locon, "--with", f"{coat}", "--model", model), "3 columns × 3 rows"),
        (("before-after", "--lora", locon, "--model", model, "--against", "MIDD", "--fill", "0"), "3 columns × 1 rows"),
    ):
        ended = blockweight("plot", *command, *base)
        assert ended.code == 0, ended.err
        assert ended.out.splitlines()[0] == f"Plot:   {cells}"


def test_loras_and_models_are_found_by_name_in_folders_below_where_one_is(
    blockweight, locon, model, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    about = ("--model", model.name, "--prompt", f"{PROMPT} <lora:{locon.stem}:1>", "--x", "steps=4,5", "--estimate")
    for folder in (tmp_path, "."):
        ended = blockweight("plot", *about, "--folder", folder)
        assert ended.code == 0, ended.err


def test_a_projects_lora_is_plotted_in_its_scenes(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about = ("--lora", locon, "--model", model, "--prompt", PROMPT, "--seeds", "1-3", "--size", "32x24")
    assert blockweight("project", "new", "goblin", *about).code == 0
    ended = blockweight("plot", "--project", "goblin", "--x", "weights=ALL,NONE")
    assert ended.code == 0, ended.err
    assert (tmp_path / "goblin" / "plot-01" / "plot.html").is_file()
    assert "6 pictures" in ended.err
    refused = blockweight("plot", "--project", "goblin", "--model", model, "--x", "steps=1,2")
    assert refused.code != 0 and "leave --lora, --model, --prompt and --seeds out" in refused.err


def test_a_plot_that_has_an_eta_for_some_of_its_samplers_says_for_which_it_plays_no_part(plot):
    ended = plot("--x", "sampler=Euler a,Euler,Heun", "--eta", "0.5", "--estimate")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1] == "Note:   Eta plays no part with Euler, Heun."
    told = json.loads(plot("--x", "sampler=Euler a,Euler", "--eta", "0.5", "--estimate", "--json").out)
    assert told["notes"] == ["Eta plays no part with Euler."]
    assert "notes" not in json.loads(plot("--x", "sampler=Euler a,DDIM", "--eta", "0.5", "--estimate", "--json").out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "a single cell"),
        (("--x", "step=1,2"), "did you mean steps"),
        (("--x", "steps=1,2", "--y", "steps=3,4"), "steps stands on two axes"),
        (("--x", "steps=1,2", "--write", "gif"), "not written as 'gif'"),
        (("--x", "vae=none.safetensors,Automatic"), "neither a file"),
        (("--x", "weights=ALL,1,0"), "single number"),
        (("--x", "seed=1,2", "--seeds", "5"), "given by --seeds too"),
        (("--x", "steps=1,2", "--folder", "nowhere"), "There is no folder 'nowhere'"),
        (("--x", "steps=1,2", "--eta", "0.5"), "Eta plays no part with DPM++ 2M"),
        (("--x", "eta=0,0.5", "--y", "sampler=Euler,Heun"), "Eta plays no part with Euler, Heun"),
        (("--x", "steps=1,2", "--prompt", "a cat <lora:princess:1"), "not closed"),
    ],
)
def test_wrong_input_gets_one_sentence_and_nothing_is_written(plot, tmp_path, arguments, words):
    ended = plot(*arguments)
    assert ended.code != 0 and words in ended.err.replace("\n", " ")
    assert ended.err.count("Error:") == 1
    assert not (tmp_path / "project").exists()
