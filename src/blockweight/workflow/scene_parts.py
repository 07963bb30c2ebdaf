"""A project's scene gets another VAE, a picture to draw over, or ControlNets, or loses them; one event that undo takes
back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import RESIZE_MODES, Scene, Start
from blockweight.project import SCENES, TuningState, scenes_body
from blockweight.workflow.part_options import PartOptions, one_of, within
from blockweight.workflow.places import places_of
from blockweight.workflow.scene_edits import numbered_scene, scene_key
from blockweight.workflow.tuning_project import TuningProject

PARTS: dict[str, dict[str, Any]] = {"vae": {"vae": None}, "init-image": {"start": None}, "control": {"controls": ()}}
"""What can be taken from a scene, by the names of the options that give it → the scene's fields without it."""


def change_parts(
    tuning: TuningProject, number: int, options: PartOptions, without: Collection[str] = ()
) -> TuningState:
    """Give the scene of this number, from 1 on, what the options name, without what `without` names of PARTS first.
    What is in neither stays. BlockweightError, with nothing appended, for what cannot be read or does not fit
    together."""
    state = tuning.state()
    key = numbered_scene(state, number)
    made = with_parts(state.scenes[number - 1], options, without)
    if made.facts() in [scene.facts() for scene in state.scenes]:
        raise BlockweightError("The project has this scene already; change something else of it.")

    def body(now: TuningState) -> dict[str, object]:
        if key not in map(scene_key, now.scenes):
            raise BlockweightError("The scene is not there any more; list the scenes anew.")
        scenes = [made if scene_key(scene) == key else scene for scene in now.scenes]
        return {**scenes_body(scenes), "places": places_of([made])}

    return tuning.log.add(SCENES, body)


def with_parts(scene: Scene, options: PartOptions, without: Collection[str] = ()) -> Scene:
    """The scene as `change_parts` makes it."""
    if options == PartOptions() and not without:
        raise BlockweightError("Nothing was named to give to the scene or to take from it; name a file (see --help).")
    for name in without:
        if name not in PARTS:
            raise BlockweightError(f"A scene cannot be without {quoted(name)}; use one of: {', '.join(PARTS)}.")
        scene = replace(scene, **PARTS[name])
    if scene.start is not None and options.init_image is None:
        scene = replace(scene, start=_changed(scene.start, options))
        options = replace(options, denoise=None, resize_mode=None)
    found = options.scene_fields()
    made = replace(scene, **{name: value for name, value in found.items() if value})
    if made.start is not None and made.hires is not None:
        raise BlockweightError(
            "A picture that is drawn over another (--init-image) has no hires pass; take that from the scene first."
        )
    return made


def _changed(start: Start, options: PartOptions) -> Start:
    return replace(
        start,
        denoising=start.denoising if options.denoise is None else within("denoising strength", options.denoise, 0, 1),
        resize=start.resize
        if options.resize_mode is None
        else one_of("resize mode", options.resize_mode, RESIZE_MODES),
    )
