"""Page: Dagster's page, behind a password and closed to other sites. Arguments are those of `dagster-webserver`.

Dagster has no login and takes a change from a GET: a link on any web page can delete a run, in the browser of whoever opens it.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

from dagster_webserver import cli as _dagster_webserver

from dagster_project.settings import load
from pipelines.ingest.tokens import holds_token

cli: Any = _dagster_webserver
"""Without types, because it offers no way to wrap the application that it serves."""
Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def refusal(method: str, path: str, headers: Mapping[str, str], token: str) -> HTTPStatus | None:
    """The status with which a request is refused; None for one that Dagster may have. `method` of a WebSocket is empty."""
    if not holds_token(headers.get("authorization", ""), (token,)):
        return HTTPStatus.UNAUTHORIZED
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        return HTTPStatus.FORBIDDEN
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and headers.get("sec-fetch-dest") != "document":
        return HTTPStatus.FORBIDDEN
    if method in {"GET", "HEAD"} and path.rstrip("/").endswith("/graphql"):
        return HTTPStatus.METHOD_NOT_ALLOWED
    return None


class GuardedPage:
    """Dagster's application, which gets only the requests that `refusal` lets through."""

    def __init__(self, app: App, token: str) -> None:
        """`token` is the password; the user's name does not matter."""
        self._app, self._token = app, token

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """One request, as ASGI asks."""
        status = None
        if scope["type"] in {"http", "websocket"}:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            status = refusal(scope.get("method", ""), scope["path"], headers, self._token)
        if status is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            more = [(b"www-authenticate", b'Basic realm="Guildhall"')] if status is HTTPStatus.UNAUTHORIZED else []
            headers_sent = [(b"content-type", b"text/plain"), *more]
            await send({"type": "http.response.start", "status": int(status), "headers": headers_sent})
            await send({"type": "http.response.body", "body": f"{status.phrase}\n".encode()})


def main() -> None:
    """Serve until SIGTERM."""
    token, create = load().pages_token(), cli.create_app_from_workspace_process_context
    cli.create_app_from_workspace_process_context = lambda *given, **named: GuardedPage(create(*given, **named), token)
    cli.main()


if __name__ == "__main__":
    main()
