"""What every step works on: a project, a renderer and a LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.lora import Lora
from blockweight.plan import Job, LoraUse, Scene, Variant
from blockweight.project import Project
from blockweight.render import Picture, Renderer
from blockweight.workflow.progress import Progress


@dataclass(frozen=True)
class Workbench:
    """A project, the renderer that makes its pictures, the LoRA at a strength, and where progress is shown."""

    project: Project
    renderer: Renderer
    lora: Lora
    progress: Progress
    strength: float = 1.0

    def jobs(self, scenes: Sequence[Scene], variants: Sequence[Variant]) -> list[list[Job]]:
        """jobs[scene][variant]."""
        use = LoraUse(str(self.lora.path), self.lora.digest, self.strength)
        return [[Job(scene, use, variant) for variant in variants] for scene in scenes]

    def pictures(self, title: str, scenes: Sequence[Scene], variants: Sequence[Variant]) -> list[list[Picture]]:
        """pictures[scene][variant], each (H, W, 3) uint8. What is not in the project yet is rendered, with progress
        under `title`; equal jobs are rendered once."""
        table = self.jobs(scenes, variants)
        flat = [job for row in table for job in row]
        distinct = len({job.key for job in flat})
        missing = len(self.project.missing(flat))
        if missing:
            with self.progress.track(title, distinct, distinct - missing) as advance:
                for _ in self.project.render(self.renderer, flat):
                    advance()
        return [[self.project.picture(job) for job in row] for row in table]
