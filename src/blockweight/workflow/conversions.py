"""Block weights from one notation or layout to another, as they are typed."""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.blocks import Layout, all_layouts, family_by_name, layout_by_name, layouts_of_length
from blockweight.errors import BlockweightError
from blockweight.weights import BlockWeights, Converted, convert, lr_weights, parse_values, split_weights

NOTATIONS = ("tag", "sd-scripts")
"""What else than a layout one can convert to: the WebUI's prompt tag, and sd-scripts' learning rates."""


@dataclass(frozen=True)
class Conversion:
    """The converted weights, and their text in the notation that was asked for."""

    converted: Converted
    text: str

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON: name, layout, values by block, text, filled, dropped."""
        weights = self.converted.weights
        return {
            "name": weights.name,
            "layout": weights.layout.name,
            "values": dict(weights.items()),
            "text": self.text,
            "filled": list(self.converted.filled),
            "dropped": list(self.converted.dropped),
        }


def read_weights(text: str, layout: str | None, family: str | None) -> BlockWeights:
    """Weights of any layout: the one that is named (by name or length), else the first of their length, in `family` if
    one is given. BlockweightError if there is none."""
    name, tokens = split_weights(text)
    own = None if family is None else family_by_name(family).name
    chosen = _layout(layout or str(len(tokens)), own)
    if own is not None and chosen.family != own:
        raise BlockweightError(f"No layout of {family} has {len(tokens)} weights; it has {_lengths(own)}.")
    return parse_values(name, tokens, chosen)


def convert_text(
    text: str, to: str, *, layout: str | None = None, family: str | None = None, fill: float | None = None
) -> Conversion:
    """Convert weights to a layout (its name or length, in the family of the weights if that has one) or to one of
    NOTATIONS. BlockweightError for what cannot be read or converted."""
    weights = read_weights(text, layout, family)
    if to not in NOTATIONS:
        converted = convert(weights, _layout(to, weights.layout.family), fill)
        return Conversion(converted, converted.weights.text())
    same = Converted(weights, (), ())
    if to == "tag":
        return Conversion(same, f"<lora:{weights.name}:1:lbw={weights.vector()}>")
    rates = lr_weights(weights)
    if rates is None:
        raise BlockweightError(
            f"sd-scripts takes no learning rate per block by these arguments for {weights.layout.family}; give weights "
            "of sd1, sd2 or sdxl."
        )
    return Conversion(same, rates.text())


def _layout(text: str, family: str | None) -> Layout:
    """The layout of this name, or the first of this length, in the family if that has one."""
    if not (text.isascii() and text.isdigit()):
        return layout_by_name(text)
    layouts = layouts_of_length(int(text)) if len(text) < 6 else ()
    if not layouts:
        raise BlockweightError(f"There is no layout of length {text[:20]}; there are {_lengths(None)}.")
    own = [layout for layout in layouts if family is None or layout.family == family]
    return (own or list(layouts))[0]


def _lengths(family: str | None) -> str:
    layouts = [layout for layout in all_layouts() if family is None or layout.family == family]
    return ", ".join(map(str, sorted({len(layout) for layout in layouts})))
