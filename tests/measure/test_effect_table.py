"""The table of everything that was measured."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from blockweight.errors import BlockweightError
from blockweight.measure import EffectTable, SceneName, aspect_of, prompt_groups, table_from

SCENES = (SceneName("meadow", 1, "1girl"), SceneName("night", 2))


def _table() -> EffectTable:
    values = np.array([[[1.0, 3.0], [2.0, np.nan]], [[10.0, 20.0], [np.nan, np.nan]], [[5.0, 5.0], [1.0, 1.0]]])
    return EffectTable(("change", "diff", "change:inside"), ("IN01", "M00"), SCENES, values)


def test_an_effect_rests_on_the_scenes_in_which_the_block_was_measured() -> None:
    effect = _table().effect("change", "M00")
    assert effect is not None and effect.samples == (2.0,)


def test_what_was_measured_in_no_scene_has_no_effect() -> None:
    assert _table().effect("diff", "M00") is None
    assert _table().effect("layout", "M00") is None
    assert [effect.block for effect in _table().effects("diff")] == ["IN01"]


def test_suggestions_get_the_blocks_that_were_measured_whole() -> None:
    (found,) = _table().block_effects()
    assert found.block == "IN01" and found.inside is not None and found.outside is None


def test_a_table_survives_json() -> None:
    table = _table()
    again = table_from(json.loads(json.dumps(table.facts(), allow_nan=False)))
    assert (again.aspects, again.blocks, again.scenes) == (table.aspects, table.blocks, table.scenes)
    assert np.array_equal(again.values, table.values, equal_nan=True)
    assert table_from(replace(table, leaps=False).facts()).leaps is False


def test_effects_of_finished_pictures_reckon_with_leaps() -> None:
    table = EffectTable(("change",), ("IN01",), SCENES, np.array([[[5.0, 5.1]]]))
    effect = table.effect("change", "IN01")
    without = replace(table, leaps=False).effect("change", "IN01")
    assert effect is not None and without is not None
    assert effect.interval[1] > 2 * without.interval[1]
    assert effect.margin > 2 * without.margin


def test_inside_a_mask_leaps_are_expected_to_be_larger() -> None:
    names = ("change", "change:inside")
    table = EffectTable(names, ("IN01",), SCENES, np.array([[[5.0, 5.1]], [[5.0, 5.1]]]))
    whole, inside = (table.effect(name, "IN01") for name in names)
    assert whole is not None and inside is not None and inside.margin > 1.2 * whole.margin


def test_a_block_that_hardly_moves_an_objective_is_expected_to_leap_less_than_one_that_does() -> None:
    values = np.array([[[0.1, 0.1], [8.0, 8.0]]])
    table = EffectTable(("green",), ("IN01", "OUT08"), SCENES, values, signed=frozenset({"green"}))
    still, strong = table.effects("green")
    assert 0 < 8 * still.margin < strong.margin
    assert all(effect.margin == 0 for effect in replace(table, leaps=False).effects("green"))


def test_a_table_of_some_scenes_keeps_their_samples() -> None:
    chosen = _table().of_scenes([1])
    assert chosen.scenes == SCENES[1:] and chosen.samples("change", "IN01") == [3.0]


@pytest.mark.parametrize("damaged", [{}, {"aspects": ["a"], "blocks": ["b"], "scenes": [], "values": [1]}, []])
def test_what_is_no_table_is_refused(damaged: dict[str, object]) -> None:
    with pytest.raises(BlockweightError, match="analyse again"):
        table_from(damaged)


def test_scenes_of_one_prompt_are_a_group() -> None:
    scenes = tuple(SceneName(f"s{number}", number, prompt) for number, prompt in enumerate("abcab"))
    table = EffectTable(("change",), ("IN01",), scenes, np.array([[[1.0, 2.0, np.nan, 4.0, 5.0]]]))
    effect = table.effect("change", "IN01")
    assert effect is not None and effect.groups == (0, 1, 0, 1)


@pytest.mark.parametrize("prompts", [("a", "a", "a"), ("a", "b", "c"), ("a",)])
def test_prompts_that_tell_nothing_apart_are_no_groups(prompts: tuple[str, ...]) -> None:
    assert prompt_groups(prompts) == ()


def test_an_aspect_that_falls_anywhere_has_a_sign_in_all_blocks() -> None:
    table = EffectTable(("slope",), ("IN01", "M00"), SCENES, np.array([[[1.0, 2.0], [-1.0, 2.0]]]))
    assert [effect.has_sign for effect in table.effects("slope")] == [True, True]
    assert not any(effect.has_sign for effect in _table().effects("change"))


@pytest.mark.parametrize(("aspect", "most"), [("diff", 100.0), ("change:inside", 255.0), ("colour", 120.0)])
def test_the_effects_of_finished_pictures_end_at_the_most_that_their_aspect_can_be(aspect: str, most: float) -> None:
    scenes = tuple(SceneName(str(seed), seed, prompt) for prompt in "ab" for seed in (1, 2))
    table = EffectTable((aspect,), ("OUT08",), scenes, np.array([[[90.0, 90.0, 1.0, 1.0]]]))
    assert table.effect(aspect, "OUT08").interval[1] == most
    assert table.effect(aspect, "OUT08").most == most == aspect_of(aspect).most


def test_what_finishes_no_picture_has_no_end() -> None:
    table = EffectTable(("change",), ("OUT08",), (SceneName("1", 1),), np.array([[[4.0]]]), leaps=False)
    assert table.effect("change", "OUT08").most == math.inf


def test_a_signed_aspect_has_a_sign_even_where_no_sample_falls() -> None:
    table = replace(_table(), signed=frozenset({"change"}))
    assert [table.effect(aspect, "IN01").has_sign for aspect in ("change", "diff")] == [True, False]


def test_which_aspects_are_signed_is_read_back_and_none_in_older_files() -> None:
    facts = replace(_table(), signed=frozenset({"diff", "change"})).facts()
    assert table_from(json.loads(json.dumps(facts))).signed == {"diff", "change"}
    assert table_from({name: value for name, value in facts.items() if name != "signed"}).signed == frozenset()
