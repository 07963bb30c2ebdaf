"""A round as one picture: the scenes below each other, A to D side by side, or a plane."""

from __future__ import annotations

from pathlib import Path

from blockweight.measure import segments_text
from blockweight.project import FEW, SIDE, Choosing, TuningState
from blockweight.report import picture_grid, write_png
from blockweight.workflow.choosing.running import choice_jobs, place_names, round_scenes
from blockweight.workflow.folders import result_folder
from blockweight.workflow.tuning_project import TuningProject


def write_choices(tuning: TuningProject, state: TuningState, choosing: Choosing) -> Path:
    """Write the round that is to be judged, all of it rendered, to `round-NN.png` in the search's folder (`choosing-01`
    in the project's); returns the file. It does not say which picture is which."""
    settings = {"choosing": choosing.number, "segments": segments_text(choosing.segments), "seed": choosing.seed}
    shown = choosing.open
    pictures = [tuning.project.picture(job) for job in choice_jobs(state, choosing)]
    names = place_names(shown)
    if shown.kind == FEW:
        wide = len(names)
        rows = [f"{scene.label}\nseed {scene.seed}" for scene in round_scenes(choosing, shown)]
        columns: tuple[str, ...] = names
    else:
        wide = SIDE
        rows, columns = [name[0] for name in names[::SIDE]], tuple(name[1:] for name in names[:SIDE])
    cells = [pictures[start : start + wide] for start in range(0, len(pictures), wide)]
    path = result_folder(tuning.folder, "choosing", settings) / f"round-{len(choosing.rounds):02}.png"
    write_png(picture_grid(cells, rows, columns, title=f"Round {len(choosing.rounds)}").image, path)
    return path
