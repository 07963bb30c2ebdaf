"""Objectives against pictures reckoned by hand, and their slopes against differences of their values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.measure import Aim, cotangents, greenness, objective_change, parse_objectives

LEFT = np.array([[True, False, False], [True, False, False]])
NAMES = ("green", "red", "blue", "light", "#3c8c50", "saturation", "likeness", "distance")
SAID = [f"{name}{region}" for name in NAMES for region in ("", ":inside", ":outside")]


def pictures(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(5, 250, (2, 3, 3)), rng.uniform(0, 255, (2, 3, 3))


def plain(*colour: float) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.float64), (2, 3, 3)).copy()


@pytest.mark.parametrize("said", SAID)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_slope_is_how_the_value_grows(said, seed):
    picture, reference = pictures(seed)
    (aim,) = parse_objectives(said)
    objective = aim.objective(LEFT, reference)
    slope = objective.slope(picture)
    assert slope.shape == picture.shape
    for place in np.ndindex(picture.shape):
        away = np.zeros_like(picture)
        away[place] = 1e-4
        grown = (objective.value(picture + away) - objective.value(picture - away)) / 2e-4
        assert grown == pytest.approx(slope[place], abs=1e-5)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("green", 100 - (30 + 200) / 2),
        ("red", 30 - (100 + 200) / 2),
        ("blue", 200 - (100 + 30) / 2),
        ("light", 0.2126 * 30 + 0.7152 * 100 + 0.0722 * 200),
        ("#00ff00", 100 - (30 + 200) / 2),
        ("saturation", 170),
        ("likeness", -10),
        ("distance:inside", 10),
    ],
)
def test_the_value_of_a_plain_picture(said, wanted):
    (aim,) = parse_objectives(said)
    assert aim.objective(LEFT, plain(40, 90, 210)).value(plain(30, 100, 200)) == pytest.approx(wanted)


def test_green_is_the_greenness_of_the_pictures():
    picture = np.random.default_rng(1).integers(0, 256, (2, 3, 3)).astype(np.uint8)
    assert Aim("green", "inside").objective(LEFT).value(picture) == pytest.approx(greenness(picture, LEFT))


def test_a_region_sees_nothing_of_the_other():
    picture, reference = pictures(3)
    changed = picture.copy()
    changed[LEFT] = 0
    for name in NAMES:
        inside, outside = (Aim(name, region).objective(LEFT, reference) for region in ("inside", "outside"))
        assert objective_change(inside, changed, picture) != 0
        assert objective_change(outside, changed, picture) == 0


def test_slopes_at_a_kink_are_0():
    grey = plain(7, 7, 7)
    assert not Aim("saturation").objective().slope(grey).any()
    assert not Aim("distance").objective(None, grey).slope(grey).any()


def test_a_renderer_is_given_one_slope_for_every_objective():
    picture, reference = pictures(4)
    objectives = [aim.objective(LEFT, reference) for aim in parse_objectives("green:inside, LIKENESS")]
    assert np.array_equal(cotangents(objectives)(picture), [each.slope(picture) for each in objectives])


def test_objectives_have_the_names_that_tables_use():
    assert [aim.name for aim in parse_objectives("green:outside,likeness:inside, #FF8000")] == [
        "green:outside",
        "likeness:inside",
        "#ff8000",
    ]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("", "no objective"),
        ("green,", "no objective"),
        ("goodness", "no objective 'goodness'"),
        ("#12345", "no objective"),
        ("#80808g", "no objective"),
        ("green:middle", "names no region"),
        ("green:", "names no region"),
        ("green:inside:outside", "names no region"),
        ("#808080", "is a grey"),
        ("green,GREEN", "twice"),
    ],
)
def test_what_is_no_objective_is_refused(said, cause):
    with pytest.raises(BlockweightError, match=cause):
        parse_objectives(said)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused_in_one_sentence(text):
    try:
        names = [aim.name for aim in parse_objectives(text)]
    except BlockweightError as error:
        assert "\n" not in str(error)
    else:
        assert [aim.name for aim in parse_objectives(",".join(names))] == names


def test_what_an_objective_lacks_is_said():
    picture, _ = pictures(5)
    with pytest.raises(BlockweightError, match="needs a mask"):
        Aim("green", "inside").objective()
    with pytest.raises(BlockweightError, match="leaves no pixel outside"):
        Aim("green", "outside").objective(np.ones((2, 3), bool))
    with pytest.raises(BlockweightError, match="picture to compare with"):
        Aim("likeness").objective()
    with pytest.raises(BlockweightError, match="3×3 pixels but the picture 3×2"):
        Aim("green", "inside").objective(np.ones((3, 3), bool)).value(picture)
    with pytest.raises(BlockweightError, match="has 3×3 pixels and this one 3×2"):
        Aim("distance").objective(None, np.ones((3, 3, 3))).value(picture)
