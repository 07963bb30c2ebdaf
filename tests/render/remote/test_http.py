"""A server may do anything: it ends in an answer or in one sentence, and nothing is asked twice that may not be."""

from __future__ import annotations

import socket
from contextlib import contextmanager

import pytest

from blockweight.errors import BlockweightError
from blockweight.render.remote import Credentials, Server, ServerError, read_addresses
from rude_server import answer, rude_server

GOOD = answer('{"a": 1}')
CUT = answer('{"a": ', length=100)


@contextmanager
def asked(*answers, credentials=None, pauses=(0.0, 0.0)):
    with rude_server(*answers) as rude:
        (address,) = read_addresses(f"webui+{rude.url}")
        server = Server(address, credentials, pauses, wait=lambda _seconds: None)
        try:
            yield server, rude
        finally:
            server.close()


def test_json_is_read():
    with asked(GOOD, GOOD) as (server, rude):
        assert server.get_json("/x", {"q": "1"}) == {"a": 1}
        assert server.post_json("/y", {"b": 2}) == {"a": 1}
    assert rude.asked[0].startswith(b"GET /x?q=1 HTTP/1.1")
    assert rude.asked[1].endswith(b'{"b":2}')


@pytest.mark.parametrize(("variable", "proxy"), [("ALL_PROXY", "socks5://127.0.0.1:1"), ("HTTP_PROXY", "foo://x")])
def test_a_proxy_that_cannot_be_used_is_one_sentence(monkeypatch, variable, proxy):
    monkeypatch.setenv(variable, proxy)
    (address,) = read_addresses("webui+http://127.0.0.1:1")
    with pytest.raises(BlockweightError, match="The proxy that the environment names cannot be used"):
        Server(address)


def test_credentials_are_sent():
    with asked(GOOD, credentials=Credentials("ann", "secret")) as (server, rude):
        server.get_json("/x")
    assert b"Authorization: Basic YW5uOnNlY3JldA==" in rude.asked[0]


@pytest.mark.parametrize(
    ("said", "trouble", "sentence"),
    [
        (CUT, "cut off", "broke the connection off"),
        (b"", "cut off", "broke the connection off"),
        (b"SSH-2.0-OpenSSH\r\n", "cut off", "broke the connection off"),
        (answer("<html>"), "garbage", r"cannot be read \(it is no JSON\); check that the address is right"),
        (answer("[" * 100_000), "garbage", "cannot be read"),
        (answer(b"\xff\xfe\x00"), "garbage", "cannot be read"),
        (answer("{}", "200 OK", "Content-Encoding: gzip"), "garbage", "packed its answer"),
        (answer("", "302 Found", "Location: http://elsewhere/"), "answer", r"sends its callers elsewhere \(302\)"),
        (
            answer("", "401 Unauthorized"),
            "answer",
            "set BLOCKWEIGHT_WEBUI_AUTH to user:password, or put it into the keyring",
        ),
        (answer("", "404 Not Found"), "answer", r"has nothing at /x \(404\); .* with its API"),
        (answer('{"detail": [{"msg": "no"}]}', "422 No"), "answer", r"refused what it was asked \(422: '\[\{.msg"),
        (
            answer('{"error": "OSError", "errors": "disk\\nfull", "detail": ""}', "500 Oh"),
            "answer",
            r"failed \(500: 'OSError; disk full'\)",
        ),
        (answer("[]", "500 Oh"), "answer", r"failed \(500\)"),
    ],
)
def test_what_a_server_does_wrong_is_said_in_one_sentence(said, trouble, sentence):
    with asked(said, pauses=()) as (server, _), pytest.raises(ServerError, match=sentence) as error:
        server.get_json("/x")
    assert error.value.trouble == trouble
    assert "\n" not in str(error.value)


def test_an_error_keeps_its_status_and_its_json():
    with asked(answer('{"node_errors": {}}', "400 Bad")) as (server, _), pytest.raises(ServerError) as error:
        server.post_json("/x", {})
    assert (error.value.status, error.value.told) == (400, {"node_errors": {}})


def test_an_answer_above_the_limit_is_not_read():
    with asked(answer("x" * 5000)) as (server, _), pytest.raises(ServerError, match="answered more than") as error:
        server.get_bytes("/x", most=4096)
    assert error.value.trouble == "garbage"


def test_a_server_that_says_nothing_is_given_up():
    with asked(None) as (server, _), pytest.raises(ServerError, match="did not answer within") as error:
        server.get_json("/x", patience=0.1)
    assert error.value.trouble == "slow"


def test_nobody_there_is_said_after_every_attempt():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    waited = []
    server = Server(read_addresses(f"comfyui+http://127.0.0.1:{port}")[0], None, (1.0, 2.0), waited.append)
    with pytest.raises(ServerError, match=r"The ComfyUI at .* cannot be reached") as error:
        server.post_json("/x", {})
    assert (error.value.trouble, error.value.unsent, waited) == ("refused", True, [1.0, 2.0])


@pytest.mark.parametrize("fault", [CUT, answer("", "503 Busy"), answer("", "502 Bad Gateway")])
def test_what_is_safe_to_repeat_is_repeated(fault):
    with asked(fault, fault, GOOD) as (server, _):
        assert server.get_json("/x") == {"a": 1}
    with asked(fault, GOOD) as (server, _):
        assert server.post_json("/x", {}, repeatable=True) == {"a": 1}
    with asked(fault, GOOD) as (server, _):
        assert server.post_file("/x", "a.safetensors", b"123", {"type": "input"}) == {"a": 1}


@pytest.mark.parametrize("fault", [CUT, b"", answer("", "503 Busy"), answer("", "500 Oh")])
def test_what_may_have_rendered_is_not_asked_again(fault):
    with asked(fault, GOOD) as (server, rude), pytest.raises(ServerError):
        server.post_json("/sdapi/v1/txt2img", {})
    assert len(rude.asked) == 1


def test_a_file_is_sent_as_a_form():
    with asked(GOOD) as (server, rude):
        server.post_file("/upload/image", "a.png", b"bytes", {"overwrite": "true"})
    assert b'name="image"; filename="a.png"' in rude.asked[0]
    assert b'name="overwrite"\r\n\r\ntrue' in rude.asked[0]
