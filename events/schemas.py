"""JSON Schemas: one file per topic in `events/schemas/`, generated from the models: a change of a contract is a visible diff.

`python -m events.schemas` writes them. A test compares them with the models.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from events.account import Account
from events.interaction import Interaction, Text
from events.outcome import OutcomeChunk
from events.topics import ACCOUNTS, INTERACTIONS, OUTCOMES, RAW

FOLDER = Path(__file__).parent / "schemas"


class RawHeaders(BaseModel):
    """The headers of a raw record: CloudEvents 1.0, Kafka binary mode, UTF-8. The value is the platform's, byte for byte."""

    model_config = ConfigDict(frozen=True, extra="allow")

    ce_specversion: str = Field(default="1.0", description="of CloudEvents")
    ce_id: Text = Field(
        description="the sender's, or the hash of source and bytes; also the key. A re-delivery has the same id"
    )
    ce_source: Text = Field(description="where it happened, a URI reference")
    ce_type: Text = Field(description="begins with the platform's slug and a dot", pattern=r"^[^.]+\..+$")
    ce_guildhallsource: Text = Field(
        description="address of the source: webhook/slack/main, poll/…, emit/…, import/slack/slack-export",
        pattern=r"^(webhook|poll|import|emit)/[^/]+/[^/]+$",
    )
    ce_receivedat: AwareDatetime = Field(description="when that source received it")
    ce_time: AwareDatetime | None = Field(default=None, description="when it happened, where the envelope has a time")
    ce_tenant: Text | None = Field(
        default=None, description="workspace, site or account, where the payload does not contain it"
    )
    ce_community: Text | None = Field(default=None, description="from imports only, where the export does not contain it")
    ce_capturedat: AwareDatetime | None = Field(
        default=None, description="from imports only: the newest moment that an export of the state at one moment shows"
    )
    ce_importid: Text | None = Field(default=None, description="from imports only: the export and the community it goes to")


MODELS: dict[str, type[BaseModel]] = {
    RAW.name: RawHeaders,
    INTERACTIONS.name: Interaction,
    OUTCOMES.name: OutcomeChunk,
    ACCOUNTS.name: Account,
}


def schema(topic: str) -> dict[str, Any]:
    """The JSON Schema of one topic's values (of the raw topic: of its headers)."""
    made = MODELS[topic].model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"guildhall:{topic}", **made}


def text(topic: str) -> str:
    """The schema as its file holds it."""
    return json.dumps(schema(topic), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write all schemas."""
    folder.mkdir(exist_ok=True)
    for topic in MODELS:
        (folder / f"{topic}.json").write_text(text(topic), encoding="utf-8")


if __name__ == "__main__":
    write()
