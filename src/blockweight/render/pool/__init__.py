"""Several renderers as one: their jobs handed out in portions, lost ones again, the pictures given once each."""

from blockweight.render.pool.renderer import PoolRenderer
from blockweight.render.pool.workers import Worker

__all__ = ["PoolRenderer", "Worker"]
