"""What the form of the Analyse page asks for, as its script sends it."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.studio.forms import text_of, texts_of, whole_of
from blockweight.workflow.analysis.methods import method_named
from blockweight.workflow.own_files import parse_range
from blockweight.workflow.project_analysis import Wanted
from blockweight.workflow.project_budget import within_budget
from blockweight.workflow.tuning_project import TuningProject


def wanted_of(tuning: TuningProject, data: Mapping[str, object]) -> Wanted:
    """The analysis that is asked for, in as many scenes as its `budget` pays for, if it has one; an empty `method` is
    for the budget to choose. BlockweightError for what is none."""
    value, base = parse_range(text_of(data, "range"))
    method = text_of(data, "method")
    wanted = Wanted(
        blocks=text_of(data, "blocks"),
        value=value,
        base=base,
        threshold=whole_of(data, "threshold"),
        masks=texts_of(data, "masks"),
        region=text_of(data, "region"),
        adaptive=data.get("adaptive") is True,
        aspects=text_of(data, "aspects"),
        aims=text_of(data, "aims"),
        pairs=whole_of(data, "pairs") if "pairs" in data else 0,
        levels=whole_of(data, "levels") if "levels" in data else 1,
        scenes=whole_of(data, "scenes") if "scenes" in data else None,
    )
    return within_budget(tuning, wanted, text_of(data, "budget"), method_named(method) if method else None)
