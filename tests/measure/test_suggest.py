"""Verdicts for effects made up so that the answer is plain."""

import math

import pytest

from blockweight.errors import BlockweightError
from blockweight.measure import (
    BlockEffects,
    Effect,
    GroundKind,
    Verdict,
    inside_ratio,
    suggest,
    suggest_all,
    typical_ratio,
)


def effects(inside, outside, diff=None, block="OUT04"):
    overall = tuple((within + beyond) / 2 for within, beyond in zip(inside, outside, strict=True))
    percent = overall if diff is None else diff
    return BlockEffects(
        block, Effect(block, percent), Effect(block, overall), Effect(block, inside), Effect(block, outside)
    )


def test_a_block_that_works_on_the_inside_is_kept_and_says_how_much():
    suggestion = suggest(effects((5.8, 6.1, 6.4), (1.1, 1.2, 1.3)), region="the face")
    assert suggestion.verdict is Verdict.KEEP
    assert suggestion.reasons == (
        "inside 6.1 ± 0.7 levels, outside 1.2 ± 0.2",
        "works on the face, 5.1 times as strongly as elsewhere (4.7 to 5.5)",
    )


def test_a_block_that_works_elsewhere_is_dropped():
    suggestion = suggest(effects((1.1, 1.2, 1.3), (5.8, 6.1, 6.4)), region="the face")
    assert suggestion.verdict is Verdict.DROP
    assert suggestion.reasons[1] == "works elsewhere, 5.1 times as strongly as on the face (4.7 to 5.5)"


def test_a_block_that_changes_nothing_visible_is_dropped():
    suggestion = suggest(effects((0.1, 0.1, 0.2), (0.0, 0.1, 0.1), diff=(0.0, 0.0, 0.0)))
    assert suggestion.verdict is Verdict.DROP
    assert suggestion.reasons[1] == "nothing visible changes anywhere: under the noise floor of 0.5 levels in 3 scenes"


def test_a_small_spot_that_changes_a_lot_is_not_called_invisible():
    assert suggest(effects((0.1, 0.1, 0.2), (0.0, 0.1, 0.1), diff=(0.0, 0.0, 0.4))).verdict is Verdict.UNKNOWN


def test_a_block_that_works_equally_in_both_is_unknown():
    suggestion = suggest(effects((5.0, 6.0, 7.0), (5.0, 6.1, 6.9)))
    assert suggestion.verdict is Verdict.UNKNOWN
    assert "no more and no less than usual" in suggestion.reasons[1]


def test_a_difference_that_the_seeds_do_not_settle_is_unknown():
    suggestion = suggest(effects((9.0, 2.0, 5.0), (2.0, 6.0, 2.0)))
    assert suggestion.verdict is Verdict.UNKNOWN
    assert "not settled by 3 scenes" in suggestion.reasons[1]


def test_an_effect_under_the_floor_with_one_spot_above_it_is_not_distinguishable_from_noise():
    suggestion = suggest(effects((0.1, 0.1, 0.2), (0.1, 0.1, 0.1), diff=(0.0, 0.0, 0.4)))
    assert suggestion.verdict is Verdict.UNKNOWN
    assert suggestion.reasons[1] == "not distinguishable from noise (floor 0.5 levels) with 3 scenes"


@pytest.mark.parametrize(
    ("inside", "told", "more"),
    [((0.4, 0.5, 0.7), "more than 64 more would be needed", None), ((0.6, 1.0, 30.0), "7 more would settle it", 7)],
)
def test_seeds_that_do_not_tell_it_from_noise_say_how_many_more_would(inside, told, more):
    suggestion = suggest(effects(inside, (0.3, 0.5, 0.6), diff=(0.0, 0.0, 0.4)))
    assert suggestion.verdict is Verdict.UNKNOWN
    assert suggestion.reasons[1] == f"not distinguishable from noise (floor 0.5 levels) with 3 scenes; {told}"
    assert suggestion.ground.more == more


def test_a_block_over_the_floor_in_every_scene_is_never_called_noise():
    """However wide the interval: of two prompts, the one reacts three times as strongly as the other."""
    overall = Effect("OUT08", (13.8, 13.9, 5.8, 6.2))
    said = suggest(BlockEffects("OUT08", overall, overall), confidence=0.99999)
    assert (said.verdict, said.ground.kind) == (Verdict.UNKNOWN, GroundKind.STRENGTH)
    assert said.reasons[1] == (
        "changes more than noise (floor 0.5 levels) in every scene; how strongly is not settled by 4 scenes; "
        f"{said.ground.more} more would settle it"
    )


def test_under_a_mask_what_is_over_the_floor_in_every_scene_is_no_noise_either():
    said = suggest(effects((1.6, 18.7, 2.2), (0.4, 0.6, 0.5), diff=(0.0, 0.0, 0.4)), confidence=0.9999)
    assert said.ground.kind is GroundKind.STRENGTH
    assert "not distinguishable" not in said.reasons[1]


@pytest.mark.parametrize(
    ("inside", "outside", "kind", "ratio"),
    [
        ((5.8, 6.1, 6.4), (1.1, 1.2, 1.3), GroundKind.WORKS_INSIDE, (5.1, 4.7, 5.5)),
        ((1.1, 1.2, 1.3), (5.8, 6.1, 6.4), GroundKind.WORKS_ELSEWHERE, (5.1, 4.7, 5.5)),
        ((5.0, 6.0, 7.0), (5.0, 6.1, 6.9), GroundKind.USUAL, (1.0, 1.0, 1.0)),
        ((5.0,), (1.0,), GroundKind.SINGLE, None),
    ],
)
def test_the_ground_tells_the_last_reason_by_its_kind_and_numbers(inside, outside, kind, ratio):
    ground = suggest(effects(inside, outside)).ground
    assert (ground.kind, ground.seeds) == (kind, len(inside))
    told = ground.ratio and (ground.ratio.mean, ground.ratio.low, ground.ratio.high)
    assert told == (ratio and pytest.approx(ratio, abs=0.05))


def test_a_single_seed_settles_nothing():
    suggestion = suggest(effects((50.0,), (0.0,)))
    assert suggestion.verdict is Verdict.UNKNOWN
    assert suggestion.reasons[1] == "a single scene says nothing about the spread: measure at least two"


def test_without_a_mask_a_visible_block_is_unknown():
    block = BlockEffects("IN01", Effect("IN01", (9.0, 9.5)), Effect("IN01", (4.0, 4.2)))
    assert suggest(block).verdict is Verdict.UNKNOWN
    assert "no mask was given" in suggest(block).reasons[1]


def test_without_a_mask_a_doubtful_block_is_not_distinguishable_from_noise():
    block = BlockEffects("IN01", Effect("IN01", (0.0, 0.3, 0.9)), Effect("IN01", (0.2, 0.6, 3.0)))
    assert suggest(block).ground.kind is GroundKind.TOO_FEW
    assert "more would settle it" in suggest(block).reasons[1]


def test_to_be_surer_settles_less():
    block = effects((5.8, 6.1, 6.4), (3.9, 4.2, 4.6))
    assert suggest(block).verdict is Verdict.KEEP
    assert suggest(block, confidence=0.9999).verdict is Verdict.UNKNOWN


def test_a_verdict_is_about_the_prompts_that_were_rendered():
    inside, outside = (8.0, 8.1, 8.2, 7.2, 7.3, 7.4), (2.0, 2.1, 2.2, 4.0, 4.1, 4.2)
    both = [Effect("M00", samples, (0, 0, 0, 1, 1, 1)) for samples in (inside, outside)]
    assert suggest(BlockEffects("M00", *both, *both)).verdict is Verdict.KEEP


def test_seeds_are_compared_one_by_one():
    # Twice as strong inside in every seed, although the seeds react very differently.
    ratio = inside_ratio(Effect("M00", (2.0, 8.0, 40.0)), Effect("M00", (1.0, 4.0, 20.0)))
    assert (ratio.mean, ratio.low, ratio.high) == pytest.approx((2.0, 2.0, 2.0))
    assert suggest(effects((20.0, 40.0, 80.0), (10.0, 20.0, 40.0))).verdict is Verdict.KEEP


def test_effects_under_the_floor_count_as_the_floor():
    ratio = inside_ratio(Effect("M00", (5.0, 5.0)), Effect("M00", (0.0, 0.1)), floor=0.5)
    assert ratio.mean == pytest.approx(10.0)
    assert "at least 10 times" in suggest(effects((5.0, 5.0, 5.0), (0.0, 0.1, 0.1))).reasons[1]


def test_one_seed_has_an_unbounded_ratio():
    ratio = inside_ratio(Effect("M00", (5.0,)), Effect("M00", (1.0,)))
    assert (ratio.low, ratio.high) == (0.0, math.inf)


def test_the_factor_decides_what_is_clearly_more():
    block = effects((5.8, 6.1, 6.4), (3.0, 3.2, 3.3))
    assert suggest(block, factor=1.25).verdict is Verdict.KEEP
    assert suggest(block, factor=3).verdict is Verdict.UNKNOWN


def test_a_higher_noise_floor_drops_what_it_hides():
    block = effects((1.0, 1.1, 1.2), (0.9, 1.0, 1.1), diff=(0.0, 0.0, 0.0))
    assert suggest(block, floor=5).verdict is Verdict.DROP


def test_a_name_says_nothing_about_a_verdict():
    verdicts = {
        suggest(effects((5.8, 6.1, 6.4), (1.1, 1.2, 1.3), block=block)).verdict for block in ("BASE", "IN00", "OUT11")
    }
    assert verdicts == {Verdict.KEEP}


def test_suggestions_keep_the_order_of_the_blocks():
    blocks = [effects((1.0, 1.0), (1.0, 1.0), block=name) for name in ("OUT03", "BASE")]
    assert [suggestion.block for suggestion in suggest_all(blocks)] == ["OUT03", "BASE"]


def test_a_floor_of_zero_is_refused():
    with pytest.raises(BlockweightError, match="above 0"):
        suggest(effects((1.0, 1.0), (1.0, 1.0)), floor=0)


def background_heavy(ratios):
    """Blocks that all work on the inside more than on the mostly untouched outside, by these ratios."""
    return [
        effects((5.8, 6.1, 6.4), tuple(sample / ratio for sample in (5.8, 6.1, 6.4)), block=f"OUT0{number}")
        for number, ratio in enumerate(ratios)
    ]


def test_blocks_are_compared_with_what_all_of_them_do_together():
    usual, strong, weak = suggest_all(background_heavy((3.0, 6.0, 1.5)), region="her face")
    assert (usual.verdict, strong.verdict, weak.verdict) == (Verdict.UNKNOWN, Verdict.KEEP, Verdict.UNKNOWN)
    assert usual.reasons[1] == (
        "works on her face no more and no less than usual (inside : outside 3.0 to 3.0, all blocks together 2.6)"
    )
    assert strong.reasons[1] == (
        "works on her face, 6.0 times as strongly as elsewhere (6.0 to 6.0); all blocks together 2.6"
    )
    assert weak.reasons[1] == (
        "works on her face less than usual, but not less than elsewhere "
        "(inside : outside 1.5 to 1.5, all blocks together 2.6)"
    )


def test_only_a_block_that_works_elsewhere_is_dropped_for_its_place():
    *_, elsewhere = suggest_all(background_heavy((3.0, 6.0, 0.5)))
    assert elsewhere.verdict is Verdict.DROP


def test_blocks_that_all_work_alike_are_all_unknown():
    assert {suggestion.verdict for suggestion in suggest_all(background_heavy((3.0, 3.0, 3.0)))} == {Verdict.UNKNOWN}


def test_the_typical_ratio_weighs_blocks_by_their_strength():
    strong, weak = effects((10.0, 20.0), (5.0, 10.0)), effects((1.0, 2.0), (1.0, 2.0))
    assert typical_ratio([strong, weak]) == pytest.approx(11 / 6)


def test_without_a_mask_there_is_no_typical_ratio_but_1():
    assert typical_ratio([BlockEffects("IN01", Effect("IN01", (9.0, 9.5)), Effect("IN01", (4.0, 4.2)))]) == 1.0
    assert typical_ratio([]) == 1.0
