"""Who may come in, and what every answer binds the browser to."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from studio_server import HOST, OWN

from blockweight.studio.app import make_app
from blockweight.studio.door import Address, Door, door_for
from blockweight.studio.guard import HEADERS, MOST_BYTES, Guard
from blockweight.studio.projects import Desk
from blockweight.studio.serve import greeting


class Stream:
    """An event stream behind the guard, which remembers whether anybody has reached it."""

    def __init__(self) -> None:
        self.reached = False

    async def __call__(self, scope, receive, send):
        self.reached = True
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"data: 2\n\n"})


def refusal(headers, status, sentence):
    return f"<p>{status} {sentence}".encode()


NEAR = Door(Address())


def streaming(door=NEAR):
    stream = Stream()
    host = f"{door.address.host}:{door.address.port}"
    return stream, TestClient(Guard(stream, door, refusal), base_url=f"http://{host}", follow_redirects=False)


@pytest.mark.parametrize("host", [HOST, "localhost:8571", "[::1]:8571", "LOCALHOST:8571"])
def test_this_machines_own_names_are_answered(client, host):
    assert client.get("/", headers={"host": host, "origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8571", "evil.example", "127.0.0.1", "127.0.0.1:8572", "127.0.0.1.evil.example:8571", "", ":8571",
     "192.168.1.5:8571", "localhost:8571@evil.example", "localhost.:8571"],
)  # fmt: skip
def test_another_host_is_refused_against_rebinding(client, host):
    answer = client.get("/", headers={"host": host})
    assert (answer.status_code, "not the studio" in answer.text) == (403, True)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8571", "http://127.0.0.1:8572",
                                    "http://localhost:8571", "http://127.0.0.1:8571.evil.example"])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_origin_is_refused(client, origin, method):
    assert client.request(method, "/settings", headers={"origin": origin}).status_code == 403


def test_what_would_change_something_must_say_where_it_comes_from(config):
    client = TestClient(make_app(Door(Address()), Desk()), base_url=f"http://{HOST}")
    answer = client.post("/settings", data={"loras": ""})
    assert (answer.status_code, "Origin" in answer.text) == (403, True)
    assert not config.exists()


def test_a_foreign_page_can_link_here_but_not_load_from_here(client):
    foreign = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert client.get("/", headers=foreign).status_code == 403
    assert client.get("/static/studio.css", headers=foreign).status_code == 403
    assert client.get("/", headers={**foreign, "sec-fetch-mode": "navigate"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example:8571"}, {"origin": "http://evil.example"}, {"origin": "null"},
     {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, {"sec-fetch-site": "same-site"}],
    ids=str,
)  # fmt: skip
def test_an_event_stream_is_refused_alike(headers):
    stream, client = streaming()
    assert client.get("/events", headers=headers).status_code == 403
    assert not stream.reached


def test_an_event_stream_of_our_own_flows():
    _, client = streaming()
    assert client.get("/events", headers=OWN).text == "data: 1\n\ndata: 2\n\n"


def test_a_web_socket_is_closed():
    stream, client = streaming()
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/events"):
        pass
    assert not stream.reached


@pytest.mark.parametrize("path", ["/", "/weights", "/bake", "/settings", "/nothing", "/static/studio.css"])
def test_every_answer_carries_the_policy(client, path):
    answer = client.get(path)
    for name, value in HEADERS:
        assert answer.headers[name] == value


def test_a_refusal_carries_the_policy(client):
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.headers["content-security-policy"] == dict(HEADERS)["content-security-policy"]


def test_the_policy_allows_nothing_but_our_own_files():
    policy = dict(HEADERS)["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert set(re.findall(r"'[^']+'|\S+:", policy)) <= {"'none'", "'self'"}


@pytest.mark.parametrize("path", ["/", "/projects/new", "/weights", "/bake", "/settings", "/nothing"])
def test_no_page_has_a_script_a_style_or_a_handler_in_its_markup(client, path):
    text = client.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused(announced):
    stream, client = streaming()
    body = b"x" * (MOST_BYTES + 1)
    sent = body if announced else (body[start : start + 65536] for start in range(0, len(body), 65536))
    assert client.post("/", content=sent, headers=OWN).status_code == 413
    assert not stream.reached


def test_a_body_of_the_largest_size_arrives(client):
    assert client.post("/look", content=b"x" * MOST_BYTES, headers=OWN).status_code == 422


FAR = Door(Address("192.168.1.5", 8571), "a-secret")


def far(headers=None):
    host = "192.168.1.5:8571"
    app = make_app(FAR, Desk())
    return TestClient(
        app, base_url=f"http://{host}", headers={"accept": "text/html", **(headers or {})}, follow_redirects=False
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.5.6.7", "::1"])
def test_this_machines_own_address_asks_for_no_token(host):
    assert door_for(Address(host)).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "studio.example"])
def test_any_other_address_has_a_new_token_and_says_how_to_use_it(host):
    door = door_for(Address(host))
    assert len(door.token) >= 32
    assert door.token != door_for(Address(host)).token
    said = greeting(door)
    assert f"?token={door.token}" in said[0]
    assert any("token" in line for line in said[1:])


@pytest.mark.parametrize("path", ["/", "/weights", "/bake", "/?token=wrong", "/?token=", "/?token=a-secret&token=b"])
def test_without_the_token_nobody_comes_in(config, path):
    answer = far().get(path)
    assert (answer.status_code, "token" in answer.text) == (403, True)
    assert "set-cookie" not in answer.headers


def test_the_token_becomes_a_cookie_once_and_leaves_the_address(config):
    client = far()
    answer = client.get("/weights?layout=sd1-17&token=a-secret")
    assert (answer.status_code, answer.headers["location"]) == (303, "/weights?layout=sd1-17")
    assert answer.headers["set-cookie"] == "blockweight-8571=a-secret; HttpOnly; SameSite=Strict; Path=/"
    assert client.get("/weights?layout=sd1-17").status_code == 200


def test_the_page_that_asks_for_the_token_does_so_in_the_browsers_language(config):
    answer = far({"accept-language": "ja"}).get("/")
    assert '<p class="lead" lang="ja">' in answer.text
    assert "トークン" in answer.text


def test_a_wrong_cookie_does_not_help(config):
    assert far({"cookie": "blockweight-8571=another"}).get("/").status_code == 403
    assert far({"cookie": "blockweight-8571="}).get("/").status_code == 403


def test_a_post_needs_the_cookie_though_it_may_know_the_token(config):
    answer = far({"origin": "http://192.168.1.5:8571"}).post("/look?token=a-secret", data={"theme": "dark"})
    assert answer.status_code == 403


def test_the_token_leads_nowhere_else(config):
    answer = far().get("http://192.168.1.5:8571//evil.example/?token=a-secret")
    assert answer.headers["location"].startswith("/evil.example")


def test_the_page_that_asks_for_the_token_has_its_stylesheet(config):
    assert far().get("/static/studio.css").status_code == 200


def test_an_event_stream_needs_the_token_too():
    stream, client = streaming(FAR)
    assert client.get("/events").status_code == 403
    assert not stream.reached


def test_elsewhere_an_address_is_known_but_a_strange_name_is_not(config):
    cookie = {"cookie": "blockweight-8571=a-secret"}
    assert far(cookie).get("/", headers={"host": "10.0.0.7:8571"}).status_code == 200
    assert far(cookie).get("/", headers={"host": "evil.example:8571"}).status_code == 403
