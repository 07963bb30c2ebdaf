"""Renderers behind one protocol. The local one lives in `render.local` and needs the `local` extra."""

from blockweight.render.checkpoints import checkpoint_file_hash, identify_checkpoint, size_step
from blockweight.render.embeddings import find_embeddings
from blockweight.render.fake import FakeRenderer, fake_picture
from blockweight.render.model_families import families_of
from blockweight.render.parts import identify_picture, identify_weights, part_digest
from blockweight.render.probing import (
    PROBE_SIGMA,
    Maps,
    Pair,
    ProbeAsk,
    Probed,
    ProbedLevel,
    Prober,
    check_steps,
    paired,
    prober_of,
    step_near,
)
from blockweight.render.protocol import (
    Capabilities,
    Failure,
    Picture,
    Renderer,
    Rendering,
    RenderingError,
    Step,
    Watch,
    unwatched,
)
from blockweight.render.sloping import Cotangents, Sketch, SketchAsk, SlopeAsk, SlopeRenderer, Slopes, slope_renderer

__all__ = [
    "PROBE_SIGMA",
    "Capabilities",
    "Cotangents",
    "Failure",
    "FakeRenderer",
    "Maps",
    "Pair",
    "Picture",
    "ProbeAsk",
    "Probed",
    "ProbedLevel",
    "Prober",
    "Renderer",
    "Rendering",
    "RenderingError",
    "Sketch",
    "SketchAsk",
    "SlopeAsk",
    "SlopeRenderer",
    "Slopes",
    "Step",
    "Watch",
    "check_steps",
    "checkpoint_file_hash",
    "fake_picture",
    "families_of",
    "find_embeddings",
    "identify_checkpoint",
    "identify_picture",
    "identify_weights",
    "paired",
    "part_digest",
    "prober_of",
    "size_step",
    "slope_renderer",
    "step_near",
    "unwatched",
]
