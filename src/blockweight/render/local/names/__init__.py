"""What the layers of diffusers' transformers are called in the models' original code, family by family: LoRA files use
either names."""

from blockweight.render.local.names.flux1 import FLUX1
from blockweight.render.local.names.flux2 import FLUX2
from blockweight.render.local.names.krea2 import KREA2
from blockweight.render.local.names.lumina2 import LUMINA2
from blockweight.render.local.names.sd3 import SD3
from blockweight.render.local.names.wan import WAN
from blockweight.render.local.names.zimage import ZIMAGE

__all__ = ["FLUX1", "FLUX2", "KREA2", "LUMINA2", "SD3", "WAN", "ZIMAGE"]
