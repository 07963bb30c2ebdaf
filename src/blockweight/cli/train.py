"""`blockweight train`: a LoRA from one's own pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from blockweight.cli import scene_options as options
from blockweight.cli.option_groups import NONE_GATHERED
from blockweight.cli.printed import print_told
from blockweight.cli.progress import TerminalProgress
from blockweight.cli.project_options import Json
from blockweight.cli.training_options import Learning, Schedule, with_learning
from blockweight.workflow.renderers import local_renderer

Dataset = Annotated[
    Path, typer.Argument(parser=options.path, metavar="DATASET", help="A folder with folders such as '10_name'.")
]


@with_learning
def train(
    dataset: Dataset,
    model: options.Model,
    out: Annotated[
        Path, typer.Option("-o", "--out", parser=options.path, metavar="PATH", help="The LoRA to write, .safetensors.")
    ],
    block_lr: Annotated[
        str | None,
        typer.Option("--block-lr", help='Factors of --unet-lr by block, "NAME:1,0,0.5,…"; 0 leaves the block out.'),
    ] = None,
    block_rank: Annotated[
        str | None, typer.Option("--block-rank", help="Ranks by block, likewise; BASE's is the text encoder's.")
    ] = None,
    fill: options.Fill = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="How many steps; 1600 if nothing is said.")
    ] = None,
    weighted_captions: Annotated[
        Literal["mean", "none"] | None,
        typer.Option(help="Read (tag:1.3) in captions; restore the mean (sd-scripts up to v0.9.1) or not (since)."),
    ] = None,
    clip_skip: options.ClipSkip = 1,
    scheduler: Annotated[Schedule, typer.Option(help="How the learning rate goes.")] = "constant",
    learning: Learning = NONE_GATHERED,
    save_every: Annotated[
        int | None, typer.Option("--save-every", min=1, help="Write a file every so many epochs, too.")
    ] = None,
    sample_prompt: Annotated[
        list[str] | None, typer.Option("--sample-prompt", help="Draw it before, and after epochs. Repeatable.")
    ] = None,
    sample_every: Annotated[int, typer.Option("--sample-every", min=1, help="After every so many epochs.")] = 1,
    sample_steps: Annotated[int, typer.Option("--sample-steps", min=1, max=1000)] = 20,
    sample_cfg: Annotated[float, typer.Option("--sample-cfg", min=1, max=100, callback=options.finite)] = 7,
    sample_sampler: Annotated[str, typer.Option("--sample-sampler")] = options.DEFAULT_SAMPLER,
    sample_seed: Annotated[int, typer.Option("--sample-seed", min=0, max=2**63 - 1)] = 1,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what it would take.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists, and begin anew with other settings.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a LoRA for Stable Diffusion 1.x or 2.x, with a learning rate for each block.

    Ctrl-C keeps what is done; the same command goes on, also after a kill.
    """
    from blockweight.workflow.training import training_of  # noqa: PLC0415 - keeps --help fast
    from blockweight.workflow.training_ask import SampleAsk, TrainingAsk  # noqa: PLC0415

    ask = TrainingAsk(
        dataset=dataset,
        model=model,
        out=out,
        block_lr=block_lr,
        block_rank=block_rank,
        fill=fill,
        steps=steps,
        weighted_captions=weighted_captions,
        clip_skip=clip_skip,
        scheduler=scheduler,
        save_every=save_every,
        samples=SampleAsk(
            tuple(sample_prompt or ()), sample_every, sample_steps, sample_cfg, sample_sampler, sample_seed
        ),
        overwrite=overwrite,
        **learning,
    )
    progress = TerminalProgress()
    training = training_of(ask, progress)
    cost = training.cost()
    if estimate:
        training.close()
        print_told(cost.facts(), cost.lines(), as_json=as_json)
        return
    for line in cost.lines():
        progress.say(line)
    trained = training.train(progress, local_renderer)
    print_told(trained.facts(), trained.lines(), as_json=as_json)
