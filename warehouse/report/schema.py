"""JSON Schema of a report: `report.v1.json`, made from the model, so that a change of the contract is a visible diff.

`python -m warehouse.report.schema` writes it; a test compares.
"""

import json
from pathlib import Path

from warehouse.report.data import SCHEMA_VERSION, ReportData

PATH = Path(__file__).parent / f"report.v{SCHEMA_VERSION}.json"


def text() -> str:
    """The schema as its file holds it."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"guildhall:report.v{SCHEMA_VERSION}"}
    return json.dumps(head | ReportData.model_json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
