"""Axes and labels in the language of a plot's page."""

from __future__ import annotations

import pytest
from plotting import Bench

from blockweight.project import Project
from blockweight.workflow.plots.axis_kinds import KINDS
from blockweight.workflow.plots.drawing import grid_of_plot
from blockweight.workflow.plots.label_words import axis_title, place_label


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_a_japanese_title_or_a_name_that_needs_none(kind):
    assert axis_title(kind.title, "ja") != kind.title or kind.title in ("LoRA", "VAE", "Clip skip", "Eta")


def test_what_is_typed_stays_as_it_is():
    assert place_label("red dress\nseed of doubt\nMODEL", "ja") == "red dress\nseed of doubt\nMODEL"
    assert axis_title("My own title", "ja") == "My own title"


def test_a_plots_axes_and_own_labels_are_in_its_language(tmp_path):
    bench = Bench(tmp_path)
    planned = bench.plan("weights=ALL,NONE", "te=0.5", y=("steps=4,5",), seeds="1,2", baseline="column")
    with Project(tmp_path / "project") as project:
        grid, plain = grid_of_plot(planned, project, "ja"), grid_of_plot(planned, project)
    assert (grid.x.name, grid.x.labels[:2]) == ("階層の重み, テキストエンコーダーでの強度", ("LoRAなし", "ALL"))
    assert (grid.y.name, grid.y.labels[0]) == ("ステップ数", "4\nシード 1")
    assert (plain.x.labels[0], plain.y.labels[0]) == ("no LoRA", "4\nseed 1")
    assert grid.infotext == plain.infotext


def test_a_prompt_that_reads_like_our_own_words_stays_as_it_is():
    assert place_label("no LoRA\nseed 5", "ja", ("prompt",)) == "no LoRA\nseed 5"
    assert place_label("no LoRA", "ja", ("prompt",), baseline=True) == "LoRAなし"
