"""The words in the figures of an analysis, in a page's language. They are drawn by rooms below, in English unless told
otherwise: here they are named, so that the catalogues have them."""

from __future__ import annotations

from blockweight.studio.languages import marked

FIGURE_WORDS = (
    marked("inside"),
    marked("outside"),
    marked("scenes"),
    marked("mean"),
    marked("95 %\N{NO-BREAK SPACE}interval"),
    marked("noise floor"),
    marked("weaker"),
    marked("not measured"),
    marked("not distinguishable from noise"),
    marked("0"),
    marked("strongest of its row"),
    marked("strongest"),
    marked("below 0"),
    marked("above 0"),
    marked("all blocks together"),
    marked("near 0"),
    marked("inside = outside"),
    marked("step"),
    marked("noise level"),
    marked("two seeds differ"),
    marked("effect as a share of what two seeds differ by anyway"),
    marked("does not add up"),
    marked("keep"),
    marked("drop"),
    marked("unknown"),
    marked("{one} and {other}"),
    marked("{low} to {high}"),
    marked("{mean} ({low} to {high})"),
    marked("Diff %"),
    marked("change"),
    marked("change of the estimate"),
    marked("change of the prediction"),
    marked("colour"),
    marked("structure"),
    marked("edges"),
    marked("layout"),
    marked("embedding"),
    marked("features"),
    marked("%"),
    marked("levels"),
    marked("ΔE"),
    marked("1 − SSIM"),
    marked("1 − cos"),
    marked("‖Δ‖²"),
)
"""All that `analysis_figure` has translated, but for the names of objectives."""

FRONT_WORDS = (
    marked("The front"),
    marked("held out"),
    marked("offered"),
    marked("to compare with"),
    marked("the same in the scenes held out, with 95 %\N{NO-BREAK SPACE}intervals"),
    marked("blocks changed"),
    marked("to raise"),
    marked("to lower"),
    marked("no LoRA"),
    marked("all 1"),
    marked("both at 1"),
    marked("as it was"),
    marked("%(lora)s alone"),
    marked("%"),
    marked("levels"),
)
"""The same of the front of a search."""
