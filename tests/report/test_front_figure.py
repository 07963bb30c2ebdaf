"""The figure of a search's front."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from blockweight.report import FrontMark, FrontPoint, front_figure

SVG = "{http://www.w3.org/2000/svg}"
TRIED = [(float(number), number / 10) for number in range(8)]
MARKS = [
    FrontMark("all 1", FrontPoint(9.0, 1.0), FrontPoint(11.0, 1.0, (8.0, 14.0), (1.0, 1.0)), chosen=False),
    FrontMark("1", FrontPoint(2.0, 0.8), FrontPoint(2.5, 0.75, None, (0.5, 1.0)), chosen=True),
    FrontMark("2", FrontPoint(1.0, 0.5), FrontPoint(1.5, 0.45), chosen=True),
]


def drawn(tried=TRIED, marks=MARKS):
    return ET.fromstring(front_figure(("green", "kept"), tried, marks, "The front"))


def of_class(root, name):
    return [each for each in root.iter() if each.get("class") == name]


def test_every_trial_choice_and_reference_has_its_mark():
    root = drawn()
    counts = {name: len(of_class(root, name)) for name in ("tried", "choice", "reference", "held", "name")}
    assert counts == {"tried": 8, "choice": 2, "reference": 1, "held": 3, "name": 3}
    assert [each.text for each in of_class(root, "name")] == ["all 1", "1", "2"]


def test_an_interval_that_nothing_tells_is_not_drawn():
    lines = [len(group.findall(f"{SVG}line")) for group in of_class(drawn(), "held")]
    assert lines == [3, 2, 1]


def test_one_point_alone_can_be_drawn():
    alone = FrontMark("1", FrontPoint(1.0, 1.0), FrontPoint(1.0, 1.0), chosen=True)
    assert of_class(drawn([(1.0, 1.0)], [alone]), "choice")
