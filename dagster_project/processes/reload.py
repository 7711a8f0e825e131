"""Reload: which processes of `guildhall up` start again after a change of guildhall.toml, and what needs a person."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from dagster_project.errors import explain
from dagster_project.settings import Settings

READ_BY: Mapping[str, tuple[str, ...]] = {
    "gateway": ("gateway",),
    "dagster": ("webserver",),
    "refresh": ("refresher",),
    "publish": ("refresher",),
    "community": ("worker", "refresher"),
    "source": ("gateway", "poller", "worker", "refresher"),
    "bots": ("worker", "refresher"),
}
"""Section of the settings -> the processes that keep it in memory. Dagster's other processes read the file each time."""
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Change:
    """What follows from a change: processes to start again, and lines for the person."""

    restart: tuple[str, ...]
    lines: tuple[str, ...]


class SettingsWatch:
    """Looks at the settings file. A file that is refused changes nothing: everything runs on as it was."""

    def __init__(
        self, settings: Settings, running: Collection[str], load: Callable[[], Settings], clock: Callable[[], float]
    ) -> None:
        """`running` are the processes of this `guildhall up`; `load` reads the settings; `clock` gives monotonic seconds."""
        self._settings, self._running, self._load, self._clock = settings, tuple(running), load, clock
        self._content, self._looked_at = _content(settings.config), clock()

    def look(self) -> Change | None:
        """What follows from the file as it is now; None where nothing does. The file is read at most every few seconds."""
        if self._clock() - self._looked_at < LOOK_SECONDS:
            return None
        self._looked_at = self._clock()
        content = _content(self._settings.config)
        if content is None or content == self._content:
            return None
        self._content = content
        try:
            fresh = self._load()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the file, the processes run on
            found = explain(error)
            return Change(
                (), (f"settings: {found.what} {found.why} {found.todo} Everything runs on with the settings before.",)
            )
        before, self._settings = self._settings, fresh
        return decide(before, fresh, self._running)


def decide(before: Settings, after: Settings, running: Collection[str]) -> Change | None:
    """Compare two settings section by section."""
    changed = [name for name in (*READ_BY, "kafka") if getattr(before, name) != getattr(after, name)]
    if not changed:
        return None
    restart = tuple(name for name in running if any(name in READ_BY.get(section, ()) for section in changed))
    lines = [f"settings: {', '.join(changed)} changed; {', '.join(restart) or 'nothing'} starts again"]
    if "kafka" in changed:
        lines.append("settings: `kafka` takes effect after Ctrl-C and `guildhall up`, because every process is connected to it")
    if "poller" not in running and any(source.kind == "poll" for source in after.source.values()):
        lines.append("settings: the first polled source is read after Ctrl-C and `guildhall up`, which starts the poller")
    return Change(restart, tuple(lines))


def _content(path: Path | None) -> bytes | None:
    """The bytes of the file; None where it cannot be read, as for a moment while an editor replaces it."""
    try:
        return path.read_bytes() if path else None
    except OSError:
        return None
