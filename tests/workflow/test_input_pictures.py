"""Pictures that were added to a project, for plots."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.render import identify_picture
from blockweight.render.fitting import read_part
from blockweight.workflow.plots.input_pictures import FOLDER, add_picture, input_pictures


def png(picture):
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("RGBA", (8, 8), (200, 0, 0, 0)),
        Image.fromarray(np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)),
    ],
    ids=["transparent", "16 bits"],
)
def test_an_added_picture_is_what_the_command_reads_of_the_same_file(tmp_path, picture):
    (tmp_path / "own.png").write_bytes(png(picture))
    added = add_picture(tmp_path, png(picture), "own.png")
    assert input_pictures(tmp_path) == (added,)
    own, kept = (np.asarray(read_part(identify_picture(path))) for path in (tmp_path / "own.png", added))
    assert np.array_equal(own, kept)


def test_a_folder_that_is_a_link_is_neither_read_nor_written(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "elsewhere" / "secret.png")
    project = tmp_path / "project"
    project.mkdir()
    (project / FOLDER).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert input_pictures(project) == ()
    with pytest.raises(BlockweightError, match="link to another folder"):
        add_picture(project, png(Image.new("RGB", (8, 8))), "a.png")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["secret.png"]
