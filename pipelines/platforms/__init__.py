"""Platforms: one row each. A new platform is one module beside this file, one folder of fixtures, and one row here."""

from pipelines.platform import Platform

_ROWS: tuple[Platform, ...] = ()

PLATFORMS: dict[str, Platform] = {row.slug: row for row in _ROWS}
