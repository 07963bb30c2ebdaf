"""A plot's surroundings: a LoRA, a second one, a model, and how they are typed."""

from __future__ import annotations

from pathlib import Path

import workshop
from blockweight.plan import Job
from blockweight.workflow.plots.planning import PlannedPlot, plan_plot
from blockweight.workflow.plots.reading import TypedPlot, read_plot
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import LoraEdit, Shot
from blockweight.workflow.settings import Settings

PROMPT = "1girl, red dress <lora:princess:1>"


class Bench:
    """Two LoRAs, `princess` and `coat`, and the model `anime`, in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.loras, self.models = folder / "loras", folder / "models"
        for path in (self.loras, self.models):
            path.mkdir(parents=True)
        self.princess = workshop.write_lora_file(self.loras / "princess.safetensors", workshop.FULL.blocks)
        self.coat = workshop.write_lora_file(self.loras / "coat.safetensors", workshop.FULL.blocks, seed=2)
        self.model = workshop.write_model(self.models / "anime")
        self.resolver = Resolver(Settings(loras=(self.loras,), models=(self.models,)))

    def shot(self, prompt: str = PROMPT, lora: LoraEdit | None = None) -> Shot:
        return Shot(prompt, "", 0, "anime", 4, 7.0, "Euler a", "32x24", lora=lora or LoraEdit())

    def plan(self, *x: str, y: tuple[str, ...] = (), z: tuple[str, ...] = (), **more: object) -> PlannedPlot:
        lora = more.pop("lora", None)
        shot = self.shot(str(more.pop("prompt", PROMPT)), lora)  # type: ignore[arg-type]
        return plan_plot(read_plot(TypedPlot(shot, x=x, y=y, z=z, **more), self.resolver), self.resolver)  # type: ignore[arg-type]

    def row(self, *x: str, **more: object) -> tuple[Job, ...]:
        """The jobs of the plot's first row."""
        return self.plan(*x, **more).jobs[0][0]  # type: ignore[arg-type]

    def job(self, prompt: str, lora: LoraEdit | None = None) -> Job:
        return self.resolver.job(self.shot(prompt, lora))
