"""A plot put together on a page: what is read of each chip, what is said at it, and what it must not reach."""

from __future__ import annotations

import pytest
from projects import make

from blockweight.workflow import tuning as acts
from blockweight.workflow.plots.builder import TypedBuilder, TypedChip, read_builder
from blockweight.workflow.plots.palette import KINDS, palette_of
from blockweight.workflow.settings import Settings, save_settings
from workshop import write_model


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


def chip(kind, text="", *chosen):
    return TypedChip(kind, text, chosen)


def read(tuning, *slots, **more):
    every = (*(slot if isinstance(slot, tuple) else (slot,) for slot in slots), (), (), ())[:3]
    return read_builder(tuning, TypedBuilder(every, **more), palette_of(tuning))


def errors(built):
    return [chip.error for slot in built.chips for chip in slot]


def test_chips_become_a_plot_of_the_projects_lora_in_its_scenes(tuning):
    built = read(tuning, chip("steps", "2-6 (+2)"), chip("weights", "no LoRA\nALL\ncurrent"))
    assert built.error == ""
    assert [each.labels for slot in built.chips for each in slot] == [("2", "4", "6"), ("no LoRA", "ALL", "current")]
    planned = built.planned
    assert (len(planned.jobs[0]), len(planned.jobs[0][0])) == (6, 3)
    assert {job.scene.seed for row in planned.jobs[0] for job in row} == {1, 2}
    assert planned.jobs[0][2][0].lora.digest == tuning.state().lora.digest


def test_the_current_weights_keep_what_no_text_has(tuning):
    acts.set_weights(tuning, tuning.state().weights.text(), rest=0.5)
    built = read(tuning, chip("weights", "no LoRA\ncurrent"))
    assert built.planned.jobs[0][0][1].variant.weights.rest == 0.5


def test_a_round_stands_for_its_variants_and_leaves_fixed_blocks_alone(tuning):
    acts.fix(tuning, "NOT IN01,IN02")
    built = read(tuning, chip("weights", "round sub 0.25"))
    labels = built.chips[0][0].labels
    assert [label for label in labels if "IN0" in label] == ["SubIN01_0.75", "SubIN02_0.75"]


def test_chips_in_one_slot_move_together(tuning):
    built = read(tuning, (chip("steps", "2,4"), chip("cfg", "3,7")))
    assert [(job.scene.steps, job.scene.cfg_scale) for job in built.planned.jobs[0][0]] == [(2, 3.0), (4, 7.0)]
    assert built.planned.ask.x.title == "Steps, CFG scale"
    assert built.planned.ask.x.places[1].label == "Steps: 4\nCFG scale: 7"


def test_scenes_that_differ_only_in_what_stands_on_an_axis_are_drawn_once(tuning):
    built = read(tuning, chip("seed", "7-9"))
    assert [[job.scene.seed for job in row] for row in built.planned.jobs[0]] == [[7, 8, 9]]
    assert [row.label for row in built.planned.rows] == [""]
    assert [row.label for row in read(tuning, chip("steps", "2,4")).planned.rows] == ["seed 1", "seed 2"]
    assert [row.label for row in read(tuning, chip("steps", "2,4"), scenes=(2,)).planned.rows] == [""]


def test_blocks_are_set_to_values_on_two_axes(tuning):
    built = read(tuning, chip("blocks", "IN01, IN02-IN03"), chip("values", "0, 0.5"), scenes=(1,))
    assert [[job.variant.weights.weight("IN02") for job in row] for row in built.planned.jobs[0]] == [[1, 0], [1, 0.5]]


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ((chip("steps", "10,x"),), [r"'x'"]),
        ((chip("weights", "ALL\n1,2"),), ["length 2"]),
        ((chip("weights", "hint Nobody\nALL"),), ["Nobody"]),
        ((chip("sr", "no such text, cat"),), ["no such text"]),
        (((chip("steps", "2,4,6"), chip("cfg", "3,7")),), ["", "here are 2 beside 3"]),
        (((chip("steps", "2"), chip("steps", "3")),), ["", "in this slot already"]),
        ((chip("steps", "2,4"), chip("steps", "3,5")), ["", "in another slot already"]),
        ((chip("blocks", "IN01, IN02"),), ["need weights to be set to"]),
        ((chip("values", "0, 1"),), ["need blocks"]),
        ((chip("control-weight", "0, 1"),), ["there is none"]),
        ((chip("steps", "2,4"), chip("lora", "", "/etc/passwd")), ["", "not in the folders"]),
        ((chip("model", "", "/etc"),), ["not in the folders"]),
    ],
)
def test_what_is_wrong_is_said_at_its_chip(tuning, slots, said):
    built = read(tuning, *slots)
    found = errors(built)
    assert built.planned is None
    assert [words in each if words else each == "" for words, each in zip(said, found, strict=True)] == [True] * len(
        said
    )
    assert built.reason == next(filter(None, found))


def test_chips_that_are_of_use_together_alone_are_tried_together(tuning):
    built = read(tuning, chip("hires-steps", "2, 4"), chip("hires-upscaler", "", "Latent", "Lanczos"))
    assert (errors(built), built.error) == (["", ""], "")


def test_a_chip_without_values_waits_and_says_nothing(tuning):
    built = read(tuning, chip("sampler"))
    assert (built.chips[0][0].empty, errors(built), built.planned) == (True, [""], None)
    assert "no values yet" in built.reason


def test_nothing_to_compare_is_refused(tuning):
    assert "a single picture" in read(tuning, scenes=(1,)).error
    assert "20000" in read(tuning, chip("seed", "1-1000"), chip("cfg", "1-21")).error


def test_no_value_is_read_from_a_file(tuning, tmp_path):
    (tmp_path / "secret.txt").write_text("one\ntwo\n")
    built = read(tuning, chip("prompt", f"@{tmp_path / 'secret.txt'}"))
    assert "secret.txt" in built.chips[0][0].labels[0]


def test_a_tag_names_no_path(tuning, locon):
    built = read(tuning, chip("prompt", f"cat <lora:{locon}:1>\ndog"))
    assert "neither a file nor in the folders" in errors(built)[0]


def test_models_of_the_settings_folders_can_be_chosen(tuning, tmp_path):
    save_settings(Settings(models=(tmp_path / "models",)))
    other = write_model(tmp_path / "models" / "other", b"other weights")
    built = read(tuning, chip("model", "", str(other)))
    assert {job.scene.checkpoint.path for row in built.planned.jobs[0] for job in row} == {str(other)}


def test_every_kind_of_the_palette_can_be_read(tuning):
    for kind in KINDS:
        built = read(tuning, chip(kind.name, kind.first)) if kind.first else read(tuning, chip(kind.name))
        assert len(built.chips[0]) == 1
