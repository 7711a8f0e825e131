"""Schema: the JSON Schema of the neutral event, committed beside this module for senders in any language.

`python -m pipelines.platforms.guildhall.schema` writes it. A test compares it with the model.
"""

import json
from pathlib import Path

from pipelines.platforms.guildhall.payloads import NeutralAction

SCHEMA = Path(__file__).with_name("action.schema.json")


def schema_text() -> str:
    """The schema as its file holds it."""
    made = NeutralAction.model_json_schema(mode="validation")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "guildhall:guildhall.action"}
    return json.dumps(head | made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
