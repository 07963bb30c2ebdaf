"""`blockweight studio`: what it refuses before it serves, and how it starts and stops."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def refused(ended, words):
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: ")
    assert words in line
    assert (ended.code, ended.out) == (2, "")


def test_a_port_in_use(blockweight, taken):
    refused(blockweight("studio", "--no-open", "--port", taken), f"The port {taken} is in use")


@pytest.mark.parametrize("host", ["no such host", "256.1.1.1", "192.0.2.1", "a\x00b", "." * 300])
def test_an_address_that_is_not_this_machines(blockweight, host):
    ended = blockweight("studio", "--no-open", "--port", 0, "--host", host)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: ")
    assert "--host" in ended.err


@pytest.mark.parametrize("project", ["none", "file", "a\x00b", "~nobody-here/x"])
def test_a_project_that_is_no_folder(blockweight, tmp_path, monkeypatch, project):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    ended = blockweight("studio", project, "--no-open", "--port", 0)
    assert (ended.code, ended.out) == (2, "")
    assert "check the path" in ended.err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none(blockweight, port):
    assert blockweight("studio", "--no-open", "--port", port).code == 2


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_without_the_extra_it_says_what_to_install(blockweight, monkeypatch, missing):
    for name in [name for name in sys.modules if name.startswith("blockweight.studio.")]:
        if name != "blockweight.studio.door":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    refused(blockweight("studio", "--no-open", "--port", 0), "pip install 'blockweight[studio]'")


def test_the_other_commands_start_without_the_web_server():
    code = (
        "import sys; from blockweight.cli import main; sys.argv = ['blockweight', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "sys.exit(any(name in sys.modules for name in ('fastapi', 'uvicorn', 'jinja2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_the_studio_starts_without_what_only_draws_measures_or_renders():
    code = (
        "import sys, blockweight.studio.serve\n"
        "sys.exit(any(name in sys.modules for name in ('matplotlib', 'scipy', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
