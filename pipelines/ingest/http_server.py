"""HTTP server: uvicorn with the gateway's limits on connections."""

import asyncio

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection whose headers do not arrive in time. uvicorn alone waits for ever."""

    HEADER_SECONDS = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout."""
        super().connection_made(transport)
        self._timeout: asyncio.TimerHandle | None = self.loop.call_later(self.HEADER_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeout."""
        self._cancel_timeout()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start the timeout of the connection's next request."""
        self._cancel_timeout()
        self._timeout = self.loop.call_later(self.HEADER_SECONDS, self.transport.close)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Cancel the timeout: the headers arrived."""
        self._cancel_timeout()
        super().on_headers_complete()

    def _cancel_timeout(self) -> None:
        if self._timeout:
            self._timeout.cancel()
            self._timeout = None


def serve(app: Starlette, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Blocks."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=HeaderTimeoutProtocol,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a forwarded address proves nothing, and the gateway trusts 127.0.0.1
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        limit_concurrency=1000,
        log_level="warning",
    )
    uvicorn.Server(config).run()
