"""What can stand on a plot's axes, and what it changes."""

from __future__ import annotations

import pytest
from PIL import Image
from plotting import Bench

from blockweight.errors import BlockweightError
from blockweight.workflow.plots.axes import axis_of
from blockweight.workflow.plots.axis_kinds import KINDS, find_kind


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("axis", "seen", "labels"),
    [
        ("steps=10,20", lambda job: job.scene.steps, [10, 20]),
        ("cfg=4-6", lambda job: job.scene.cfg_scale, [4, 5, 6]),
        ("seed=3,5-6", lambda job: job.scene.seed, [3, 5, 6]),
        ("size=32x24,64x64", lambda job: job.scene.width, [32, 64]),
        ("clip-skip=1,2", lambda job: job.scene.clip_skip, [1, 2]),
        ("strength=0.5,1", lambda job: job.lora.strength, [0.5, 1]),
        ("te=0,0.5", lambda job: job.lora.in_texts, [0, 0.5]),
        ("unet=0,0.5", lambda job: job.lora.strength, [0, 0.5]),
        ("start=1,3", lambda job: job.lora.start, [1, 3]),
        ("stop=2,4", lambda job: job.lora.stop, [2, 4]),
        ("eta=0,0.5", lambda job: job.scene.eta, [0, 0.5]),
        ("variation=0.1,0.2", lambda job: job.scene.variation_strength, [0.1, 0.2]),
        ("hires-upscaler=Latent,Lanczos", lambda job: job.scene.hires.upscaler, ["Latent", "Lanczos"]),
        ("sampler=Euler,DPM++ 2M Karras", lambda job: job.scene.sampler_name, ["Euler", "DPM++ 2M Karras"]),
        ("scheduler=Karras,Exponential", lambda job: job.scene.scheduler, ["Karras", "Exponential"]),
        ("lora=princess,coat", lambda job: job.lora.path.rpartition("/")[2][:4], ["prin", "coat"]),
        ("weights=ALL,NONE", lambda job: job.variant.weights.values[3], [1, 0]),
        ("prompt=a hat\na coat", lambda job: job.scene.prompt, ["a hat", "a coat"]),
        ("negative=a hat\na coat", lambda job: job.scene.negative_prompt, ["a hat", "a coat"]),
        ("sr=red,blue", lambda job: job.scene.prompt, ["1girl, red dress", "1girl, blue dress"]),
    ],
)
def test_a_value_changes_what_it_is_called(bench, axis, seen, labels):
    assert [seen(job) for job in bench.row(axis)] == labels


@pytest.mark.parametrize(
    ("axis", "seen", "values"),
    [
        ("hires-steps=2,3", lambda job: job.scene.hires.steps, [2, 3]),
        ("denoise=0.5,0.7", lambda job: job.scene.hires.denoising, [0.5, 0.7]),
    ],
)
def test_an_axis_of_the_hires_pass_needs_one(bench, axis, seen, values):
    plan = bench.plan(axis, y=("hires-upscaler=Latent",))
    assert [seen(job) for job in plan.jobs[0][0]] == values
    with pytest.raises(BlockweightError, match="There is no hires pass"):
        bench.plan(axis)


def test_te_counts_beside_the_strength_of_another_axis_whichever_comes_first(bench):
    for plan in (
        bench.plan("te=0,0.5", y=("strength=0.8,1",)).jobs[0],
        tuple(zip(*bench.plan("strength=0.8,1", y=("te=0,0.5",)).jobs[0], strict=True)),
    ):
        assert [[(job.lora.in_texts, job.lora.strength) for job in row] for row in plan] == [
            [(0, 0.8), (0.5, 0.8)],
            [(0, 1), (0.5, 1)],
        ]


def test_lines_of_a_file_are_read_like_values(bench, tmp_path):
    (tmp_path / "values.txt").write_text("\ufeff1-3\n7\n", "utf-8")
    assert [job.scene.seed for job in bench.row(f"seed=@{tmp_path / 'values.txt'}")] == [1, 2, 3, 7]
    (tmp_path / "bad.txt").write_text("first\n", "utf-8")
    with pytest.raises(BlockweightError, match="is not a seed"):
        bench.row(f"seed=@{tmp_path / 'bad.txt'}")


def test_the_webuis_and_lora_block_weights_names_are_known():
    others = ("Checkpoint name", "Prompt S/R", "Original Weights", "Block ID", "values", "CFG Scale", "CFG_SCALE")
    assert [find_kind(name).name for name in others] == ["model", "sr", "weights", "blocks", "values", "cfg", "cfg"]
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(BlockweightError, match="did you mean steps"):
        axis_of(["step=1,2"])


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["steps"], "is no axis"),
        (["steps="], "has no values"),
        (["steps=1,2", "cfg=1,2,3"], "as many values each"),
        (["steps=1,2", "steps=3,4"], "the same kind"),
        (["weights=ALL,1,0,0.5"], "single number"),
    ],
)
def test_other_axes_are_refused(texts, words):
    with pytest.raises(BlockweightError, match=words):
        axis_of(texts)


@pytest.mark.parametrize(
    "axis",
    [
        "steps=0",
        "cfg=0",
        "clip-skip=0",
        "clip-skip=13",
        "strength=much",
        "start=first",
        "sampler=Oiler",
        "denoise=2",
        "size=1",
    ],
)
def test_a_value_that_is_none_is_refused_with_its_cell(bench, axis):
    with pytest.raises(BlockweightError, match="In the cell"):
        bench.plan(axis, seeds="1,2")


def test_kinds_that_are_given_for_one_axis_move_together(bench):
    jobs = bench.row("lora=princess,coat", "strength=0.8,0.6", "steps=3")
    assert [(job.lora.path[-20:], job.lora.strength, job.scene.steps) for job in jobs] == [
        (str(bench.princess)[-20:], 0.8, 3),
        (str(bench.coat)[-20:], 0.6, 3),
    ]
    axis = axis_of(["lora=princess,coat", "strength=0.8,0.6", "steps=3"])
    assert [place.label for place in axis.places] == ["princess\n0.8", "coat\n0.6"]
    assert axis.title == "LoRA, LoRA strength, Steps"


def test_values_come_from_a_file_too(bench, tmp_path):
    (tmp_path / "prompts.txt").write_text("a hat, red\n\na coat\n", "utf-8")
    jobs = bench.row(f"prompt=@{tmp_path / 'prompts.txt'}")
    assert [job.scene.prompt for job in jobs] == ["a hat, red", "a coat"]


def test_what_is_searched_is_searched_in_the_prompts_of_another_axis(bench):
    plan = bench.plan("sr=red,blue", y=("prompt=red hat\nred coat",))
    assert [[job.scene.prompt for job in row] for row in plan.jobs[0]] == [
        ["red hat", "blue hat"],
        ["red coat", "blue coat"],
    ]


def test_what_is_searched_may_stand_in_a_tag(bench):
    jobs = bench.row("sr=:1:ALL,:0.5:ALL", prompt="1girl <lora:princess:1:ALL>")
    assert [job.lora.strength for job in jobs] == [1.0, 0.5]


def test_a_picture_is_drawn_over_by_the_strength_of_another_axis(bench, tmp_path):
    Image.new("RGB", (32, 24)).save(tmp_path / "a.png")
    plan = bench.plan("denoise=0.2,0.4", y=(f"init-image={tmp_path / 'a.png'}",))
    assert [job.scene.start.denoising for job in plan.jobs[0][0]] == [0.2, 0.4]


def test_files_are_called_without_folder_and_ending():
    axis = axis_of(["model=/models/anime/b.safetensors,C:\\models\\a.safetensors"])
    assert [place.label for place in axis.places] == ["b", "a"]


def test_weights_are_called_by_their_name():
    axis = axis_of(["weights=ALL;Mine:1,0,0.5;IN01=0.5"])
    assert [place.label for place in axis.places] == ["ALL", "Mine", "IN01=0.5"]


def test_tags_are_called_by_file_strength_and_the_name_of_their_weights():
    axis = axis_of(['tag=None,<lora:coat:1>,<lora:coat:0.7:lbw=MIDD>,"<lora:coat:0.7:lbw=1,0,0.5>"'])
    assert [place.label for place in axis.places] == ["None", "coat", "coat 0.7\nMIDD", "coat 0.7"]
