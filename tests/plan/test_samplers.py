"""Samplers and schedules by the names that people write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.plan import AUTOMATIC, SAMPLERS, SCHEDULES, read_sampler


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (("DPM++ 2M Karras",), ("DPM++ 2M", "Karras")),
        (("dpm++  2m karras", "Karras"), ("DPM++ 2M", "Karras")),
        (("DPM++ 2M", "Automatic", "Uniform"), ("DPM++ 2M", "Uniform")),
        (("DPM++ 2M Karras", "Automatic", "Uniform"), ("DPM++ 2M", "Karras")),
        (("DPM++ 2M SDE Exponential", "Automatic"), ("DPM++ 2M SDE", "Exponential")),
        (("DPM++ 2M SDE Heun",), ("DPM++ 2M SDE Heun", "Exponential")),
        (("Euler a",), ("Euler a", "Uniform")),
        (("Euler a", "sgm_uniform"), ("Euler a", "SGM Uniform")),
        (("Euler a SGM Uniform",), ("Euler a", "SGM Uniform")),
        (("k_dpm_2_a_ka",), ("DPM2 a", "Karras")),
        (("k_euler_ancestral",), ("Euler a", "Uniform")),
        (("Heun", "DDIM"), ("Heun", "DDIM")),
        (("DDIM", "Karras"), ("DDIM", "Automatic")),
        (("UniPC",), ("UniPC", "Automatic")),
    ],
)
def test_samplers_are_known_by_all_their_names(asked, found):
    assert read_sampler(*asked) == found


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_schedule_goes_with_every_sampler_that_takes_one(name):
    for schedule in SCHEDULES:
        wanted = AUTOMATIC if SAMPLERS[name].automatic is None else schedule
        assert read_sampler(name, schedule) == read_sampler(f"{name} {schedule}") == (name, wanted)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("DPM adaptive",), "There is no sampler 'DPM adaptive'; use one of: DPM"),
        (("",), "There is no sampler ''"),
        (("Karras",), "There is no sampler 'Karras'"),
        (("DPM++ 2M Karras", "Best"), "There is no schedule type 'Best'"),
        (("DPM++ 2M Karras", "Exponential"), "has the schedule Karras in its name, but 'Exponential' was asked"),
        (("Euler", "Best"), "There is no schedule type 'Best'; use one of: Automatic, Uniform"),
    ],
)
def test_unknown_names_are_refused_with_those_that_are_known(asked, words):
    with pytest.raises(BlockweightError, match=words.replace("+", r"\+")):
        read_sampler(*asked)


@given(st.text() | st.lists(st.sampled_from([*SAMPLERS, *SCHEDULES, " ", "_", "k_", "ka"])).map("".join), st.text())
def test_any_text_is_a_sampler_or_refused(name, schedule):
    try:
        found, kind = read_sampler(name, schedule)
    except BlockweightError as error:
        assert "\n" not in str(error)
    else:
        assert found in SAMPLERS
        assert kind in SCHEDULES or kind == AUTOMATIC
