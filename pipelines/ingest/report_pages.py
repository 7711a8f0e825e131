"""Report pages: the reports on this machine's disk, over HTTP, for those who have the token of the pages."""

from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from pipelines.ingest.requests import RefusedError, check_token

SUFFIXES = frozenset({".html", ".svg", ".pdf", ".json", ".csv"})
CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'; font-src data:"


class ReportPages:
    """Serves a folder of reports."""

    def __init__(self, folder: Path | None, tokens: tuple[str, ...]) -> None:
        """Without a folder, every request is answered with 404; without a token in it, with 401."""
        self._reports, self._tokens = folder, tokens

    async def index(self, request: Request) -> Response:
        """List the reports."""
        folder = self._folder(request)
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
        lines = "".join(f'<li><a href="/reports/{quote(name)}">{escape(name, quote=False)}</a></li>' for name in files)
        content = f"<ul>{lines}</ul>" if files else "<p>No reports yet: <code>guildhall report</code> makes one.</p>"
        head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Guildhall: reports</title>'
        return HTMLResponse(f"{head}<h1>Reports</h1>{content}</html>")

    async def report(self, request: Request) -> Response:
        """Return one file of the folder."""
        folder = self._folder(request).resolve()
        name = request.path_params["path"]
        path = folder if "\0" in name else (folder / name).resolve()
        if not path.is_relative_to(folder) or path.suffix not in SUFFIXES or not path.is_file():
            raise RefusedError(404, "there is no such report")
        return FileResponse(path, headers={"Content-Security-Policy": CONTENT_POLICY, "X-Content-Type-Options": "nosniff"})

    def _folder(self, request: Request) -> Path:
        check_token(request, self._tokens, "Basic")
        if self._reports is None:
            raise RefusedError(404, "there are no reports here")
        return self._reports
