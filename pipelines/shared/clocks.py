"""Clocks: the time zone of a file that shows local times and names no zone."""

from zoneinfo import ZoneInfo

from pipelines.connector import ExportError


def zone_of(file: str, name: str | None) -> ZoneInfo:
    """The zone that the import gives. Raises ExportError where there is none, or none of that name."""
    if name is None:
        raise ExportError(
            "The report cannot be read without a time zone.",
            f"{file} shows local clocks and names no zone.",
            "Give the zone of whoever made the file, for instance `--time-zone Europe/Oslo`.",
        )
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # KeyError: zoneinfo's way of not knowing a name
        raise ExportError(
            "The report cannot be read in that time zone.",
            f"There is no time zone {name}.",
            "Give an IANA name such as Europe/Oslo.",
        ) from error
