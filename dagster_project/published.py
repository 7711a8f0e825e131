"""Published: the newest published file, opened to be read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from warehouse import publish


class Tables:
    """An open published file. `con` is a DuckDB connection, read-only; `path` is the file itself, not the pointer to it."""

    def __init__(self, con: Any, path: Path) -> None:
        """Keep the connection."""
        self.con, self.path = con, path

    def rows(self, query: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of a query, each as column name -> value."""
        result = self.con.execute(query, list(values))
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@contextmanager
def open_current(folder: Path) -> Iterator[Tables]:
    """Open the newest file of the folder of published files. Raises GuildhallError where nothing was published yet."""
    path = publish.current(folder)
    con = publish.open_published(path)
    try:
        yield Tables(con, path)
    finally:
        con.close()
