"""Lines: what the demo prints, and the error that ends it."""

import sys
from pathlib import Path

from events.errors import GuildhallError


class DemoError(GuildhallError):
    """A number does not add up, or the folder cannot be used for a demo."""


def line(name: str, text: str, seconds: float | None = None) -> None:
    """Print one step: its name, its result, and how long it took."""
    took = f"{seconds:6.1f} s" if seconds is not None else ""
    sys.stdout.write(f"  {name:<10} {text:<74} {took}".rstrip() + "\n")
    sys.stdout.flush()


def short(path: Path) -> str:
    """A path relative to the current folder where it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def next_steps(config: Path) -> None:
    """Print what to do with the demo's result; `config` is its settings file."""
    home = config.parent.parent
    command = "guildhall" if home == Path.cwd() / "var" else f"guildhall --home {short(home)}"
    with_config = f"{command} --config {short(config)}"
    sys.stdout.write(
        f"""
  Look:      open the report, or `{with_config} up` for everything live, then http://127.0.0.1:8000
  Ask:       {command} sql "from levels.current select community, level, count(*) group by all"
  Connect:   {with_config} sources
"""
    )
