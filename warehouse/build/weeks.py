"""Weeks: a model counts weeks by number, and a published table has the date of the Monday. This is the one place that converts.

A column holds weeks when its name is `week` or ends with `_week`. Models compare and subtract weeks, so in `scratch` they are
integers (the macro `week_of`). An analyst reads dates, so the build writes dates to `warehouse`, which is what gets published.
Whatever reads a published table as a model does (a partial build, a check) gets the numbers back.
"""

from collections.abc import Iterable

TO_DATE = "cast(monday({column}) as date)"
TO_NUMBER = "week_of({column})"


def is_week(column: str) -> bool:
    """Whether the column holds weeks."""
    return column == "week" or column.endswith("_week")


def as_dates(table: str, columns: Iterable[str]) -> str:
    """The query of a table of `scratch` with its weeks as dates."""
    return _converted(table, columns, TO_DATE)


def as_numbers(table: str, columns: Iterable[str]) -> str:
    """The query of a published table with its weeks as numbers."""
    return _converted(table, columns, TO_NUMBER)


def _converted(table: str, columns: Iterable[str], conversion: str) -> str:
    converted = ", ".join(f"{conversion.format(column=column)} as {column}" for column in columns if is_week(column))
    return f"select *{f' replace ({converted})' if converted else ''} from {table}"
