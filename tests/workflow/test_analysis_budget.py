"""What fits into a budget, and what it will be able to tell."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from analyses import MANY, Rendered, analyse, write_mask
from hypothesis import given
from hypothesis import strategies as st
from projects import Timed

from blockweight.errors import BlockweightError
from blockweight.render import unwatched
from blockweight.workflow.analysis.budget import Budget, able_to_tell, best_offer, parse_budget
from blockweight.workflow.analysis.costs import Work
from blockweight.workflow.analysis.metric_models import model_name
from blockweight.workflow.analysis.own_lora import Typed, estimate_lora
from workshop import RecordedProgress

PRICES = {"eba": 5.0, "probe": 0.5}
WORKS = {"eba": Work(5), "probe": Work(0, 16.0)}


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("64pictures", Budget(pictures=64)),
        ("1 picture", Budget(pictures=1)),
        ("12p", Budget(pictures=12)),
        ("64枚", Budget(pictures=64)),
        ("90s", Budget(seconds=90)),
        ("5min", Budget(seconds=300)),
        (" 1.5 H ", Budget(seconds=5400)),
        ("５分", Budget(seconds=300)),
        ("2時間", Budget(seconds=7200)),
    ],
)
def test_a_budget_is_a_time_or_a_number_of_pictures(text, budget):
    assert parse_budget(text) == budget


@pytest.mark.parametrize(
    "text", ["", "5", "min", "0min", "0pictures", "1.5pictures", "-5min", "5 days", "1e3s", "nan s"]
)
def test_what_is_no_budget_is_one_sentence(text):
    with pytest.raises(BlockweightError, match="write a time or a number of pictures: 5min or 64pictures"):
        parse_budget(text)


@given(st.text())
def test_any_text_is_a_budget_above_nothing_or_refused(text):
    try:
        budget = parse_budget(text)
    except BlockweightError:
        return
    assert (budget.pictures is None) != (budget.seconds is None)
    assert budget.in_pictures(2.0) > 0


@given(st.integers(1, 999_999), st.sampled_from(["", " "]), st.sampled_from(["pictures", "s", "min", "h"]))
def test_what_is_written_plainly_is_read(number, space, unit):
    budget = parse_budget(f"{number}{space}{unit}")
    seconds = {"s": 1, "min": 60, "h": 3600}
    expected = Budget(pictures=number) if unit == "pictures" else Budget(seconds=number * seconds[unit])
    assert budget == expected


def test_a_time_is_as_many_pictures_as_it_takes():
    assert Budget(seconds=300).in_pictures(2.5) == 120
    assert Budget(pictures=7).in_pictures(2.5) == 7


def test_whole_pictures_come_first_in_as_many_scenes_as_fit():
    offer = best_offer(23, 32, WORKS, PRICES, None)
    assert (offer.method, offer.scenes, offer.work, offer.pictures) == ("eba", 4, Work(20), 20.0)
    assert best_offer(10_000, 32, WORKS, PRICES, None).scenes == 32


def test_the_probe_takes_over_where_two_scenes_do_not_fit():
    offer = best_offer(9, 32, WORKS, PRICES, None)
    assert (offer.method, offer.scenes, offer.work) == ("probe", 18, Work(0, 16.0 * 18))


def test_a_wanted_method_is_not_exchanged():
    assert best_offer(100, 32, WORKS, PRICES, "probe").method == "probe"
    with pytest.raises(BlockweightError, match="2 scenes take at least 10;"):
        best_offer(9, 32, WORKS, PRICES, "eba")


def test_where_the_probe_finds_nothing_it_is_not_offered():
    with pytest.raises(BlockweightError, match="2 scenes take at least 10;"):
        best_offer(9, 32, {"eba": WORKS["eba"]}, {"eba": 5.0}, None)


def test_one_scene_is_enough_where_there_is_one():
    assert best_offer(5, 1, WORKS, PRICES, None).scenes == 1
    with pytest.raises(BlockweightError, match="one scene takes at least 1;"):
        best_offer(0.2, 1, WORKS, PRICES, None)


@given(st.floats(0, 1e6), st.integers(1, 64), st.floats(0.1, 500), st.floats(0.01, 500))
def test_an_offer_never_costs_more_than_the_budget(pictures, scenes, eba, probe):
    try:
        offer = best_offer(pictures, scenes, WORKS, {"eba": eba, "probe": probe}, None)
    except BlockweightError:
        assert pictures < min(eba, probe) * min(2, scenes) * (1 + 1e-9)
        return
    assert offer.pictures <= pictures * (1 + 1e-9)
    assert min(2, scenes) <= offer.scenes <= scenes


def test_what_scenes_can_tell_gets_sharper():
    told = [able_to_tell("eba", scenes) for scenes in (1, 2, 4, 8, 32)]
    assert told[0].startswith("One scene ranks the blocks and settles nothing")
    assert "how strong a block is they leave open" in able_to_tell("sketch", 2)
    factors = [float(text.rsplit("about ", 1)[1].partition(";")[0]) for text in told[1:]]
    assert factors == sorted(factors, reverse=True)
    assert 1 < factors[-1] < 1.5


def test_what_a_method_cannot_tell_is_said():
    assert "no levels of finished pictures" in able_to_tell("probe", 4)
    assert "known by the group alone" in able_to_tell("bisect", 4)
    assert "averaged over the other blocks' states" in able_to_tell("screen", 4)
    assert "to first order" in able_to_tell("gradient", 4)


@pytest.mark.parametrize(
    ("budget", "method", "scenes"), [("13pictures", "eba", 4), ("4pictures", "probe", 2), ("1000pictures", "eba", 8)]
)
def test_a_budget_of_pictures_chooses_the_method_and_the_scenes(locon, tmp_path, budget, method, scenes):
    renderer = Rendered()
    options = {"blocks": "IN01,M00", "budget": budget}
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, MANY, **options)
    assert found.method == method
    assert len(found.table.scenes) >= scenes
    assert len(renderer.rendered) <= int(budget.removesuffix("pictures"))


def test_a_budget_of_time_is_spent_by_the_first_pictures_time(locon, tmp_path):
    class Slow(Timed, Rendered):
        """Two seconds each, as it says."""

    renderer, heard = Slow(), RecordedProgress()
    options = {"blocks": "IN01,M00", "budget": "20s", "progress": heard}
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, MANY, **options)
    assert heard.tasks[0][0] == "Timing the first picture"
    assert (found.method, len(found.table.scenes)) == ("eba", 3)


def test_a_time_cannot_be_estimated_before_anything_was_timed(locon, tmp_path):
    typed = Typed(budget="5min")
    with pytest.raises(BlockweightError, match="No picture of this project was timed yet"):
        estimate_lora(locon, MANY, tmp_path / "out", RecordedProgress(), typed)


def test_a_budget_that_is_too_small_says_what_would_do_and_renders_nothing(locon, tmp_path):
    renderer = Rendered()
    options = {"blocks": "IN01,M00", "budget": "3pictures", "method": "eba"}
    with pytest.raises(BlockweightError, match=r"The budget of 3 pictures is too small: 2 scenes take at least 6;"):
        analyse(locon, tmp_path / "out", lambda: renderer, MANY, **options)
    assert renderer.rendered == []


def test_a_budget_with_objectives_never_ends_with_the_probe(locon, tmp_path):
    options = {"blocks": "IN01,M00", "budget": "5pictures", "aims": "light"}
    with pytest.raises(BlockweightError, match="2 scenes take at least 6"):
        analyse(locon, tmp_path / "out", scenes=MANY, **options)


def test_masks_of_scenes_that_the_budget_leaves_out_are_left_out(locon, tmp_path):
    masks = tuple(write_mask(tmp_path / f"{place}.png", 8 + place) for place in range(8))
    found, _ = analyse(locon, tmp_path / "out", scenes=MANY, blocks="IN01", budget="7pictures", masks=masks)
    assert len(found.table.scenes) == 3
    assert len(found.settings["masks"]) == 3
    assert math.isfinite(found.table.values.sum())


@pytest.mark.parametrize("options", [{"budget": "6pictures"}, {"budget": "8pictures", "method": "screen"}])
def test_prompts_take_turns_where_a_budget_pays_for_few_scenes(locon, tmp_path, options):
    scenes = [replace(scene, prompt=prompt) for prompt in ("a castle", "a cat") for scene in MANY[:4]]
    options = {"blocks": "IN01,M00", **options}
    masks = tuple(write_mask(tmp_path / f"{place}.png", 2 + 3 * place) for place in range(8))
    found, _ = analyse(locon, tmp_path / "out", scenes=scenes, masks=masks, **options)
    told = [(scene.prompt, scene.seed) for scene in found.table.scenes]
    assert told == [("a castle", 1), ("a cat", 1)]
    first, other = (analyse(locon, tmp_path / "one", scenes=[scenes[place]], masks=(masks[place],), blocks="IN01,M00",
                            method=options.get("method")) for place in (0, 4))  # fmt: skip
    for place, (alone, _) in enumerate((first, other)):
        assert np.array_equal(found.table.values[:, :, place], alone.table.values[:, :, 0])


def test_an_adaptive_analysis_begins_with_two_prompts(locon, tmp_path):
    scenes = [replace(scene, prompt=prompt) for prompt in ("a castle", "a cat") for scene in MANY[:2]]
    options = {"blocks": "IN01", "adaptive": True, "weight_range": "1,1.0000001"}
    found, _ = analyse(locon, tmp_path / "out", scenes=scenes, **options)
    assert [scene.prompt for scene in found.table.scenes][:2] == ["a castle", "a cat"]
    assert np.isnan(found.table.values[:, :, 2:]).all()


def test_the_same_command_keeps_the_scenes_that_its_time_was_found_to_pay_for(locon, tmp_path):
    class Slower(Rendered):
        """Every picture takes longer than the one before."""

        def render(self, jobs, finished=(), watch=unwatched):
            for number, made in enumerate(super().render(jobs, finished, watch), 1):
                yield replace(made, seconds=2.0 * number)

    renderer, options = Slower(), {"blocks": "IN01,M00", "budget": "20s"}
    first, written = analyse(locon, tmp_path / "out", lambda: renderer, MANY, **options)
    made = len(renderer.rendered)
    again, rewritten = analyse(locon, tmp_path / "out", lambda: renderer, MANY, **options)
    assert len(again.table.scenes) == len(first.table.scenes) == 3
    assert (len(renderer.rendered), rewritten) == (made, written)
    other, _ = analyse(locon, tmp_path / "out", lambda: renderer, MANY, **{**options, "budget": "120s"})
    assert len(other.table.scenes) != 3


def test_another_model_in_a_folder_of_the_same_name_has_another_name(tmp_path):
    names = []
    for place, size in (("one", 8), ("two", 8), ("three", 9)):
        folder = tmp_path / place / "clip"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"layers": 2}')
        (folder / "model.safetensors").write_bytes(bytes(size))
        names.append(model_name(folder))
    assert names[0] == names[1] != names[2]
    assert all(name.startswith("clip ") for name in names)
    (folder / "config.json").write_text('{"layers": 3}')
    assert model_name(folder) not in names
