"""JSON: a report's data as one document for a program, by `report.v1.json`. Reading it back gives the same value."""

from warehouse.report.data import ReportData


def render(data: ReportData) -> bytes:
    """The document in UTF-8; what is absent has no key. The same data give the same bytes."""
    return (data.model_dump_json(indent=2, exclude_none=True) + "\n").encode()


def read(document: bytes) -> ReportData:
    """The value that `render` wrote. Raises pydantic.ValidationError."""
    return ReportData.model_validate_json(document)
