"""What every step works on: a project, a renderer and a LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import Lora
from blockweight.plan import Job, LoraUse, Scene, Variant
from blockweight.project import Project
from blockweight.render import Picture, Renderer
from blockweight.workflow.progress import Progress, SilentProgress


@dataclass(frozen=True)
class Workbench:
    """A project, the renderer that makes its pictures, the LoRA at a strength, and where progress is shown."""

    project: Project
    renderer: Renderer
    lora: Lora
    progress: Progress
    strength: float = 1.0

    def pictures(self, title: str, scenes: Sequence[Scene], variants: Sequence[Variant]) -> list[list[Picture]]:
        """pictures[scene][variant], each (H, W, 3) uint8. What is not in the project yet is rendered, with progress
        under `title`; equal jobs are rendered once. BlockweightError for previews among other scenes."""
        check_alike(scenes)
        flat = jobs_of(self.lora, self.strength, scenes, variants)
        distinct = len({job.key for job in flat})
        missing = len(self.project.missing(flat))
        progress = self.progress if missing else SilentProgress()
        with progress.track(title, distinct, distinct - missing) as bar:
            for _ in self.project.render(self.renderer, flat, watch=bar.step):
                bar.advance()
        pictures = [self.project.picture(job) for job in flat]
        return [pictures[start : start + len(variants)] for start in range(0, len(flat), len(variants))]

    def settings(self, scenes: Sequence[Scene], **more: object) -> dict[str, object]:
        """What pictures of these scenes are made from but for the block weights, as plain values that JSON keeps: the
        LoRA, the models and the scenes; and `more`."""
        lora = {"file": self.lora.path.name, "digest": self.lora.digest, "strength": self.strength}
        shown = [{"model": Path(scene.checkpoint.path).name, **scene.facts()} for scene in scenes]
        return {**more, "lora": lora, "scenes": shown}


def check_alike(scenes: Sequence[Scene]) -> None:
    """Refuse previews among other scenes."""
    if len({scene.preview for scene in scenes}) > 1:
        raise BlockweightError(
            "Some of the scenes are previews and some are not, and their pictures are not to be compared; render all "
            "of them alike."
        )


def preview_text(scenes: Sequence[Scene]) -> str:
    """What marks results of previews, `preview: 8 steps at 256×256`; empty for other scenes."""
    scene = scenes[0]
    return f"preview: {scene.steps} steps at {scene.width}×{scene.height}" if scene.preview else ""


def jobs_of(lora: Lora, strength: float, scenes: Sequence[Scene], variants: Sequence[Variant]) -> list[Job]:
    """A job for every variant in every scene, scene by scene."""
    use = LoraUse(str(lora.path), lora.digest, strength)
    return [Job(scene, use, variant) for scene in scenes for variant in variants]
