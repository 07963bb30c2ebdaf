"""Renderers behind one protocol. The local one lives in `render.local` and needs the `local` extra."""

from blockweight.render.checkpoints import identify_checkpoint, size_step
from blockweight.render.embeddings import find_embeddings
from blockweight.render.fake import FakeRenderer, fake_picture
from blockweight.render.model_families import families_of
from blockweight.render.parts import identify_picture, identify_weights, part_digest
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
from blockweight.render.sloping import Sketch, SketchAsk, SlopeAsk, SlopeRenderer, Slopes, slope_renderer

__all__ = [
    "Capabilities",
    "Failure",
    "FakeRenderer",
    "Picture",
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
    "fake_picture",
    "families_of",
    "find_embeddings",
    "identify_checkpoint",
    "identify_picture",
    "identify_weights",
    "part_digest",
    "size_step",
    "slope_renderer",
    "unwatched",
]
