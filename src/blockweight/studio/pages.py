"""Rendering: one template environment per language, and what every page is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from gettext import NullTranslations
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from blockweight import __version__
from blockweight.errors import BlockweightError
from blockweight.studio.languages import catalogue, language_for, marked
from blockweight.studio.projects import OpenProject
from blockweight.studio.sentences import Said, said
from blockweight.workflow.render_process import Task
from blockweight.workflow.settings import LANGUAGES, THEMES, Settings, load_settings

PREFERENCES: tuple[Literal["language"], Literal["theme"]] = ("language", "theme")
"""What the switches at the head of every page set, as cookies of the same names."""


@dataclass(frozen=True)
class Look:
    """A page's language (one of LANGUAGES) and theme (one of THEMES, or empty to follow the system)."""

    language: str
    theme: str


def look_for(headers: Mapping[str, str], settings: Settings) -> Look:
    """The language and theme that a request wants: by the switch's cookie, the settings, the browser."""
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        jar = SimpleCookie()
    language, theme = (jar[name].value if name in jar else "" for name in PREFERENCES)
    if language not in LANGUAGES:
        language = settings.language
    if theme not in THEMES:
        theme = settings.theme
    return Look(language_for(language, headers.get("accept-language", "")), theme)


class Facts(JSONResponse):
    """Plain values for a page's script, never kept by the browser. They go as ASCII: a file's name or an imported
    prompt may hold what is no text in UTF-8."""

    def __init__(self, facts: Mapping[str, object], status: int = 200) -> None:
        super().__init__(facts, status, {"cache-control": "no-store"})

    def render(self, content: object) -> bytes:
        """The values as JSON."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page or a part of one, in the language and theme that the request wants."""
    # The form of another method cannot be come back to, its page can.
    back = request.url.path + (f"?{request.url.query}" if request.method == "GET" and request.url.query else "")
    text = page_text(look_of(request), template, path=request.url.path, back=back, **values)
    return HTMLResponse(text, status, {"cache-control": "no-store"})


def project_page(
    request: Request, project: OpenProject, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page of a project: with its name, its LoRA, and the way to its other pages."""
    state = project.tuning.state()
    shown = {"name": state.name, "lora": state.subject.lora, "path": project.path(), "version": state.version}
    return render(request, template, status, project=shown, **values)


def look_of(request: Request) -> Look:
    """The look that a request wants, by the person's settings."""
    return look_for(request.headers, known_settings())


def cost_words(request: Request, cost: object) -> str:
    """What a rendering costs (`cost_facts`), in the words of the page that asks."""
    return page_text(look_of(request), "cost.html.j2", cost=cost).strip()


def error_page(headers: Mapping[str, str], status: int, sentence: str) -> bytes:
    """A page that says what went wrong, in one sentence."""
    look = look_for(headers, known_settings())
    return page_text(look, "error.html.j2", path="", back="", status=status, sentence=refusal(look, sentence)).encode()


def refusal(look: Look, sentence: str) -> Said:
    """Why a request is refused: the studio's own words, or those of a room below."""
    own = catalogue(look.language).gettext(sentence) if sentence else ""
    return said(look.language, sentence) if own == sentence else Said(own, look.language)


def told(request: Request, sentence: str, kind: str = "") -> dict[str, str]:
    """What a room below says, for a page's script: `text` and `lang`, in the page's language if it can be."""
    found = said(look_of(request).language, sentence, kind)
    return {"text": found.text, "lang": found.lang}


def task_facts(language: str, task: Task) -> dict[str, object]:
    """What is being rendered, for a page's script."""
    found, news = said(language, task.error), said(language, task.news, "worker")
    return {**task.facts(), "error": found.text, "lang": found.lang, "news": news.text, "newsLang": news.lang}


def with_errors(request: Request, facts: Mapping[str, object]) -> dict[str, object]:
    """The facts on variants, with what is wrong with them in the page's language."""
    language = look_of(request).language

    def spoken(each: Mapping[str, object]) -> dict[str, object]:
        found = said(language, str(each["error"]))
        return {**each, "error": found.text, "lang": found.lang}

    variants = facts["variants"]
    assert isinstance(variants, list)
    return {**spoken(facts), "variants": list(map(spoken, variants))}


def with_steps(request: Request, view: Mapping[str, object]) -> dict[str, object]:
    """A view's facts with the steps of the history, and what undo and redo would do, in the page's language."""
    language = look_of(request).language

    def spoken(step: object) -> object:
        if not isinstance(step, Mapping):
            return step
        found = said(language, step["text"], "step")
        return {**step, "text": found.text, "lang": found.lang}

    steps = view.get("steps")
    listed = {"steps": list(map(spoken, steps))} if isinstance(steps, list) else {}
    return {**view, **{name: spoken(view.get(name)) for name in ("undo", "redo")}, **listed}


def page_text(look: Look, template: str, **values: Any) -> str:
    """A template's text. What is no text in UTF-8, such as a file's odd name, stands there as `?`."""
    shared = {"look": look, "languages": LANGUAGES, "version": __version__}
    text = environment(look.language).get_template(template).render({**shared, **values})
    return text.encode("utf-8", "replace").decode()


def known_settings() -> Settings:
    """The person's settings; the defaults where the file cannot be read, for the page that says so needs a look too."""
    try:
        return load_settings()
    except BlockweightError:
        return Settings()


@cache
def environment(language: str) -> Environment:
    """The templates with the words of one language. All values are escaped."""
    made = Environment(
        loader=PackageLoader("blockweight.studio", "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = catalogue(language)
    # The extension of Jinja2 has added this method, which its type does not show.
    install: Any = made.install_gettext_callables  # type: ignore[attr-defined]
    install(words.gettext, words.ngettext, newstyle=True)
    made.filters["megabytes"] = megabytes
    made.filters["percent"] = percent
    made.filters["duration"] = partial(_duration, words)
    made.filters["moment"] = moment
    made.filters["told"] = partial(_marked, language)
    made.filters["spoken"] = partial(_spoken, language)
    return made


def _spoken(language: str, text: str | Said | None, kind: str = "") -> Said:
    """What a room below says, and the language that it is then in."""
    return text if isinstance(text, Said) else said(language, text or "", kind)


def _marked(language: str, text: str | Said | None, kind: str = "") -> Markup:
    """What a room below says, marked where it is not in the page's language."""
    found = _spoken(language, text, kind)
    if found.lang == language:
        return escape(found.text)
    return Markup('<span lang="{}">{}</span>').format(found.lang, found.text)


def moment(time: str) -> str:
    """A time in ISO 8601 as this machine's clock shows it: `2026-11-23 14:05`; as it stands if it is none."""
    try:
        return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return time


def percent(share: float) -> str:
    """A share in whole percent, without the sign: `93`, and with a true minus, `−6`; never a negative 0."""
    return str(round(100 * share)).replace("-", "−")


def megabytes(size: int) -> str:
    """A file's size for people: `18.4 MB`, `340 kB`."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{max(size, 1000) / 1e3:,.0f} kB"


_SECONDS, _MINUTES, _HOURS = marked("%(number)s s"), marked("%(number)s min"), marked("%(number)s h")


def _duration(words: NullTranslations, seconds: float) -> str:
    """A time for people, in their language: `40 s`, `12 min`, `3.1 h`."""
    if seconds < 90:
        return words.gettext(_SECONDS) % {"number": max(1, round(seconds))}
    if seconds < 90 * 60:
        return words.gettext(_MINUTES) % {"number": round(seconds / 60)}
    return words.gettext(_HOURS) % {"number": f"{seconds / 3600:.1f}"}
