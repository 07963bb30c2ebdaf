"""Pictures of a LoRA in training, by the renderer that draws everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Job, LoraUse, Scene, Variant, infotext_of
from blockweight.project import webui_hashes, write_picture
from blockweight.render import Renderer
from blockweight.weights import uniform


def draw_samples(
    lora_path: Path,
    family: str,
    scenes: Sequence[Scene],
    make_renderer: Callable[[], Renderer],
    folder: Path,
    epoch: int,
) -> None:
    """Draw each scene with the LoRA and write `000003-1.png` and so on: the epoch, and the scene's number.
    BlockweightError for what cannot be drawn or written."""
    lora = open_lora(lora_path, family_by_name(family))
    use = LoraUse(str(lora_path), lora.digest)
    variant = Variant(f"epoch {epoch}", uniform("all", lora.family.layout, 1.0))
    numbers = {Job(scene, use, variant).key: number for number, scene in enumerate(scenes, 1)}
    jobs = [Job(scene, use, variant) for scene in scenes]
    renderer = make_renderer()
    renderer.check(jobs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for made in renderer.render(jobs):
            path = folder / f"{epoch:06d}-{numbers[made.job.key]}.png"
            write_picture(path, made.picture, infotext_of(made.job, webui_hashes(made.job)), made.job.facts())
    except OSError as error:
        raise BlockweightError(
            f"A sample picture could not be written to '{folder}' ({error.strerror or error}); free the place."
        ) from error
