"""Prompt S/R: a text that is searched in the prompt and replaced, as the WebUI's X/Y/Z plot does it."""

from __future__ import annotations

from blockweight.errors import BlockweightError, quoted


def swapped(prompt: str, negative: str, searched: str, replacement: str) -> tuple[str, str]:
    """Both prompts with every `searched` replaced, letter for letter. BlockweightError if neither has it.

    Source: the wiki of AUTOMATIC1111/stable-diffusion-webui, Features, "Prompt S/R".
    """
    if not searched:
        raise BlockweightError("Prompt S/R searches for nothing; its first value is the text to search for.")
    if searched not in prompt and searched not in negative:
        raise BlockweightError(
            f"Prompt S/R searches for {quoted(searched)}, which is in neither prompt; its first value must stand in "
            f"one of them: {quoted(prompt, 200)}."
        )
    return prompt.replace(searched, replacement), negative.replace(searched, replacement)
