"""Rendering on many machines with Ray: one worker a device, each of which keeps its models.

It needs the `cluster` extra.
"""

from blockweight.render.cluster.renderer import RayRenderer

__all__ = ["RayRenderer"]
