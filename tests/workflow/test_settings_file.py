"""Settings are kept whole, and a file that is wrong is refused in a sentence."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.workflow.config_folder import CONFIG, config_folder
from blockweight.workflow.settings import Settings, folders_of, load_settings, save_settings, settings_file


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv(CONFIG, str(tmp_path / "config"))
    return tmp_path / "config"


def test_the_variable_names_the_config_folder(config):
    assert settings_file() == config / "settings.toml"


def test_without_the_variable_it_is_the_systems_place(monkeypatch):
    monkeypatch.delenv(CONFIG, raising=False)
    assert config_folder().name == "blockweight"


def test_without_a_file_there_are_defaults_and_none_is_made(config):
    assert load_settings() == Settings()
    assert not config.exists()


def test_what_is_saved_is_loaded(config):
    settings = Settings((Path("/models"),), (Path("/loras"), Path('/"ゴブ姫"\\')), "ja", "dark", device="mps")
    settings = replace(settings, renderer="webui+http://ann@host:7860?loras=/a%20b")
    save_settings(settings)
    assert load_settings() == settings
    assert [path.name for path in config.iterdir()] == ["settings.toml"]


_names = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1)


@given(st.lists(_names), st.lists(_names), st.sampled_from(["", "en", "ja"]), st.sampled_from(["", "light", "dark"]))
def test_any_folder_is_text_in_the_file(models, loras, language, theme):
    found = tomllib.loads(Settings(tuple(map(Path, models)), tuple(map(Path, loras)), language, theme).text())
    assert found["models"] == [str(Path(name)) for name in models]
    assert found["loras"] == [str(Path(name)) for name in loras]
    assert (found["language"], found["theme"]) == (language, theme)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("loras = 5", "loras is a list of folders"),
        ('models = [""]', "models is a list of folders"),
        ('loras = ["/a", 1]', "loras is a list of folders"),
        ("colour = 'red'", "'colour' is no setting"),
        ("theme = 'pink'", "no theme 'pink'"),
        ("language = 'xx'", "no language 'xx'"),
        ("theme = true", "are texts"),
        ("device = 'tpu'", "no device 'tpu'; use one of cpu, cuda, mps"),
        ("device = 1", "device and precision are texts"),
        ("renderer = 1", "renderer is a text"),
        ("renderer = 'local'", "renderer is the address of a server without a password"),
        ("renderer = 'webui+http://ann:secret@host'", "renderer is the address of a server without a password"),
        ("loras = [", "are not TOML"),
        ("\udcff", "are not TOML"),
        ("a = " + "[" * 5000, "are not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_sentence(config, text, words):
    config.mkdir()
    (config / "settings.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BlockweightError, match=words) as refused:
        load_settings()
    assert str(config) in str(refused.value)


@given(st.binary())
def test_no_file_brings_a_traceback(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("config")
    (folder / "settings.toml").write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIG, str(folder))
        try:
            load_settings()
        except BlockweightError as refused:
            assert "\n" not in str(refused)


def test_a_config_folder_that_cannot_be_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CONFIG, str(tmp_path / "file"))
    with pytest.raises(BlockweightError, match=CONFIG):
        save_settings(Settings())
    with pytest.raises(BlockweightError, match=CONFIG):
        load_settings()


def test_a_name_that_is_not_text_is_refused_and_the_old_settings_stay(config):
    save_settings(Settings(theme="dark"))
    with pytest.raises(BlockweightError, match="not text"):
        save_settings(Settings(loras=(Path(os.fsdecode(b"/\x83")),)))
    assert load_settings() == Settings(theme="dark")


def test_folders_are_typed_one_a_line_and_counted_once(tmp_path):
    assert folders_of(f"\n  {tmp_path} \n{tmp_path}\n\n") == (tmp_path,)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders_of("~") == (tmp_path,)


@pytest.mark.parametrize("text", ["relative", "/no/such/folder", "~nobody-here/x", "\x00", "."])
def test_a_folder_that_is_none_is_refused(text):
    with pytest.raises(BlockweightError):
        folders_of(text)


@given(st.text())
def test_whatever_is_typed_is_folders_or_a_sentence(text):
    try:
        folders_of(text)
    except BlockweightError as refused:
        assert "\n" not in str(refused)
