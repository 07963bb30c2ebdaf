"""The tutorial on the embedded model as a tuning project, to try everything without a file of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from blockweight.demo import embedded
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.project import MaskStore
from blockweight.render import identify_checkpoint
from blockweight.workflow.project_analysis import Wanted, plan_analysis
from blockweight.workflow.projects_folder import new_folder
from blockweight.workflow.recent_projects import holds_project
from blockweight.workflow.tuning_project import TuningProject, create_project, open_project
from blockweight.workflow.tutorial import NAME, ROUND_SEEDS

FOLDER = f"{NAME} demo"

_OUTFITS = embedded.STUDIED[:3]
"""Three scenes, so that the analysis has a spread; a round of 26 variants is 84 small pictures, about a minute on two
cores."""


REGION = "her face and hair"
"""What the LoRA should work on."""


def open_demo(parent: Path, known: Iterable[Path] = (), region: str = REGION) -> TuningProject:
    """The demo's project: the first of the `known` folders and those in `parent` that holds one, else a new one in
    `parent`, with an analysis planned that measures inside and outside of what `region` calls. BlockweightError for
    what the disk refuses."""
    lora = embedded.lora_file("gobuhime-locon")
    digest = open_lora(lora).digest
    for folder in (*known, parent / FOLDER):
        found = _demo_in(folder, digest)
        if found is not None:
            return found
    checkpoint = identify_checkpoint(embedded.model_folder())
    scenes = [embedded.scene(checkpoint, outfit, ROUND_SEEDS[0]) for outfit in _OUTFITS]
    folder = new_folder(parent, FOLDER)
    try:
        made = create_project(folder, lora, scenes, name=NAME)
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise
    try:
        # Where the illustrator draws them is known, so nobody need paint it before the suggestions say something.
        masks = [MaskStore(folder).save(embedded.region_mask(("face", "hair"), each.outfit)) for each in _OUTFITS]
        plan_analysis(made, Wanted(masks=tuple(masks), region=region))
    except BaseException:
        made.close()
        raise
    return made


def _demo_in(folder: Path, digest: str) -> TuningProject | None:
    """The folder's project if it is a demo by its name and its LoRA; one that cannot be opened is none."""
    if not folder.name.startswith(FOLDER) or not holds_project(folder):
        return None
    try:
        tuning = open_project(folder)
    except BlockweightError:
        return None
    if tuning.state().subject.digest == digest:
        return tuning
    tuning.close()
    return None
