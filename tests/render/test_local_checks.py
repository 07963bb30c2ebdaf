"""What the local renderer refuses before it loads anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.plan import Variant
from blockweight.weights import uniform
from workshop import job

pytest.importorskip("torch")


def test_weights_of_a_family_that_it_does_not_draw_are_refused():
    check_family = pytest.importorskip("blockweight.render.local.checks").check_family
    layout = family_by_name("flux1").layout
    flux = replace(job(), variant=Variant("ALL", uniform("ALL", layout, 1.0)))
    with pytest.raises(BlockweightError, match=r"'ALL' are of the family flux1, but this renderer draws only sd1;"):
        check_family(flux, ("sd1",))
    check_family(job(), ("sd1",))
    check_family(job(None), ("sd1",))
