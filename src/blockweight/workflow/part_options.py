"""A scene's VAE, the picture that it is drawn over, and its ControlNets, from what is typed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import CONTROL_MODES, RESIZE_MODES, Control, Start
from blockweight.workflow.identities import Identities

_CONTROL: dict[str, Any] = {field.name: field.default for field in fields(Control)}
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class PartOptions:
    """The options by their names on the command line; None and empty for what was not given.

    `control` are ControlNets, and `control_picture` their maps, one each. Of the further lists, each has a value for
    every ControlNet, or one for all of them, or none.
    """

    vae: Path | None = None
    init_image: Path | None = None
    denoise: float | None = None
    resize_mode: str | None = None
    control: tuple[Path, ...] = ()
    control_picture: tuple[Path, ...] = ()
    control_weight: tuple[float, ...] = ()
    control_start: tuple[float, ...] = ()
    control_end: tuple[float, ...] = ()
    control_mode: tuple[str, ...] = ()
    control_resize: tuple[str, ...] = ()

    def scene_fields(self, files: Identities | None = None) -> dict[str, Any]:
        """What `plan.Scene` takes of them; reads every file that `files` do not know yet. BlockweightError for what
        cannot be read, and options that do not fit together."""
        known = Identities() if files is None else files
        return {
            "vae": None if self.vae is None else known.weights(self.vae, "VAE"),
            "start": self._start(known),
            "controls": self._controls(known),
        }

    def _start(self, files: Identities) -> Start | None:
        if self.init_image is None:
            if self.denoise is not None or self.resize_mode is not None:
                raise BlockweightError(
                    "A denoising strength or a resize mode was given, but no picture to draw over; give it with "
                    "--init-image, or use --hires-denoise for a hires pass."
                )
            return None
        usual = Start(files.picture(self.init_image))
        return replace(
            usual,
            denoising=usual.denoising if self.denoise is None else within("denoising strength", self.denoise, 0, 1),
            resize=usual.resize if self.resize_mode is None else one_of("resize mode", self.resize_mode, RESIZE_MODES),
        )

    def _controls(self, files: Identities) -> tuple[Control, ...]:
        number = len(self.control)
        if number != len(self.control_picture):
            raise BlockweightError(
                f"ControlNets and their pictures differ in number ({number} and {len(self.control_picture)}); give a "
                "--control-picture for every --control, in the same order."
            )
        further: dict[str, list[Any]] = {
            "weight": [within("weight of a ControlNet", value, 0, 2) for value in self.control_weight],
            "start": [within("start of a ControlNet", value, 0, 1) for value in self.control_start],
            "end": [within("end of a ControlNet", value, 0, 1) for value in self.control_end],
            "mode": [one_of("control mode", name, CONTROL_MODES) for name in self.control_mode],
            "resize": [one_of("resize mode", name, RESIZE_MODES) for name in self.control_resize],
        }
        each = {name: _for_each(name, given, _CONTROL[name], number) for name, given in further.items()}
        return tuple(
            Control(
                files.weights(self.control[place], "ControlNet"),
                files.picture(self.control_picture[place]),
                **_checked_range({name: values[place] for name, values in each.items()}),
            )
            for place in range(number)
        )

    def filled(self, found: PartOptions, typed: Collection[str]) -> PartOptions:
        """These options with what an infotext gives for all that was not typed. How far a picture is drawn over counts
        only with the picture, and ControlNets only with their maps."""
        names = ["vae"]
        if "init_image" in typed:
            names.append("denoise")
        models = self.control if "control" in typed else found.control
        if "control_picture" in typed and len(models) == len(found.control_weight):
            names += ["control", "control_weight", "control_start", "control_end", "control_mode", "control_resize"]
        news = {name: getattr(found, name) for name in names if name not in typed}
        return replace(self, **{name: value for name, value in news.items() if value not in (None, ())})


def _for_each(name: str, given: Sequence[_Value], usual: _Value, number: int) -> Sequence[_Value]:
    """A value for every ControlNet."""
    if len(given) <= 1:
        return [given[0] if given else usual] * number
    if len(given) != number:
        raise BlockweightError(
            f"There are {number} ControlNets, but {len(given)} values of --control-{name}; give one for each, or one "
            "for all."
        )
    return given


def _checked_range(found: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Control; BlockweightError if it would end before it begins."""
    if found["start"] > found["end"]:
        raise BlockweightError(
            f"A ControlNet would work from {found['start']:g} to {found['end']:g} of the steps; let it end after it "
            "begins."
        )
    return found


def one_of(what: str, name: str, known: Collection[str]) -> str:
    """The name among those known, in any case; BlockweightError for another."""
    found = {one.lower(): one for one in known}.get(" ".join(name.split()).lower())
    if found is None:
        raise BlockweightError(f"There is no {what} {quoted(name)}; use one of: {', '.join(known)}.")
    return found


def within(what: str, value: float, least: float, most: float) -> float:
    """The number; BlockweightError if it is not from `least` to `most`."""
    if not least <= value <= most:
        raise BlockweightError(f"The {what} must be a number from {least:g} to {most:g}, not {value:g}.")
    return value
