"""Datasets in kohya's folders: pictures in folders such as `10_name class`, a caption beside each.

The layout is sd-scripts' (`library/config_util.py`, `library/train_util.py` at 48d368fa): the number says how often a
folder's pictures are seen in an epoch; a caption is the first line of the text file with the picture's name; without
one it is what follows the number.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageOps

from blockweight.errors import BlockweightError, quoted
from blockweight.train.buckets import Fit, Size
from blockweight.train.captions import TagWeight, with_weight

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
CAPTION_ENDINGS = (".txt", ".caption")

_FOLDER = re.compile(r"(\d+)_(.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class TrainingPicture:
    """A picture: its file, its size as it is shown, its caption, how often it is seen in an epoch, and its folder's
    name."""

    path: Path
    size: Size
    caption: str
    repeats: int
    folder: str


@dataclass(frozen=True)
class Dataset:
    """The pictures by folder and name, and the folders that are no part of it."""

    pictures: tuple[TrainingPicture, ...]
    left_out: tuple[str, ...]

    def folders(self) -> dict[str, tuple[int, int]]:
        """Folder → how many pictures it has, and how often each is seen in an epoch."""
        counts = Counter(picture.folder for picture in self.pictures)
        return {picture.folder: (counts[picture.folder], picture.repeats) for picture in self.pictures}

    def tags(self) -> dict[str, Mapping[str, int]]:
        """Folder → tag → how many of its captions have it."""
        found: dict[str, Counter[str]] = {}
        for picture in self.pictures:
            said = (tag.strip() for tag in picture.caption.split(","))
            found.setdefault(picture.folder, Counter()).update(filter(None, said))
        return {folder: dict(sorted(counts.items())) for folder, counts in found.items()}

    def weighing(self, given: TagWeight) -> Dataset:
        """The same with a weight written into the captions (`with_weight`). BlockweightError if none has the tag."""
        if not any(given.counts_for(tag) for counts in self.tags().values() for tag in counts):
            raise BlockweightError(f"No caption has the tag {quoted(given.tag)}; give one as captions have it.")
        weighed = (replace(each, caption=with_weight(each.caption, given)) for each in self.pictures)
        return replace(self, pictures=tuple(weighed))


def read_dataset(folder: Path) -> Dataset:
    """The dataset in `folder`. BlockweightError, with the file, for a folder without pictures in numbered folders, a
    picture or a caption that cannot be read, and a picture without a caption where its folder has no name."""
    if not folder.is_dir():
        raise BlockweightError(f"There is no folder '{folder}'; give the one that holds folders such as '10_name'.")
    chosen: list[tuple[Path, int, str]] = []
    left_out = []
    for each in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        found = _FOLDER.fullmatch(each.name)
        if found and int(found[1]):
            chosen.append((each, int(found[1]), found[2].strip()))
        else:
            left_out.append(each.name)
    pictures = tuple(
        TrainingPicture(file, picture_size(file), _caption(file, name), repeats, each.name)
        for each, repeats, name in chosen
        for file in _pictures(each)
    )
    if not pictures and _pictures(folder):
        raise BlockweightError(
            f"The pictures in '{folder}' lie in no folder that says how often they are seen; put them into one in it, "
            "such as '10_name'."
        )
    if not pictures:
        raise BlockweightError(
            f"'{folder}' has no pictures in folders whose names begin with how often they are seen; put some into one, "
            "such as '10_name'."
        )
    return Dataset(pictures, tuple(left_out))


def picture_size(path: Path) -> Size:
    """Width and height as the picture is shown. BlockweightError if it cannot be read."""
    try:
        with Image.open(path) as opened:
            turned = opened.getexif().get(0x0112, 1) >= 5  # EXIF's orientations on their sides
            return (opened.height, opened.width) if turned else opened.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def load_picture(path: Path, fit: Fit) -> Image.Image:
    """The picture as it is trained on, RGB; what is see-through stands on white. BlockweightError if it cannot be
    read."""
    try:
        with Image.open(path) as opened:
            shown = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error
    paper = Image.new("RGBA", shown.size, "white")
    whole = Image.alpha_composite(paper, shown).convert("RGB").resize(fit.scaled, Image.Resampling.LANCZOS)
    left, top = fit.corner
    return whole.crop((left, top, left + fit.bucket[0], top + fit.bucket[1]))


def picture_digest(path: Path) -> str:
    """SHA-256 of the file. BlockweightError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BlockweightError:
    return BlockweightError(f"The picture '{path}' cannot be read ({error}); mend it, or take it out of the dataset.")


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_ENDINGS and path.is_file())


def _caption(picture: Path, name: str) -> str:
    files = [file for file in (picture.with_suffix(ending) for ending in CAPTION_ENDINGS) if file.is_file()]
    if len(files) > 1:
        raise BlockweightError(
            f"'{picture}' has two captions, '{files[0].name}' and '{files[1].name}'; keep the one that is meant."
        )
    if not files:
        if not name:
            raise BlockweightError(
                f"'{picture}' has no caption, and its folder no name; write one into '{picture.stem}.txt'."
            )
        return name
    try:
        lines = files[0].read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise BlockweightError(f"'{files[0]}' cannot be read as UTF-8 text ({error}); save it as UTF-8.") from error
    caption = lines[0].strip() if lines else ""
    if not caption:
        raise BlockweightError(
            f"The first line of '{files[0]}' is empty, and it is the caption; write one, or delete it."
        )
    return caption
