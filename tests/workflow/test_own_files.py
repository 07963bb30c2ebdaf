"""Analyses and rounds on a person's own files, with the fake renderer."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Job, LoraUse, Variant
from blockweight.project import Project
from blockweight.render import FakeRenderer, fake_picture
from blockweight.weights import uniform
from blockweight.workflow.analysis.own_lora import Typed, analyse_lora
from blockweight.workflow.analysis.written import GridLook
from blockweight.workflow.folders import result_folder
from blockweight.workflow.own_files import load_mask, parse_range, round_file
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.tune import NO_LORA
from blockweight.workflow.workbench import Workbench, jobs_of
from workshop import FULL, SCENE, SHORT, WEIGHTS, RecordedProgress, tree, write_lora_file

SCENES = [SCENE, replace(SCENE, seed=2)]


class Never(FakeRenderer):
    def __init__(self):
        raise AssertionError("a renderer was made")


def run_analysis(lora, folder, make_renderer=FakeRenderer, progress=None, scenes=SCENES, **options):
    look = GridLook(**{name: options.pop(name) for name in ("colour", "change_xy") if name in options})
    masks = (options.pop("mask"),) if "mask" in options else ()
    typed = Typed(masks=masks, **options)
    findings, written = analyse_lora(lora, scenes, folder, make_renderer, progress or SilentProgress(), typed, look)
    return findings, written.files


def run_round(lora, folder, make_renderer=FakeRenderer, scenes=SCENES, **options):
    options = {
        "kind": "Sub",
        "weights": f"Gobuhime:{WEIGHTS}",
        "fixed": "IN02-OUT11",
        "step": 0.5,
        "fill": None,
        "rest": 1.0,
        "strength": 1.0,
    } | options
    return round_file(lora, scenes, folder, make_renderer, SilentProgress(), **options)


@pytest.mark.parametrize(("text", "pair"), [("0.5,1", (0.5, 1)), (" 0 , 1 ", (0, 1)), ("-1,1", (-1, 1))])
def test_a_range_is_the_weight_under_test_and_that_of_the_others(text, pair):
    assert parse_range(text) == pair


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.5", "two weights"),
        ("", "two weights"),
        ("0,0.5,1", "two weights"),
        ("1,1", "with itself"),
        ("a,1", "not a number"),
    ],
)
def test_another_range_is_refused(text, words):
    with pytest.raises(BlockweightError, match=words):
        parse_range(text)


@given(st.text())
def test_any_range_gives_two_different_weights_or_a_refusal(text):
    try:
        value, base = parse_range(text)
    except BlockweightError:
        return
    assert value != base


def save_mask(path, array, mode="L"):
    Image.fromarray(array).convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
def test_a_mask_is_true_where_the_picture_is_light(tmp_path, mode):
    array = np.zeros((24, 32), np.uint8)
    array[:10, :5] = 255
    mask = load_mask(save_mask(tmp_path / "mask.png", array, mode), 32, 24)
    assert mask.dtype == bool
    assert np.array_equal(mask, array > 0)


def test_a_mask_of_16_bits_is_read_in_full(tmp_path):
    array = np.zeros((24, 32), np.uint16)
    array[:10], array[10:] = 40_000, 2_000
    Image.fromarray(array).save(tmp_path / "deep.png")
    assert np.array_equal(load_mask(tmp_path / "deep.png", 32, 24), array > 32767)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.png", r"cannot be read \(No such file or directory\); give a PNG"),
        ("text.png", r"cannot be read \(UnidentifiedImageError\); give a PNG"),
        ("turned.png", "has 24×32 pixels, the pictures have 32×24"),
        ("black.png", "is of one colour"),
        ("white.png", "is of one colour"),
        ("cut.png", "cannot be read"),
    ],
)
def test_another_mask_is_refused(tmp_path, name, words):
    (tmp_path / "text.png").write_text("not a picture")
    noise = np.random.default_rng(1).integers(0, 255, (24, 32), np.uint8)
    save_mask(tmp_path / "turned.png", noise.T.copy())
    save_mask(tmp_path / "black.png", np.zeros((24, 32), np.uint8))
    save_mask(tmp_path / "white.png", np.full((24, 32), 255, np.uint8))
    whole = save_mask(tmp_path / "cut.png", noise).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BlockweightError, match=words):
        load_mask(tmp_path / name, 32, 24)


def test_a_mask_too_large_for_pillow_is_refused(tmp_path, monkeypatch):
    path = save_mask(tmp_path / "huge.png", np.eye(32, dtype=np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(BlockweightError, match="cannot be read"):
        load_mask(path, 32, 24)


def test_every_block_of_the_lora_is_analysed_in_every_scene(lora, tmp_path):
    analysis, files = run_analysis(lora, tmp_path / "out")
    assert tuple(effect.block for effect in analysis.table.effects("diff")) == SHORT.blocks
    assert all(len(effect.samples) == 2 for effect in analysis.table.effects("diff"))
    assert [file.relative_to(tmp_path / "out").as_posix() for file in files] == [
        "analysis-01/blocks-01-seed1-1of2.png",
        "analysis-01/blocks-01-seed1-2of2.png",
        "analysis-01/blocks-02-seed2-1of2.png",
        "analysis-01/blocks-02-seed2-2of2.png",
        "analysis-01/effects.csv",
        "analysis-01/strips.svg",
        "analysis-01/ranking.svg",
        "analysis-01/seeds.svg",
        "analysis-01/report.html",
        "analysis-01/findings.json",
    ]
    assert all(file.is_file() for file in files)


def test_the_table_holds_each_block_in_each_scene_as_the_pictures_say(lora, tmp_path):
    analysis, files = run_analysis(lora, tmp_path / "out", blocks="IN01,M00")
    table = next(file for file in files if file.name == "effects.csv")
    rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"))))
    assert [(row["block"], row["seed"]) for row in rows] == [("IN01", "1"), ("IN01", "2"), ("M00", "1"), ("M00", "2")]
    # The fake renderer paints 26 stripes over 32 columns: IN01's is the third, columns 2 (64 // 26) to 3 (96 // 26).
    source, changed = (uniform("", FULL, 1.0), uniform("", FULL, 1.0).with_weights({"IN01": 0.5}))
    use = LoraUse(str(lora), open_lora(lora).digest)
    source, changed = (fake_picture(Job(SCENE, use, Variant("", weights))) for weights in (source, changed))
    difference = np.abs(source.astype(int) - changed)
    assert difference[:, 2].any()
    assert not difference[:, :2].any() and not difference[:, 3:].any()
    assert analysis.table.samples("change", "IN01")[0] == difference.mean()
    assert float(rows[0]["change"]) == pytest.approx(difference.mean(), abs=1e-6)


def test_the_source_and_equal_pictures_are_rendered_once(lora, tmp_path):
    renderer = FakeRenderer()
    run_analysis(lora, tmp_path / "out", lambda: renderer, blocks="IN01-IN05")
    assert len(renderer.rendered) == 2 * (1 + 4)  # a standard LoRA has no IN03
    assert len({made.key for made in renderer.rendered}) == len(renderer.rendered)


def test_with_a_mask_inside_and_outside_are_measured_and_drawn(locon, tmp_path):
    array = np.zeros((24, 32), np.uint8)
    array[:, :16] = 255
    mask = save_mask(tmp_path / "mask.png", array)
    analysis, files = run_analysis(locon, tmp_path / "out", mask=mask)
    by_block = {effect.block: effect for effect in analysis.table.block_effects()}
    assert by_block["BASE"].inside.mean > 0 == by_block["BASE"].outside.mean
    assert by_block["OUT11"].outside.mean > 0 == by_block["OUT11"].inside.mean
    assert "inside-outside.svg" in {file.name for file in files}


def test_the_second_run_renders_nothing_and_ends_with_the_same_files_and_log(lora, tmp_path):
    run_analysis(lora, tmp_path / "out")
    before = tree(tmp_path / "out" / "analysis-01")
    with Project(tmp_path / "out") as project:
        log = list(project.log.read())
    renderer = FakeRenderer()
    run_analysis(lora, tmp_path / "out", lambda: renderer)
    assert renderer.rendered == []
    assert tree(tmp_path / "out" / "analysis-01") == before
    with Project(tmp_path / "out") as project:
        assert list(project.log.read()) == log


def test_progress_counts_distinct_pictures_and_begins_where_the_project_stands(lora, tmp_path):
    first, second, third = RecordedProgress(), RecordedProgress(), RecordedProgress()
    run_analysis(lora, tmp_path / "out", blocks="IN01", progress=first)
    run_analysis(lora, tmp_path / "out", blocks="IN01,IN02", progress=second)
    run_analysis(lora, tmp_path / "out", blocks="IN01,IN02", progress=third)
    assert first.tasks == [["Analysing the blocks", 4, 0, 4]]
    assert second.tasks == [["Analysing the blocks", 6, 4, 2]]
    assert third.tasks == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"blocks": "IN99"}, "There is no block 'IN99'"),
        ({"blocks": ","}, "names no block"),
        ({"weight_range": "0.5"}, "must be two weights"),
        ({"mask": "none.png"}, "cannot be read"),
    ],
)
def test_a_wrong_option_is_refused_before_a_renderer_or_a_project_is_made(lora, tmp_path, options, words):
    if "mask" in options:
        options = {"mask": tmp_path / options["mask"]}
    with pytest.raises(BlockweightError, match=words):
        run_analysis(lora, tmp_path / "out", Never, **options)
    assert not (tmp_path / "out").exists()


class Refusing(FakeRenderer):
    def check(self, jobs):
        raise BlockweightError(f"{len(jobs)} jobs are too many")


def test_what_the_renderer_refuses_is_refused_before_a_project_is_made(lora, tmp_path):
    with pytest.raises(BlockweightError, match="36 jobs are too many"):
        run_analysis(lora, tmp_path / "out", Refusing)
    with pytest.raises(BlockweightError, match="jobs are too many"):
        run_round(lora, tmp_path / "out", Refusing, fixed="IN02-OUT11")
    assert not (tmp_path / "out").exists()


def test_a_round_is_rendered_beside_the_pictures_without_the_lora(locon, tmp_path):
    rendered, files = run_round(locon, tmp_path / "out")
    assert [planned.variant.label for planned in rendered.plan.variants] == [
        "Sub",
        "SubBASE_0.5",
        "SubIN00_-0.5",
        "SubIN01_0",
    ]
    assert len(rendered.pictures) == len(rendered.without) == 2
    (job,) = jobs_of(open_lora(locon), 1.0, SCENES[:1], [NO_LORA])
    assert np.array_equal(rendered.without[0], fake_picture(job))
    assert [file.name for file in files] == ["grid.png", "presets.txt", "prompt-sr.txt"]
    assert files[1].read_text().splitlines() == rendered.plan.presets()
    assert files[2].read_text() == "Sub, SubBASE_0.5, SubIN00_-0.5, SubIN01_0\n"


def test_the_grid_has_a_row_per_scene_and_a_column_per_variant(locon, tmp_path):
    rendered, _ = run_round(locon, tmp_path / "out")
    boxes = rendered.grid().boxes
    assert (len(boxes), len(boxes[0])) == (2, 5)


def test_blocks_that_the_lora_lacks_are_not_moved(tmp_path):
    lora = write_lora_file(tmp_path / "small.safetensors", ["IN01", "M00"])
    rendered, _ = run_round(lora, tmp_path / "out", fixed="")
    assert rendered.plan.prompt_sr() == "Sub, SubIN01_0, SubM00_0.5"


def test_a_round_without_free_blocks_is_refused(locon, tmp_path):
    with pytest.raises(BlockweightError, match="Every block is fixed"):
        run_round(locon, tmp_path / "out", Never, fixed="BASE-OUT11")
    assert not (tmp_path / "out").exists()


def test_a_round_is_a_fact_of_the_project(locon, tmp_path):
    rendered, _ = run_round(locon, tmp_path / "out")
    with Project(tmp_path / "out") as project:
        fact = project.log.latest("round").body
    assert (fact["kind"], fact["presets"]) == ("Sub", rendered.plan.presets())
    assert fact["fixed"] == list(FULL.blocks[3:])


def test_every_round_of_a_project_has_a_folder_of_its_own(locon, tmp_path):
    _, first = run_round(locon, tmp_path / "out")
    _, second = run_round(locon, tmp_path / "out", step=0.25)
    _, other = run_round(locon, tmp_path / "out", scenes=SCENES[:1])
    _, again = run_round(locon, tmp_path / "out")
    assert [files[0].parent.name for files in (first, second, other)] == [
        "round-01-sub",
        "round-02-sub",
        "round-03-sub",
    ]
    assert again == first


def test_every_analysis_of_a_project_has_a_folder_of_its_own(lora, tmp_path):
    folders = []
    for options in ({}, {"blocks": "IN01"}, {"threshold": 30}, {"scenes": SCENES[:1]}, {}):
        _, files = run_analysis(lora, tmp_path / "out", **options)
        folders.append(files[0].parent.name)
    assert folders == ["analysis-01", "analysis-02", "analysis-03", "analysis-04", "analysis-01"]


def test_a_lost_log_does_not_let_results_be_overwritten(lora, tmp_path):
    _, first = run_analysis(lora, tmp_path / "out", blocks="IN01")
    before = tree(first[0].parent)
    for file in (tmp_path / "out").glob("project.sqlite*"):
        file.unlink()
    _, second = run_analysis(lora, tmp_path / "out", blocks="IN01", threshold=30)
    assert second[0].parent.name == "analysis-02"
    assert tree(first[0].parent) == before


def test_the_results_say_what_they_were_made_from(locon, tmp_path):
    _, files = run_round(locon, tmp_path / "out", rest=0.25)
    settings = json.loads((files[0].parent / "settings.json").read_text(encoding="utf-8"))
    assert (settings["rest"], settings["lora"]["file"], settings["lora"]["strength"]) == (0.25, locon.name, 1.0)
    assert [scene["seed"] for scene in settings["scenes"]] == [1, 2]
    assert settings["scenes"][0]["prompt"] == SCENE.prompt


def test_processes_at_once_never_share_a_folder_for_different_results(tmp_path):
    with ProcessPoolExecutor(8) as pool:
        folders = list(pool.map(_folder, [tmp_path] * 16, range(16)))
    assert len(set(folders)) == 16
    assert [_folder(tmp_path, number) for number in range(16)] == folders


def _folder(project, number):
    return result_folder(project, "analysis", {"number": number})


def test_the_threshold_counts_for_the_figures(lora, tmp_path):
    low, _ = run_analysis(lora, tmp_path / "out", blocks="IN01", threshold=0)
    high, _ = run_analysis(lora, tmp_path / "out", blocks="IN01", threshold=255)
    assert low.table.samples("diff", "IN01")[0] > 0 == high.table.samples("diff", "IN01")[0]


@pytest.mark.parametrize("run", [run_analysis, run_round], ids=["analysis", "round"])
def test_the_strength_reaches_the_renderer(lora, tmp_path, run):
    renderer = FakeRenderer()
    run(lora, tmp_path / "out", lambda: renderer, strength=0.3, **({"fill": 0.0} if run is run_round else {}))
    assert {made.lora.strength for made in renderer.rendered} == {0.3}


def test_the_weight_of_the_modules_outside_all_blocks_reaches_the_renderer(locon, tmp_path):
    renderer = FakeRenderer()
    run_round(locon, tmp_path / "out", lambda: renderer, rest=0.25)
    assert {made.variant.weights.rest for made in renderer.rendered if made.variant.weights} == {0.25}


@pytest.mark.parametrize("option", [{"colour": "white"}, {"change_xy": False}])
def test_the_grid_is_drawn_as_asked(lora, tmp_path, option):
    _, plain = run_analysis(lora, tmp_path / "a", blocks="IN01")
    _, other = run_analysis(lora, tmp_path / "b", blocks="IN01", **option)
    with Image.open(plain[0]) as first, Image.open(other[0]) as second:
        assert first.size != second.size or not np.array_equal(np.asarray(first), np.asarray(second))


def test_what_stands_in_the_way_is_left_alone(lora, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "analysis-01").write_text("a file in the way")
    _, files = run_analysis(lora, tmp_path / "out", blocks="IN01")
    assert files[0].parent.name == "analysis-02"
    assert (tmp_path / "out" / "analysis-01").read_text() == "a file in the way"


def test_results_that_cannot_be_written_are_one_sentence(lora, tmp_path):
    _, files = run_analysis(lora, tmp_path / "out", blocks="IN01")
    files[0].unlink()
    files[0].mkdir()
    with pytest.raises(BlockweightError, match=r"could not be written .*; free the place or choose another"):
        run_analysis(lora, tmp_path / "out", blocks="IN01")


def test_the_workbench_gives_a_row_of_pictures_per_scene_and_renders_equal_jobs_once(lora, tmp_path):
    renderer, opened = FakeRenderer(), open_lora(lora)
    variants = [NO_LORA, *(Variant(label, uniform(label, FULL, value)) for label, value in (("a", 0.5), ("b", 0.5)))]
    with Project(tmp_path / "out") as project:
        rows = Workbench(project, renderer, opened, SilentProgress()).pictures("Title", SCENES, variants)
    expected = jobs_of(opened, 1.0, SCENES, variants)
    assert [picture.tobytes() for row in rows for picture in row] == [fake_picture(job).tobytes() for job in expected]
    assert [len(row) for row in rows] == [3, 3]
    assert len(renderer.rendered) == 4


def test_the_strength_is_part_of_every_job(lora):
    weak, strong = (
        jobs_of(open_lora(lora), strength, SCENES, [Variant("a", uniform("a", FULL, 1.0))]) for strength in (0.5, 1.0)
    )
    assert {job.lora.strength for job in weak} == {0.5}
    assert {job.key for job in weak}.isdisjoint(job.key for job in strong)


def test_what_of_the_file_plays_no_part_in_the_pictures_is_said(tmp_path):
    names = ["lora_unet_time_embedding_linear_1", "lora_onet_down_blocks_0_attentions_0_proj_in"]
    lora, heard = write_lora_file(tmp_path / "a.safetensors", ["IN01"], names), RecordedProgress()
    run_analysis(lora, tmp_path / "out", blocks="IN01,IN02", progress=heard)
    assert heard.lines[:3] == [
        "Left out, because the LoRA changes nothing there: IN02",
        "3 of the file's tensors are not understood, such as "
        "'lora_onet_down_blocks_0_attentions_0_proj_in.alpha'; they play no part in these pictures.",
        "1 modules belong to no block (REST), such as unet.time_embedding_linear_1; they work in every picture alike.",
    ]


def test_blocks_that_the_lora_lacks_are_refused_where_no_other_is_left(lora, tmp_path):
    with pytest.raises(BlockweightError, match=r"changes nothing in IN00, IN03; it has BASE, IN01"):
        run_analysis(lora, tmp_path / "out", blocks="IN00,IN03")
