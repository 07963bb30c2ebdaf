"""Every method of analysis on a person's own files, with a renderer that needs no model."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from analyses import ASPECTS, MANY, OPTIONS, SCENES, Rendered, analyse, write_mask

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.measure import (
    SequentialPlan,
    Verdict,
    measure_aspect,
    next_step,
    objective_change,
    parse_objectives,
    planned_looks,
)
from blockweight.plan import Hires, Job, LoraUse, Variant
from blockweight.render import fake_picture, unwatched
from blockweight.weights import uniform
from blockweight.workflow.analysis.findings import read_findings
from blockweight.workflow.analysis.methods import METHODS
from blockweight.workflow.analysis.own_lora import Typed, estimate_lora
from blockweight.workflow.analysis.text import findings_lines
from workshop import FULL, RecordedProgress, tree, write_lora_file

BLOCKS = "IN01,IN04,M00,OUT05"
NAMES = tuple(BLOCKS.split(","))


@pytest.fixture
def mask(tmp_path):
    return write_mask(tmp_path / "mask.png", 12)


def pictures(scene, *changes):
    """The fake pictures with every block at 1 but the changes, and that without any."""
    lora = LoraUse("a.safetensors", "0" * 64, 1.0)
    plain = uniform("", FULL, 1.0)
    return [fake_picture(Job(scene, lora, Variant("", plain.with_weights(change)))) for change in ({}, *changes)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Method → what it found, its files and its renderer, all one after the other in one project."""
    folder, made = tmp_path_factory.mktemp("runs"), {}
    path = write_lora_file(folder / "princess.safetensors", FULL.blocks)
    for method in METHODS:
        renderer = Rendered()
        options = {"blocks": BLOCKS, "method": method, **OPTIONS[method]}
        made[method] = (*analyse(path, folder / "out", lambda r=renderer: r, **options), renderer)
    return made


@pytest.mark.parametrize("method", METHODS)
def test_every_method_fills_a_table_with_a_sample_a_block_and_scene(runs, method):
    found, _, _ = runs[method]
    assert (found.method, found.table.blocks) == (method, NAMES)
    assert found.table.aspects == ASPECTS[method]
    assert [(scene.seed, scene.prompt) for scene in found.table.scenes] == [(s.seed, s.prompt) for s in SCENES]
    assert np.isfinite(found.table.values).all()
    assert (found.table.values != 0).any(axis=(0, 2)).all()


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_found_reads_back_equal(runs, method):
    found, written, _ = runs[method]
    again = read_findings(written.folder)
    assert again.facts() == found.facts()
    assert again.settings["blocks"] == list(NAMES)
    assert np.array_equal(again.table.values, found.table.values)
    assert all(file.is_file() for file in written.files)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_command_again_asks_for_nothing(runs, method):
    first, written, _ = runs[method]
    out, before, renderer = written.folder.parent, tree(written.folder), Rendered()
    options = {"blocks": BLOCKS, "method": method, **OPTIONS[method]}
    again, rewritten = analyse(out.parent / "princess.safetensors", out, lambda: renderer, **options)
    assert (renderer.rendered, renderer.asked) == ([], [])
    assert rewritten == written
    assert tree(written.folder) == before
    assert again.facts() == first.facts()


def test_every_method_has_a_folder_of_its_own_in_one_project(runs):
    folders = [written.folder.name for _, written, _ in runs.values()]
    assert folders == [f"analysis-{number:02}" for number in range(1, 7)]


@pytest.mark.parametrize("method", ["eba", "screen", "bisect"])
def test_the_work_is_the_pictures_that_it_takes(runs, method):
    found, _, renderer = runs[method]
    pictures = {"eba": 2 * (1 + 4), "screen": 2 * 2 * 8, "bisect": found.work.pictures}[method]
    assert (found.work.pictures, found.work.calls) == (pictures, 0)
    assert len(renderer.rendered) <= pictures


@pytest.mark.parametrize("method", ["probe", "sketch", "gradient"])
def test_what_finishes_no_picture_renders_none(runs, method):
    found, _, renderer = runs[method]
    assert renderer.rendered == []
    assert [job.scene.seed for job in renderer.asked] == [1, 2]
    assert (found.work.pictures, found.suggestions, found.yardstick) == (0, (), None)
    assert found.work.calls > 0


def test_only_whole_pictures_of_single_blocks_suggest(runs):
    assert [method for method, (found, _, _) in runs.items() if found.suggestions] == ["eba"]


@pytest.mark.parametrize("method", METHODS)
def test_the_csv_has_every_number(runs, method):
    found, written, _ = runs[method]
    rows = list(csv.DictReader((written.folder / "effects.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == len(NAMES) * 2
    for aspect in found.table.aspects:
        value = float(next(row[aspect] for row in rows if (row["block"], row["seed"]) == ("M00", "2")))
        assert value == pytest.approx(found.table.samples(aspect, "M00")[1], rel=1e-4, abs=1e-5)


def test_adaptive_pairs_count_every_picture_they_took(locon, tmp_path):
    renderer, options = Rendered(), {"blocks": BLOCKS, "adaptive": True, "pairs": 3, "weight_range": "1,1.001"}
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, MANY, **options)
    assert found.work.pictures == len(renderer.rendered)


def test_a_gradient_renders_what_its_objectives_are_compared_with(locon, tmp_path):
    renderer = Rendered()
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, blocks=BLOCKS, method="gradient", aims="distance")
    assert [job.variant.weights for job in renderer.rendered] == [None, None]
    assert found.work.pictures == 2


def test_objectives_are_signed_and_what_the_pictures_differ_by(locon, tmp_path):
    found, _ = analyse(locon, tmp_path / "out", blocks=BLOCKS, aims="green,light")
    for aim in parse_objectives("green,light"):
        for block in NAMES:
            source, changed = pictures(SCENES[1], {block: 0.5})
            expected = objective_change(aim.objective(), changed, source)
            assert found.table.samples(aim.name, block)[1] == pytest.approx(expected)
    assert found.aims == ("green", "light")
    assert (found.table.values[found.table.aspects.index("light")] < 0).all()
    assert (found.table.values[found.table.aspects.index("green")] > 0).any()


def test_a_gradient_foretells_what_linear_pictures_show(locon, tmp_path):
    aims = "green,light"
    drawn, _ = analyse(locon, tmp_path / "out", blocks=BLOCKS, aims=aims)
    foretold, _ = analyse(locon, tmp_path / "out", blocks=BLOCKS, aims=aims, method="gradient")
    for aim in aims.split(","):
        for block in NAMES:
            samples = drawn.table.samples(aim, block)
            assert foretold.table.samples(aim, block) == pytest.approx(samples, abs=0.02)


def test_slopes_are_taken_at_the_others_weight_and_rest_goes_with_its_blocks(tmp_path):
    options = {"method": "gradient", "aims": "light", "weight_range": "0.2,0.6"}
    path = write_lora_file(tmp_path / "rest.safetensors", FULL.blocks, ["lora_unet_conv_out"])
    for blocks, rest in (("IN01", 1.0), ("IN01,REST", 0.6)):
        renderer = Rendered()
        analyse(path, tmp_path / blocks, lambda made=renderer: made, blocks=blocks, **options)
        weights = renderer.asked[0].variant.weights
        assert (weights.weight("IN01"), weights.weight("OUT11"), weights.rest) == (0.6, 0.6, rest)


def test_a_mask_splits_every_aspect_but_diff_into_inside_and_outside(locon, tmp_path, mask):
    found, _ = analyse(locon, tmp_path / "out", blocks=BLOCKS, masks=(mask,), aspects="structure,colour")
    names = ("change", "structure", "colour")
    assert found.table.aspects == (
        "diff", *names, *(f"{name}:{region}" for name in names for region in ("inside", "outside")),
    )  # fmt: skip
    inside = np.zeros((24, 32), bool)
    inside[:, :12] = True
    source, changed = pictures(SCENES[0], {"M00": 0.5})
    for name in ("colour:inside", "colour:outside", "structure"):
        expected = measure_aspect(name, changed, source, inside)
        assert found.table.samples(name, "M00")[0] == pytest.approx(expected)
    assert found.region == "the masked region"


@pytest.mark.parametrize("method", ["eba", "probe"])
def test_an_aspect_named_by_its_region_is_measured_in_all(locon, tmp_path, mask, method):
    options = {"blocks": "IN01", "masks": (mask,), "method": method}
    found, _ = analyse(locon, tmp_path / "out", aspects="colour:inside,colour", **options)
    plain, _ = analyse(locon, tmp_path / "plain", aspects="colour", **options)
    assert found.table.aspects == plain.table.aspects
    assert np.array_equal(found.table.values, plain.table.values)


@pytest.mark.parametrize("method", [method for method in METHODS if method != "gradient"])
def test_every_scene_may_have_a_mask_of_its_own(locon, tmp_path, method):
    masks = tuple(write_mask(tmp_path / f"{columns}.png", columns) for columns in (8, 24))
    options = {"blocks": BLOCKS, "method": method}
    both, _ = analyse(locon, tmp_path / "both", masks=masks, **options)
    for place, mask in enumerate(masks):
        alone, _ = analyse(locon, tmp_path / mask.stem, masks=(mask,), **options)
        assert both.table.aspects == alone.table.aspects
        assert np.array_equal(both.table.values[:, :, place], alone.table.values[:, :, place])
    first, second = (both.table.values[both.table.aspects.index("change:inside"), :, place] for place in (0, 1))
    assert not np.array_equal(first, second)


def test_gradients_of_regions_follow_the_scenes_own_masks(locon, tmp_path):
    masks = tuple(write_mask(tmp_path / f"{columns}.png", columns) for columns in (2, 24))
    found, _ = analyse(
        locon, tmp_path / "out", blocks="OUT05", masks=masks, method="gradient", aims="light:inside,light:outside"
    )
    assert (found.table.samples("light:inside", "OUT05") != 0).tolist() == [False, True]
    assert (found.table.samples("light:outside", "OUT05") != 0).tolist() == [True, False]


def test_masks_of_whole_pictures_serve_previews(locon, tmp_path):
    scene = replace(SCENES[0], width=1024, height=1024)
    mask = write_mask(tmp_path / "large.png", 512, 1024, 1024)
    found, written = analyse(locon, tmp_path / "out", scenes=[scene], blocks="IN01", masks=(mask,), preview=True)
    assert "change:inside" in found.table.aspects
    assert written.folder.name == "analysis-01-preview"
    assert "preview" in found.table.scenes[0].label


def test_a_mask_is_of_the_hires_picture_and_not_of_its_first_pass(locon, tmp_path, mask):
    scenes = [replace(scene, hires=Hires("Latent", 2.0, steps=4)) for scene in SCENES]
    large = write_mask(tmp_path / "large.png", 24, 64, 48)
    found, _ = analyse(locon, tmp_path / "out", scenes=scenes, blocks="IN01", masks=(large,))
    assert "change:inside" in found.table.aspects
    with pytest.raises(BlockweightError, match="the pictures have 64×48"):
        analyse(locon, tmp_path / "out", scenes=scenes, blocks="IN01", masks=(mask,))


def test_pairs_are_those_of_the_strongest_blocks_alone(locon, tmp_path):
    renderer = Rendered()
    found, written = analyse(locon, tmp_path / "out", lambda: renderer, MANY[:4], blocks=BLOCKS, pairs=2)
    means = {effect.block: effect.mean for effect in found.table.effects("change")}
    strongest = set(sorted(means, key=means.get)[-2:])
    assert set(found.interactions.blocks) == strongest
    assert len(renderer.rendered) == 4 * 5 + 3  # one pair in three scenes
    assert found.work.pictures == len(renderer.rendered)
    # Stripes of different columns add up.
    assert found.interactions.sizes[:, 0, 1].max() < 0.1
    assert "pairs.svg" in {file.name for file in written.files}


def test_a_probe_tells_pairs_and_steps(locon, tmp_path):
    found, written = analyse(locon, tmp_path / "out", blocks=BLOCKS, method="probe", pairs=3, levels=3)
    assert len(found.interactions.blocks) == 3
    assert found.interactions.sizes.shape == (2, 3, 3)
    assert (found.steps.steps, found.steps.sigmas) == ((1, 2, 3), (4.0, 2.0, 1.0))
    assert found.steps.values.shape == (2, 4, 3)
    assert {"pairs.svg", "steps.svg"} <= {file.name for file in written.files}


def test_one_block_has_no_pairs(locon, tmp_path):
    for method in ("eba", "probe"):
        found, _ = analyse(locon, tmp_path / method, blocks="IN01", pairs=4, method=method)
        assert found.interactions is None


def test_an_adaptive_analysis_takes_further_scenes_for_unsettled_blocks_alone(locon, tmp_path):
    class Loud(Rendered):
        """M00 does the same in every scene, which two of them settle."""

        def render(self, jobs, finished=(), watch=unwatched):
            for made in super().render(jobs, finished, watch):
                further = 40 * (1 - made.job.variant.weights.weight("M00"))
                yield replace(made, picture=np.clip(made.picture + further, 0, 255).astype(np.uint8))

    renderer, options = Loud(), {"blocks": BLOCKS, "adaptive": True}
    found, written = analyse(locon, tmp_path / "out", lambda: renderer, MANY[:4], **options)
    taken = (~np.isnan(found.table.samples("change", block)) for block in NAMES)
    counts = dict(zip(NAMES, (int(each.sum()) for each in taken), strict=True))
    step = next_step(found.table, SequentialPlan(planned_looks(4)))
    assert step.done
    assert {block: said.ground.seeds for block, said in (step.decided | step.open).items()} == counts
    assert (counts["M00"], max(counts.values())) == (2, 4)
    assert found.work.pictures == len(renderer.rendered) < 4 * 5
    assert found.suggestions == tuple((step.open | step.decided)[block] for block in NAMES)
    assert read_findings(written.folder).suggestions == found.suggestions


def test_an_adaptive_analysis_ends_with_two_scenes_where_nothing_is_visible(locon, tmp_path):
    options = {"blocks": BLOCKS, "adaptive": True, "weight_range": "1,1.0000001"}
    found, written = analyse(locon, tmp_path / "out", scenes=MANY, **options)
    assert np.isnan(found.table.values[:, :, 2:]).all()
    assert {each.verdict for each in found.suggestions} == {Verdict.DROP}
    # A scene that nobody took has no grid.
    assert sum(file.name.startswith("blocks-") for file in written.files) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"adaptive": True}, "adds scenes, and there is one"),
        ({"levels": 3}, "looks at no noise levels"),
        ({"pairs": 1}, "makes no pair"),
    ],
)
def test_what_would_be_of_no_use_is_refused(locon, tmp_path, options, words):
    with pytest.raises(BlockweightError, match=words):
        analyse(locon, tmp_path / "out", scenes=SCENES[:1], blocks=BLOCKS, **options)


def test_halving_spends_less_where_nothing_happens(locon, tmp_path):
    renderer = Rendered()
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, method="bisect", weight_range="1,1.0000001")
    assert len(renderer.rendered) < 2 * 26 / 2
    assert len(found.table.blocks) == 26


def test_two_seeds_of_a_prompt_are_the_yardstick(locon, tmp_path):
    found, _ = analyse(locon, tmp_path / "out", blocks="IN01", aspects="colour", aims="light")
    assert set(found.yardstick) == {"diff", "change", "colour"}
    one, other = (pictures(scene)[0].astype(float) for scene in SCENES)
    told = found.yardstick["change"]
    assert (told.mean, told.interval, told.pairs) == (pytest.approx(np.abs(one - other).mean()), None, 1)
    other_prompt = [SCENES[0], replace(SCENES[1], prompt="a castle")]
    found, _ = analyse(locon, tmp_path / "out", scenes=other_prompt, blocks="IN01")
    assert found.yardstick is None


def test_rest_is_measured_alone_where_the_lora_has_modules_outside_its_blocks(tmp_path):
    path = write_lora_file(tmp_path / "rest.safetensors", FULL.blocks, ["lora_unet_conv_out"])
    renderer = Rendered()
    found, _ = analyse(path, tmp_path / "out", lambda: renderer, blocks="IN01,REST", weight_range="0.25,0.75")
    assert found.table.blocks == ("IN01", REST)
    told = [(job.variant.weights.weight("IN01"), job.variant.weights.rest) for job in renderer.rendered[:3]]
    assert told == [(0.75, 0.75), (0.25, 0.75), (0.75, 0.25)]


@pytest.mark.parametrize("method", ["screen", "bisect", "probe", "sketch", "gradient"])
def test_rest_is_a_block_for_every_method(tmp_path, method):
    path = write_lora_file(tmp_path / "rest.safetensors", FULL.blocks, ["lora_unet_conv_out"])
    found, _ = analyse(path, tmp_path / "out", blocks="IN01,M00,REST", method=method, **OPTIONS[method])
    assert found.table.blocks == ("IN01", "M00", REST)


def test_findings_are_plain_json(locon, tmp_path):
    options = {"blocks": BLOCKS, "adaptive": True, "aims": "light", "weight_range": "1,1.0000001"}
    _, written = analyse(locon, tmp_path / "out", scenes=MANY, **options)

    def refuse(name):
        raise AssertionError(name)

    json.loads((written.folder / "findings.json").read_text("utf-8"), parse_constant=refuse)


def test_a_screening_and_single_blocks_agree_where_blocks_add_up(locon, tmp_path):
    single, _ = analyse(locon, tmp_path / "out", blocks=BLOCKS, aims="light")
    screened, _ = analyse(locon, tmp_path / "out", blocks=BLOCKS, aims="light", method="screen")
    for block in NAMES:
        wanted = single.table.samples("light", block)
        assert screened.table.samples("light", block) == pytest.approx(wanted, abs=0.05)


def test_a_sketch_of_few_steps_is_that_of_the_last(locon, tmp_path):
    scenes = [replace(SCENES[0], steps=steps) for steps in (1, 2)]
    found, _ = analyse(locon, tmp_path / "out", scenes=scenes, blocks="IN01", method="sketch")
    assert np.isfinite(found.table.values).all()


def test_the_threshold_decides_what_a_screening_counts(locon, tmp_path):
    counted = []
    for threshold in (0, 255):
        options = {"blocks": BLOCKS, "method": "screen", "threshold": threshold}
        counted.append(analyse(locon, tmp_path / "out", **options)[0].table)
    low, high = (table.values[table.aspects.index("diff")] for table in counted)
    assert (low > 0).all()
    assert (high == 0).all()


def test_pairs_are_rendered_with_rest_where_the_single_blocks_have_it(tmp_path):
    path = write_lora_file(tmp_path / "rest.safetensors", FULL.blocks, ["lora_unet_conv_out"])
    renderer = Rendered()
    options = {"blocks": f"{BLOCKS},REST", "weight_range": "0,0.5", "pairs": 2}
    found, _ = analyse(path, tmp_path / "out", lambda: renderer, **options)
    pair = next(job for job in renderer.rendered if "+" in job.variant.label)
    assert REST not in found.interactions.blocks
    assert pair.variant.weights.rest == 0.5


def test_blocks_of_a_closed_group_are_shown_as_bounded_by_it(locon, tmp_path):
    options = {"method": "bisect", "weight_range": "1,1.0000001", "aims": "light"}
    found, written = analyse(locon, tmp_path / "out", blocks=BLOCKS, **options)
    assert found.bounded == dict.fromkeys(NAMES, NAMES)
    assert read_findings(written.folder).bounded == found.bounded
    lines = list(findings_lines(found))
    assert all("≤ 0.0 (with IN01-OUT05)" in line for line in lines[1:5])
    assert lines[1].count("≤") == 2  # Diff % and change; an objective may go either way
    assert "Not measured alone" in (written.folder / "report.html").read_text("utf-8")


def test_blocks_that_were_measured_alone_are_not_bounded(runs):
    found, written, _ = runs["bisect"]
    assert found.bounded == {}
    assert "Not measured alone" not in (written.folder / "report.html").read_text("utf-8")


def test_the_estimate_makes_nothing_and_says_what_it_costs(locon, tmp_path):
    for method in METHODS:
        typed = Typed(blocks=BLOCKS, method=method, **OPTIONS[method])
        told = estimate_lora(locon, SCENES, tmp_path / method, RecordedProgress(), typed)
        lines = list(told.lines())
        assert lines[0].startswith(f"{METHODS[method]} in 2 scenes: ")
        assert len(lines) == 2
        assert not (tmp_path / method).exists()
        assert json.loads(json.dumps(told.facts()))["method"] == method


def test_an_estimate_of_what_may_become_more_says_at_least_and_at_most(locon, tmp_path):
    told = estimate_lora(locon, MANY, tmp_path / "out", RecordedProgress(), Typed(blocks=BLOCKS, adaptive=True))
    assert next(told.lines()).endswith(": at least 10 pictures and at most 40, no time measured yet")
    halved = Typed(method="bisect")
    told = estimate_lora(locon, SCENES, tmp_path / "out", RecordedProgress(), halved)
    assert told.facts()["cost"] == {"pictures": 16, "finished": 0, "seconds": None, "at_most": 2 * (1 + 2 * 26 - 7)}
    found, _ = analyse(locon, tmp_path / "out", method="bisect", weight_range="-20,20")
    assert found.work.pictures <= 92


@pytest.mark.parametrize("method", METHODS)
def test_the_estimate_of_what_is_there_says_that_nothing_is_left(runs, method):
    out = runs[method][1].folder.parent
    typed = Typed(blocks=BLOCKS, method=method, **OPTIONS[method])
    told = estimate_lora(out.parent / "princess.safetensors", SCENES, out, RecordedProgress(), typed)
    assert (told.cost.seconds, told.cost.asked) == (0.0, 0.0)
    assert next(told.lines()).endswith(" already") or method == "bisect"
    other = estimate_lora(out.parent / "princess.safetensors", MANY, out, RecordedProgress(), typed)
    assert other.cost.asked or other.cost.finished < other.cost.pictures


@pytest.mark.parametrize("method", ["eba", "screen", "bisect", "gradient"])
def test_an_objective_has_a_sign_whatever_the_samples_are(locon, tmp_path, method):
    found, _ = analyse(locon, tmp_path / "out", blocks=BLOCKS, aims="light", method=method)
    assert "light" in found.table.signed
    assert ("change" in found.table.signed) is (method == "screen")
