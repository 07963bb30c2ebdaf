"""Prompt S/R."""

from __future__ import annotations

import pytest

from blockweight.errors import BlockweightError
from blockweight.plan import swapped


def test_every_place_in_both_prompts_is_replaced():
    assert swapped("red dress, red hat", "not red", "red", "blue") == ("blue dress, blue hat", "not blue")


def test_a_value_is_searched_letter_for_letter():
    tag = "1girl <lora:gobuhime:1:ALL>"
    assert swapped(tag, "", ":ALL", ":Gobuhime") == ("1girl <lora:gobuhime:1:Gobuhime>", "")


@pytest.mark.parametrize("searched", ["Red", "hat", ""])
def test_what_is_in_neither_prompt_is_refused(searched):
    with pytest.raises(BlockweightError, match="Prompt S/R"):
        swapped("red dress", "blurry", searched, "blue")
