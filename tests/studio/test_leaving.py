"""Ctrl-C in the terminal: the studio ends with its renderer and its open streams, and says nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from studio_server import Server
from tuned import make_for

from blockweight.workflow.config_folder import CONFIG


@pytest.mark.skipif(os.name == "nt", reason="needs signals to a group of processes")
def test_ctrl_c_in_mid_render_ends_open_streams_and_prints_nothing(tmp_path):
    Server.prepare(tmp_path)
    place, _ = make_for(tmp_path, "mine")
    command = [sys.executable, "-c", "from blockweight.cli import main; main()", "studio", "--no-open", "--port", "0"]
    environment = {**os.environ, CONFIG: str(tmp_path / "config")}
    studio = subprocess.Popen(
        [*command, "--renderer", "fake:5"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    with studio:
        url = studio.stdout.readline().split()[-1]
        port = int(url.rstrip("/").rpartition(":")[2])

        def post(path, data):
            headers = {"content-type": "application/json", "origin": url.rstrip("/")}
            request = urllib.request.Request(f"{url}{place}/{path}", json.dumps(data).encode(), headers)
            urllib.request.urlopen(request).close()

        post("acts", {"act": "plan round", "kind": "Sub", "step": "0.5", "id": "a"})
        with socket.create_connection(("127.0.0.1", port)) as stream, stream.makefile("r") as told:
            stream.sendall(f"GET /{place}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            post("render", {"work": "round"})
            stream.settimeout(30)
            assert any(re.search(r'"total": [1-9]', line) for line in told), "the renderer never began"
            os.killpg(studio.pid, signal.SIGINT)
            assert told.read().endswith("\n0\n\n"), "the stream was broken off"
        _, errors = studio.communicate(timeout=60)
        assert (studio.returncode, errors) == (0, "")
