"""What changed between two pictures of a project, as a picture."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.project import checked_key, is_own_file, read_picture
from blockweight.report import DifferenceColour, difference_picture, write_whole
from blockweight.workflow.tuning_project import TuningProject

FOLDER = "thumbnails/difference"
"""Beside the thumbnails: it may be deleted like them."""


def difference_path(tuning: TuningProject, changed: str, source: str, colour: DifferenceColour = "black") -> Path:
    """|changed − source| of the pictures with these job keys, as the report draws it: a PNG in their own size, made
    when it is first asked for. On `white` it is 255 − that.

    BlockweightError for what is no key, a picture that is not there or cannot be read, sizes that differ, another
    colour, and a folder that cannot be written.
    """
    path = tuning.folder / FOLDER / f"{checked_key(changed)}-{checked_key(source)}-{colour}.png"
    if is_own_file(path):
        return path
    folder, drawn = tuning.project.pictures.folder, io.BytesIO()
    difference = difference_picture(read_picture(folder, changed), read_picture(folder, source), colour)
    Image.fromarray(difference).save(drawn, "PNG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BlockweightError(
            f"The folder '{path.parent}' cannot be made ({error.strerror}); check the project's permissions."
        ) from error
    write_whole(path, drawn.getvalue())
    return path
