"""A font for labels in any script: DejaVu Sans, which matplotlib brings along, or a CJK font of the system."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from PIL import ImageFont

_CJK_RANGES = (
    (0x1100, 0x11FF),  # hangul jamo
    (0x2E80, 0x9FFF),  # radicals, kana, bopomofo, unified ideographs
    (0xAC00, 0xD7AF),  # hangul syllables
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFF00, 0xFFEF),  # full-width and half-width forms
    (0x20000, 0x3FFFF),  # further ideographs
)

_CJK_FILES = (
    # Windows
    "YuGothM.ttc",
    "YuGothR.ttc",
    "meiryo.ttc",
    "msgothic.ttc",
    "msyh.ttc",
    "malgun.ttf",
    # macOS
    "ヒラギノ角ゴシック W3.ttc",
    "Hiragino Sans GB.ttc",
    "PingFang.ttc",
    # Linux
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "NotoSansJP-Regular.otf",
    "NotoSansJP-Regular.ttf",
    "NotoSansJP[wght].ttf",
    "SourceHanSansJP-Regular.otf",
    "ipaexg.ttf",
    "ipagp.ttf",
    "ipag.ttf",
    "TakaoPGothic.ttf",
    "TakaoGothic.ttf",
    "VL-Gothic-Regular.ttf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
)
"""File names of gothic (sans-serif) fonts with Japanese first, best first within a system."""


_BREAKABLE = ",;:/_-、。"
"""A long word may be broken after these."""


def has_cjk(text: str) -> bool:
    """Whether the text has a Chinese, Japanese or Korean character."""
    return any(first <= ord(character) <= last for character in text for first, last in _CJK_RANGES)


def font_folders() -> tuple[Path, ...]:
    """Where this system keeps its fonts, the user's own first."""
    home = Path.home()
    folders = [home / ".local/share/fonts", home / ".fonts", home / "Library/Fonts"]
    if local := os.environ.get("LOCALAPPDATA"):
        folders.append(Path(local) / "Microsoft/Windows/Fonts")
    folders.append(Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts")
    folders += [Path(name) for name in ("/System/Library/Fonts", "/Library/Fonts")]
    folders += [Path(name) for name in ("/usr/share/fonts", "/usr/local/share/fonts")]
    return tuple(folders)


def find_cjk_font(folders: Iterable[Path]) -> Path | None:
    """The best CJK font file below these folders, or None."""
    found: dict[str, Path] = {}
    for folder in folders:
        for parent, names, files in os.walk(folder):
            names.sort()
            for name in sorted(files):
                found.setdefault(name.lower(), Path(parent) / name)
    return next((found[name.lower()] for name in _CJK_FILES if name.lower() in found), None)


@cache
def _system_cjk_font() -> Path | None:
    return find_cjk_font(font_folders())


def font_path(text: str) -> Path:
    """The font file to write this text with. CJK text without a CJK font on the system falls back to DejaVu Sans
    (its characters then show as boxes, the rest is readable)."""
    if has_cjk(text):
        cjk = _system_cjk_font()
        if cjk is not None:
            return cjk
    import matplotlib as mpl  # noqa: PLC0415 - takes a third of a second, which nothing that draws no text waits for

    return Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


@cache
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    # The basic layout engine is in every build of Pillow, so that pictures do not depend on an optional library.
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def label_font(text: str, size: int) -> ImageFont.FreeTypeFont:
    """A Pillow font that can write this text, `size` pixels high."""
    return _font(font_path(text), size)


def wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break the text into lines of at most `width` pixels: at its own newlines, then between words, and inside a word
    only where it alone is too long (CJK text has no spaces). Nothing is lost but the spaces at the breaks."""
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            joined = f"{line} {word}" if line else word
            if font.getlength(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            *full, line = _break_word(word, font, width)
            lines += full
        lines.append(line)
    return lines


def _break_word(word: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    pieces = [""]
    for character in word:
        while pieces[-1] and font.getlength(pieces[-1] + character) > width:
            # `Gobuhime:1,0,0.5,…` is easier to read when a line ends with its comma.
            cut = max(pieces[-1].rfind(mark) for mark in _BREAKABLE) + 1 or len(pieces[-1])
            pieces[-1:] = [pieces[-1][:cut], pieces[-1][cut:]]
        pieces[-1] += character
    return pieces
