"""Dagster's page: it has a password, and no other site changes anything in the browser of somebody who knows it."""

import base64
from http import HTTPStatus

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dagster_project.private import token
from dagster_project.processes.page import GuardedPage, refusal
from dagster_project.settings import load
from events.errors import GuildhallError

TOKEN = "an-invented-token"
BASIC = f"Basic {base64.b64encode(f'guildhall:{TOKEN}'.encode()).decode()}"
OWN = {"host": "127.0.0.1:3000", "authorization": BASIC}
ORIGIN = {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    "authorization", ["", "Basic", f"Basic {TOKEN}", "Basic Og==", "Bearer", "Bearer x", f"Digest {TOKEN}"]
)
@pytest.mark.parametrize("path", ["/", "/graphql", "/server_info", "/logs/1"])
def test_nothing_is_shown_without_the_password(authorization, path):
    assert refusal("POST", path, {**OWN, "authorization": authorization}, TOKEN) is HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/runs/1", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}),
        ("POST", "/graphql", ORIGIN),
        ("POST", "/graphql", {}),  # a program
        ("", "/graphql", ORIGIN),  # the page's WebSocket
    ],
)
def test_the_page_itself_and_links_to_it_are_served(method, path, headers):
    assert refusal(method, path, OWN | headers, TOKEN) is None


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/graphql", {}),  # a GET can delete a run
        ("GET", "/graphql/", {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}),
        ("HEAD", "/graphql", {}),
        ("POST", "/graphql", {"origin": "https://evil.example"}),
        ("POST", "/graphql", {"origin": "null"}),
        ("POST", "/graphql", {"origin": "http://127.0.0.1:8000"}),
        ("POST", "/graphql", {"sec-fetch-site": "cross-site"}),
        ("POST", "/graphql", {"sec-fetch-site": "same-site"}),
        ("GET", "/", {"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}),
        ("GET", "/logs/1", {"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}),
        ("", "/graphql", {"origin": "https://evil.example"}),
    ],
)
def test_what_another_site_may_send_in_a_signed_in_browser_is_refused(method, path, headers):
    assert refusal(method, path, OWN | headers, TOKEN) in {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}


async def _talk(socket):
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def test_requests_and_sockets_pass_only_with_the_password():
    inner = Starlette(routes=[Route("/", lambda _: PlainTextResponse("page")), WebSocketRoute("/graphql", _talk)])
    client = TestClient(GuardedPage(inner, TOKEN), base_url="http://127.0.0.1:3000")
    assert client.get("/").headers["www-authenticate"] == 'Basic realm="Guildhall"'
    assert client.get("/", headers={"authorization": BASIC}).text == "page"
    with client.websocket_connect("/graphql", headers={"authorization": BASIC}) as socket:
        assert socket.receive_text() == "hello"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/graphql") as socket:
        socket.receive_text()


def test_tokens_are_made_once_private_and_different(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load(home=tmp_path / "var")
    (events,), pages = settings.events_tokens(), settings.pages_token()
    assert events != pages
    assert (settings.events_tokens(), settings.pages_token()) == ((events,), pages)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("var/*.token")} == {0o600}


@pytest.mark.parametrize("content", [b"", b"short\n", b"two words of some length", b"\xff" * 40])
def test_a_file_without_a_token_is_refused(tmp_path, content):
    (tmp_path / "events.token").write_bytes(content)
    with pytest.raises(GuildhallError, match="cannot be used"):
        token(tmp_path / "events.token")
