"""Installed: platforms of other packages, which declare an entry point of the group `guildhall.platforms`."""

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from events.errors import GuildhallError
from pipelines.connector import Platform

GROUP = "guildhall.platforms"


class InstalledPlatformError(GuildhallError):
    """A platform of another package cannot be used."""


def with_installed(own: Mapping[str, Platform], found: Iterable[EntryPoint] | None = None) -> dict[str, Platform]:
    """The platforms by slug: `own`, and those behind the entry points (of this Python, unless `found` is given).

    Raises InstalledPlatformError for an entry point that does not load, that is no Platform, or whose slug or KIND of export
    another platform has.
    """
    platforms = dict(own)
    kinds = {kind for row in platforms.values() for kind in row.exports}
    for point in sorted(entry_points(group=GROUP) if found is None else found, key=lambda each: each.name):
        row = _loaded(point)
        if row.slug in platforms:
            raise _unusable(point, f"Its slug {row.slug} belongs to another platform.")
        if taken := sorted(kinds & row.exports.keys()):
            raise _unusable(point, f"Its KIND of export {taken[0]} belongs to another platform.")
        platforms[row.slug] = row
        kinds |= row.exports.keys()
    return platforms


def _loaded(point: EntryPoint) -> Platform:
    try:
        row = point.load()
    except Exception as error:  # a package of somebody else may fail in any way
        raise _unusable(point, f"Loading {point.value} fails: {type(error).__name__}: {error}.") from error
    if not isinstance(row, Platform):
        raise _unusable(point, f"{point.value} is not a pipelines.connector.Platform.")
    return row


def _unusable(point: EntryPoint, why: str) -> InstalledPlatformError:
    package = point.dist.name if point.dist else "its package"
    return InstalledPlatformError(
        f"The installed platform {point.name} cannot be used.", why, f"Correct or uninstall {package}, which declares it."
    )
