"""A font for every character of a label: DejaVu Sans, which matplotlib brings, and the system's own for the rest.

No CJK font is shipped. Windows and macOS always have one, and on Linux it is one package (`MISSING_ADVICE`), while
those on PyPI are 5 to 17 MB a language and put there by others than their makers.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageFont

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

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
    "msjh.ttc",
    "malgun.ttf",
    # macOS
    "ヒラギノ角ゴシック W3.ttc",
    "Hiragino Sans GB.ttc",
    "PingFang.ttc",
    "AppleSDGothicNeo.ttc",
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
    "NotoSansSC-Regular.otf",
    "NotoSansTC-Regular.otf",
    "NotoSansKR-Regular.otf",
    "NanumGothic.ttf",
    "UnDotum.ttf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
)
"""File names of gothic (sans-serif) fonts with Japanese first, best first within a system."""

_OTHER_FILES = ("seguiemj.ttf", "seguisym.ttf", "NotoEmoji-Regular.ttf", "NotoEmoji[wght].ttf", "Symbola.ttf")
"""Emoji and signs as outlines, asked before any other font of the system."""

_ENDINGS = (".ttf", ".ttc", ".otf", ".otc")

MISSING_ADVICE = (
    (range(0x1F000, 0x20000), "emoji", "Noto Emoji (fonts.google.com/noto, or the package fonts-symbola)"),
    (range(0xAC00, 0xD7B0), "Korean", "Noto Sans CJK (the package fonts-noto-cjk or google-noto-sans-cjk-fonts)"),
    (range(0x1100, 0x1200), "Korean", "Noto Sans CJK (the package fonts-noto-cjk or google-noto-sans-cjk-fonts)"),
    (range(0x3040, 0x3100), "Japanese", "Noto Sans CJK (the package fonts-noto-cjk or google-noto-sans-cjk-fonts)"),
    (range(0x2E80, 0xA000), "Chinese or Japanese", "Noto Sans CJK (the package fonts-noto-cjk)"),
)
"""Characters, what they are, and the font that has them; of all others the Noto fonts are the place to look."""


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


def font_files(folders: Iterable[Path]) -> dict[str, Path]:
    """All font files below these folders by their name in small letters; the first of a name stands."""
    found: dict[str, Path] = {}
    for folder in folders:
        for parent, names, files in os.walk(folder):
            names.sort()
            for name in sorted(files):
                if name.lower().endswith(_ENDINGS):
                    found.setdefault(name.lower(), Path(parent) / name)
    return found


def find_cjk_fonts(folders: Iterable[Path]) -> tuple[Path, ...]:
    """The CJK font files below these folders, best first."""
    found = font_files(folders)
    return tuple(found[name.lower()] for name in _CJK_FILES if name.lower() in found)


@cache
def _system_fonts() -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The system's CJK fonts, and all its others with those for emoji first."""
    found = font_files(font_folders())
    cjk = tuple(found[name.lower()] for name in _CJK_FILES if name.lower() in found)
    first = [found[name.lower()] for name in _OTHER_FILES if name.lower() in found]
    rest = [path for _, path in sorted(found.items()) if path not in cjk and path not in first]
    return cjk, (*first, *rest)


@cache
def default_font() -> Path:
    """DejaVu Sans: Latin, Greek, Cyrillic and many signs, on every system the same."""
    import matplotlib as mpl  # noqa: PLC0415 - takes a third of a second, which nothing that draws no text waits for

    return Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


@cache
def _face(path: Path) -> FT2Font | None:
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415 - as above

    try:
        face = FT2Font(str(path))
    except (RuntimeError, OSError):  # a font that FreeType cannot read is no help
        return None
    return face if face.scalable else None


@cache
def _covers(path: Path, character: str) -> bool:
    face = _face(path)
    return face is not None and face.get_char_index(ord(character)) != 0


@cache
def _main_font(cjk: frozenset[str]) -> Path:
    """The font of a text with these CJK characters: the one that has most of them, so that its lines look alike."""
    fonts = _system_fonts()[0] if cjk else ()
    return max(fonts, key=lambda path: sum(_covers(path, each) for each in cjk), default=default_font())


@cache
def font_of(character: str, main: Path) -> Path | None:
    """The font file to write this character with: `main` where it can, else the first that has it, or None."""
    cjk, others = _system_fonts()
    tried = (main, default_font(), *cjk) if main != default_font() else (main, *cjk)
    return next((path for path in (*tried, *others) if _covers(path, character)), None)


def main_font(text: str) -> Path:
    """The font file that most of this text is written with."""
    return _main_font(frozenset(character for character in text if has_cjk(character)))


def invisible(character: str) -> bool:
    """Whether a character only steers others (a variation selector, a joiner), so that nothing lacks without it."""
    return unicodedata.category(character) in ("Cf", "Cc") or 0xFE00 <= ord(character) <= 0xFE0F


def missing_fonts(texts: Iterable[str]) -> str | None:
    """One sentence on what cannot be written with the fonts of this system and where to get them; None if all can.

    What is missing is drawn as its code (`[U+1F642]`), never as an empty box.
    """
    lacking = {
        character
        for text in texts
        for character in set(text)
        if not character.isspace() and not invisible(character) and font_of(character, main_font(text)) is None
    }
    if not lacking:
        return None
    kinds = {_kind(character) for character in lacking}
    names, fonts = (list(dict.fromkeys(words)) for words in zip(*sorted(kinds), strict=True))
    shown = " ".join(sorted(lacking)[:6])
    return f"No font on this system has the {' and '.join(names)} of some labels ({shown}); install {', '.join(fonts)}."


def _kind(character: str) -> tuple[str, str]:
    for codes, name, font in MISSING_ADVICE:
        if ord(character) in codes:
            return f"{name} characters" if name != "emoji" else name, font
    return "characters", "the Noto font of their script (fonts.google.com/noto)"


@cache
def sized_font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """A font file as a Pillow font, `size` pixels high."""
    # The basic layout engine is in every build of Pillow, so that pictures do not depend on an optional library.
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
