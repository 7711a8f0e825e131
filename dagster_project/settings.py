"""Settings: `guildhall.toml`, three variables, and where everything lies. Validated whole at start, frozen from then on."""

import contextlib
import difflib
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dagster_project.paths import Paths
from events.communities import BotList, Communities, Community, contested
from events.errors import GuildhallError
from events.source import Source, SourceKind
from pipelines.platforms import PLATFORMS

KEY_BYTES = 32
_ADDRESS = re.compile(r"[^\s:/]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Part):
    """Which cluster; without an address Guildhall starts its own."""

    bootstrap_servers: str | None = Field(default=None, description="host:port,…; also KAFKA_BOOTSTRAP_SERVERS")

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, value: str | None) -> str | None:
        if value is not None and not all(_ADDRESS.fullmatch(part.strip()) for part in value.split(",")):
            raise ValueError(f"`{value}` (perhaps from KAFKA_BOOTSTRAP_SERVERS) is not written like host:9092,other:9092")
        return value


class GatewaySettings(_Part):
    """Where webhooks and CloudEvents come in."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    token_env: str | None = Field(default=None, description="name of the variable that holds a bearer token for /v1/events")


class DagsterSettings(_Part):
    """Dagster's own page."""

    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=0, le=65535)


class RefreshSettings(_Part):
    """How the refresher works."""

    every_seconds: float = Field(default=10.0, gt=0, description="pause between two looks at Kafka")
    memory_limit: str = Field(default="1GB", pattern=r"^\d+(\.\d+)?(MB|GB)$")
    keep_published: int = Field(default=5, ge=2)


class SourceSettings(_Part):
    """One source: how a platform's events arrive, with its secret, which is in the environment or in a file, never here."""

    platform: str
    kind: Literal["webhook", "poll", "emit"] = Field(default="webhook", description="how the events arrive")
    tenant: str | None = Field(
        default=None, min_length=1, description="workspace, site or account, for live traffic and imports whose data names none"
    )
    url: str | None = Field(
        default=None, pattern=r"^https?://[^\s/]+", description="of a polled source: the address that it is read from"
    )
    poll_seconds: float = Field(default=60.0, gt=0, description="pause between two passes over a polled source")
    secret_env: str | None = None
    secret_file: str | None = Field(default=None, description="path, from the folder of guildhall.toml")
    max_gap_hours: int = Field(default=72, gt=0, description="silence of the source after which its data counts as missing")


class Settings(_Part):
    """Everything that can be set."""

    kafka: KafkaSettings = KafkaSettings()
    gateway: GatewaySettings = GatewaySettings()
    dagster: DagsterSettings = DagsterSettings()
    refresh: RefreshSettings = RefreshSettings()
    community: dict[str, Community] = Field(default_factory=dict)
    source: dict[str, SourceSettings] = Field(default_factory=dict)
    bots: tuple[BotList, ...] = ()

    home: Path = Field(default=Path("var"), exclude=True)
    config: Path | None = Field(default=None, exclude=True)

    @field_validator("community", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {slug: {**part, "slug": slug} if isinstance(part, Mapping) else part for slug, part in value.items()}

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        named = {f"source.{name}.platform": source.platform for name, source in self.source.items()}
        for slug, community in self.community.items():
            named |= {f"community.{slug}.space.{number}.platform": rule.platform for number, rule in enumerate(community.space)}
        for place, platform in named.items():
            if platform not in PLATFORMS:
                near = difflib.get_close_matches(platform, PLATFORMS, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(sorted(PLATFORMS))}"
                raise ValueError(f"{place}: `{platform}` is no platform of Guildhall; {hint}")
        self._check_sources()
        claim = contested(self.community)
        if claim is not None:
            space, one, other = claim
            raise ValueError(
                f"the communities `{one}` and `{other}` both have the space {space}; a space belongs to at most one at a time"
            )
        return self

    def _check_sources(self) -> None:
        emitting: dict[str, str] = {}
        for name, source in self.source.items():
            try:
                kind = self.source_of(name).kind
            except ValueError as error:
                raise ValueError(f"source.{name}: {error}") from error
            if kind not in PLATFORMS[source.platform].arrives:
                ways = ", ".join(PLATFORMS[source.platform].arrives)
                raise ValueError(f"source.{name}.kind: {source.platform} has no {kind}; its events arrive by: {ways}")
            if (kind is SourceKind.POLL) != (source.url is not None):
                need = "a polled source needs a `url`" if kind is SourceKind.POLL else '`url` is for sources with kind = "poll"'
                raise ValueError(f"source.{name}: {need}; `guildhall sources` lists the addresses of each platform")
            has_secret = source.secret_env or source.secret_file
            if source.url and has_secret and urlsplit(source.url).scheme != "https" and not _is_loopback(source.url):
                raise ValueError(f"source.{name}.url: a source with a secret needs an address that begins with https://")
            if kind is SourceKind.EMIT and emitting.setdefault(source.platform, name) != name:
                raise ValueError(
                    f"source.{name}: `{emitting[source.platform]}` has the kind emit too; a platform has at most one such"
                )

    def source_of(self, name: str) -> Source:
        """The identity of a configured source."""
        source = self.source[name]
        return Source(SourceKind(source.kind), source.platform, name)

    def tenant_of(self, platform: str) -> str | None:
        """The tenant that the sources of a platform agree on, so that an import gets the account ids of live traffic."""
        tenants = {source.tenant for source in self.source.values() if source.platform == platform}
        return tenants.pop() if len(tenants) == 1 else None

    @property
    def folder(self) -> Path:
        """The folder of guildhall.toml: people.csv, roles.csv and secret files lie beside it."""
        return self.config.parent if self.config else Path()

    @property
    def paths(self) -> Paths:
        """What lies where under the home folder."""
        return Paths(self.home)

    def communities(self) -> Communities:
        """Which space belongs where, for the stream worker."""
        bots = frozenset((b.platform, b.workspace, account) for b in self.bots for account in b.accounts)
        return Communities(self.community, bots)

    def secrets_of(self, name: str) -> tuple[str, ...]:
        """The secrets of a source, newest first; a file may hold several, one a line. Empty where none is set."""
        source = self.source[name]
        found = os.environ.get(source.secret_env, "") if source.secret_env else ""
        if not found and source.secret_file:
            found = _secret(name, self.folder / source.secret_file)
        return tuple(line.strip() for line in found.splitlines() if line.strip())

    def key(self) -> bytes:
        """The deployment key; made once under the home folder, readable by its owner only."""
        path = self.paths.secret_key
        if not path.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(KEY_BYTES))
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)  # of two processes that make a key at once, one wins and both use it
            fresh.unlink()
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except ValueError:
            key = b""
        if len(key) < KEY_BYTES:
            raise GuildhallError(
                f"The key in {path} cannot be used.",
                f"It is not {KEY_BYTES} bytes in hex.",
                "Restore it from your backup; with another key every pseudonym changes.",
            )
        return key


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


def named_config(config: Path | None) -> Path | None:
    """Where somebody said the settings lie: --config, else GUILDHALL_CONFIG; None where nobody did."""
    return config or (Path(os.environ["GUILDHALL_CONFIG"]) if os.environ.get("GUILDHALL_CONFIG") else None)


def load(config: Path | None = None, home: Path | None = None) -> Settings:
    """Read and validate the settings. Raises GuildhallError naming the key, its fault, the nearest known one."""
    named = named_config(config)
    path = named or Path("guildhall.toml")
    found: dict[str, Any] = {}
    if path.exists():
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise GuildhallError(f"{path} cannot be read.", f"It is not TOML: {error}.", "Mend that line.") from error
        except OSError as error:
            raise GuildhallError(
                f"{path} cannot be read.", f"The system says: {error.strerror}.", "Name a file that you may read."
            ) from error
    elif named:
        raise GuildhallError(
            f"There is no {path}.", "It was named by --config or GUILDHALL_CONFIG.", "Make it: `guildhall init`."
        )
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        found.setdefault("kafka", {})["bootstrap_servers"] = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    place = home or Path(os.environ.get("GUILDHALL_HOME") or "var")
    try:
        return Settings(**found, home=place.absolute(), config=path.absolute() if path.exists() else None)
    except ValidationError as error:
        raise GuildhallError(f"{path} was refused.", *_explain(error)) from error


_EXPLAINED = "Mend it; `guildhall init` writes an example with every setting explained."
_WORDS = {
    "missing": "this is missing and must be set",
    "dict_type": "this should be a block of settings, begun by a line in [brackets]",
    "model_type": "this should be a block of settings, begun by a line in [brackets]",
    "string_type": "this should be a text, in quotes",
    "tuple_type": "this should be a list, in [brackets]",
    "int_parsing": "this should be a whole number",
    "int_type": "this should be a whole number",
    "float_parsing": "this should be a number",
    "bool_parsing": "this should be true or false",
}
"""Pydantic's kinds of fault in words of the settings; its own words serve for the others."""


def _secret(source: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise GuildhallError(
            f"The secret of the source `{source}` cannot be read.",
            f"{path}: {getattr(error, 'strerror', None) or 'it is no text'}.",
            "Write the secret there as text, readable by who runs Guildhall.",
        ) from error


def _explain(error: ValidationError) -> tuple[str, str]:
    # A misspelt key makes another one absent: the misspelling is what the person can see.
    faults = sorted(error.errors(include_url=False, include_input=False), key=lambda fault: fault["type"] != "extra_forbidden")
    first = faults[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        said = _WORDS.get(first["type"]) or str(first["msg"]).removeprefix("Value error, ")
        return f"{place}: {said}." if place else f"{said[0].upper()}{said[1:]}.", _EXPLAINED
    known = sorted(_known_keys(first["loc"][:-1]))
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(known)}."
    return f"`{place}` is no setting.", hint


def _known_keys(place: tuple[int | str, ...]) -> set[str]:
    model: type[BaseModel] = Settings
    for part in place:
        if isinstance(part, int) or part not in model.model_fields:
            field_names = {f.alias or name: f for name, f in model.model_fields.items()}
            if isinstance(part, str) and part in field_names:
                model = _inner(field_names[part].annotation) or model
            continue
        model = _inner(model.model_fields[part].annotation) or model
    return {field.alias or name for name, field in model.model_fields.items() if name not in {"home", "config", "slug"}}


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _inner(part)
        if found:
            return found
    return None


EXAMPLE = """\
# Guildhall's settings. Every key that may be set is here; what is commented out shows its default.
# Secrets never stand here: name the variable or the file that holds them.

# [kafka]
# bootstrap_servers = "localhost:9092"   # without it Guildhall starts its own; also KAFKA_BOOTSTRAP_SERVERS

# [gateway]
# host = "127.0.0.1"
# port = 8000
# token_env = "GUILDHALL_TOKEN"          # variable with the bearer token that /v1/events asks for

# [dagster]
# host = "127.0.0.1"
# port = 3000

# [refresh]
# every_seconds = 10.0
# memory_limit = "1GB"
# keep_published = 5

# One block for each community of practice.
# [community.auditors]
# title = "Internal audit"
# origin = "organic"                     # or "created"
# time_zone = "UTC"                      # for the report; evaluations are Mondays 00:00 UTC
# beat_days = 7                          # the rhythm the charter names: 7, 14, 28, 56 or 91
# names_for_facilitators = false
# [[community.auditors.space]]           # what belongs to it; a space belongs to one community or to none
# platform = "slack"
# workspace = "T024BE7LD"
# spaces = ["C024BE91L"]                 # or "*"; from = 2025-01-01 and to = 2026-01-01 date a move
# [[community.auditors.break]]           # an announced pause leaves the denominators
# from = 2026-08-01
# to = 2026-08-16
# [community.auditors.report]
# every = "month"
# to = []

# One block per source. A webhook is at POST /hooks/<platform>/<source>.
# [source.slack-main]
# platform = "slack"
# kind = "webhook"                       # or "poll", or "emit" for CloudEvents and the SDK
# tenant = "T024BE7LD"                   # workspace, site or account, for live traffic and imports
# secret_env = "SLACK_SIGNING_SECRET"    # or secret_file = "secrets/slack"; two secrets, one a line, while you rotate
# max_gap_hours = 72
# [source.wiki]
# platform = "mediawiki"
# kind = "poll"
# url = "https://wiki.example.org/w/api.php"
# poll_seconds = 60.0

# Accounts that are bots although their platform has no flag that says so.
# [[bots]]
# platform = "irc"
# workspace = "meetings"
# accounts = ["name:minutesbot"]
"""
