"""What the rooms offer."""

import pytest

import blockweight.measure
import blockweight.report


def natural(name):
    """Constants, then classes, then functions, each by name: the order that ruff keeps `__all__` in."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("room", [blockweight.measure, blockweight.report])
def test_all_is_sorted_and_every_name_is_there(room):
    assert list(room.__all__) == sorted(room.__all__, key=natural)
    assert all(hasattr(room, name) for name in room.__all__)
