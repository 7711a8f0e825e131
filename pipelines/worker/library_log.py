"""Library logs: what libraries log, passed on to our log without values and without floods."""

import logging
import time
import traceback

import structlog

REPEAT_SECONDS = 10.0
MOST_TEMPLATES = 1000
MOST_CHARACTERS = 200

_log = structlog.get_logger()


class LibraryLogHandler(logging.Handler):
    """Passes warnings and errors on to our log: their templates and types of exceptions, never values.

    Each template appears at most once in `REPEAT_SECONDS`; the next one has the number of those in between (`suppressed`).
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._seen: dict[str, tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, or count it."""
        template = str(record.msg).split("\n", 1)[0][:MOST_CHARACTERS]
        now = time.monotonic()
        at, suppressed = self._seen.get(template, (float("-inf"), 0))
        if now - at < REPEAT_SECONDS:
            self._seen[template] = at, suppressed + 1
            return
        if len(self._seen) > MOST_TEMPLATES:  # memory stays bounded, whatever libraries log
            self._seen.clear()
        self._seen[template] = now, 0
        kind, _, trace = record.exc_info or (None, None, None)
        where = traceback.extract_tb(trace)[-1] if trace else None
        _log.log(
            record.levelno,
            template,
            by=record.name,
            why=kind.__name__ if kind else None,
            where=f"{where.filename}:{where.lineno}" if where else None,
            suppressed=suppressed,
        )
