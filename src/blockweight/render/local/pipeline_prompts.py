"""Reading prompts with the text encoders of diffusers' pipelines: one at a time, so that what a prompt becomes does not
depend on the others in its batch, and can be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Encoded = Mapping[str, Tensor]
"""One prompt as its pipeline's arguments, each (1, …)."""

Encode = Callable[[Any, str, bool, int], Encoded]
"""(pipeline, prompt, whether it is the negative one, how many tokens it may have) → the prompt read."""


def stacked(prompts: Sequence[Encoded]) -> dict[str, Any]:
    """The prompts of a batch as one argument each, (N, …). Shorter ones are filled up with zeros, which their masks
    leave out."""
    return {name: _of_one_length([prompt[name] for prompt in prompts]) for name in prompts[0]}


def listed(prompts: Sequence[Encoded]) -> dict[str, Any]:
    """The prompts of a batch as lists of tensors, (tokens, width) each."""
    return {name: [prompt[name][0] for prompt in prompts] for name in prompts[0]}


def _of_one_length(parts: Sequence[Tensor]) -> Tensor:
    if parts[0].dim() == 2 and parts[0].is_floating_point():
        return torch.cat(list(parts))  # pooled: no tokens
    longest = max(part.shape[1] for part in parts)
    return torch.cat([F.pad(part, (*[0, 0] * (part.dim() - 2), 0, longest - part.shape[1])) for part in parts])


def sd3(pipeline: Any, text: str, _negative: bool, tokens: int) -> Encoded:
    """Two CLIPs and T5, and the pooled vectors of the CLIPs."""
    states, _, pooled, _ = pipeline.encode_prompt(
        [text], None, None, do_classifier_free_guidance=False, max_sequence_length=tokens
    )
    return {"prompt_embeds": states, "pooled_prompt_embeds": pooled}


def flux1(pipeline: Any, text: str, _negative: bool, tokens: int) -> Encoded:
    """T5, and CLIP's pooled vector."""
    states, pooled, _ = pipeline.encode_prompt([text], None, max_sequence_length=tokens)
    return {"prompt_embeds": states, "pooled_prompt_embeds": pooled}


def flux2(pipeline: Any, text: str, _negative: bool, tokens: int) -> Encoded:
    """Layers of a language model."""
    states, _ = pipeline.encode_prompt([text], max_sequence_length=tokens)
    return {"prompt_embeds": states}


def zimage(pipeline: Any, text: str, _negative: bool, tokens: int) -> Encoded:
    """The tokens of a language model, as many as there are."""
    states, _ = pipeline.encode_prompt([text], do_classifier_free_guidance=False, max_sequence_length=tokens)
    return {"prompt_embeds": states[0][None]}


def qwen_image(pipeline: Any, text: str, _negative: bool, tokens: int) -> Encoded:
    """The tokens of a language model after its template, and which of them there are."""
    states, mask = pipeline.encode_prompt([text], max_sequence_length=tokens)
    there = torch.ones(states.shape[:2], dtype=torch.long, device=states.device) if mask is None else mask
    return {"prompt_embeds": states, "prompt_embeds_mask": there}


def lumina2(pipeline: Any, text: str, negative: bool, tokens: int) -> Encoded:
    """Gemma's tokens; the pipeline puts its system prompt before prompts, but not before negative ones."""
    if negative:
        states, mask = pipeline._get_gemma_prompt_embeds([text], max_sequence_length=tokens)
    else:
        states, mask, _, _ = pipeline.encode_prompt(
            [text], do_classifier_free_guidance=False, max_sequence_length=tokens
        )
    return {"prompt_embeds": states, "prompt_attention_mask": mask}


def chroma(pipeline: Any, text: str, _negative: bool, tokens: int) -> Encoded:
    """T5, and how many of its tokens count."""
    states, _, mask, *_ = pipeline.encode_prompt([text], do_classifier_free_guidance=False, max_sequence_length=tokens)
    return {"prompt_embeds": states, "prompt_attention_mask": mask}


def krea2(pipeline: Any, text: str, _negative: bool, tokens: int) -> Encoded:
    """Layers of a language model, each by itself: (1, tokens, layers, width)."""
    states, mask = pipeline.encode_prompt([text], max_sequence_length=tokens)
    return {"prompt_embeds": states, "prompt_embeds_mask": mask}


def wan(pipeline: Any, text: str, _negative: bool, tokens: int) -> Encoded:
    """UMT5's tokens, with zeros after them."""
    states, _ = pipeline.encode_prompt([text], do_classifier_free_guidance=False, max_sequence_length=tokens)
    return {"prompt_embeds": states}
