"""How much memory there is, and how torch says that it ran out."""

from __future__ import annotations

import torch

_WORDS = ("can't allocate memory", "out of memory", "not enough memory", "status_alloc_failed")
"""What torch's allocators for the CPU and MPS say, and CUDA's libraries where a card is full (cuBLAS' and cuDNN's
`…_STATUS_ALLOC_FAILED`), in errors of no type of their own."""


def ran_out_of_memory(error: Exception) -> bool:
    """Whether an error of torch's, whatever its type, means that the device or the machine has no memory left."""
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)


def free_bytes(device: torch.device) -> int | None:
    """What a graphics card of CUDA has free, with what torch holds and would give out again. None for devices that use
    the machine's own memory."""
    if device.type != "cuda":
        return None
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + held
