"""Settings: `guildhall.toml` and the variables GUILDHALL_CONFIG, GUILDHALL_HOME and KAFKA_BOOTSTRAP_SERVERS.

Validated as a whole at the start of a command or process, and frozen from then on.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dagster_project.paths import Paths, home_folder
from dagster_project.private import deployment_key, keep_private, token
from dagster_project.refused_settings import why_refused
from events.communities import BotList, Communities, Community, contested
from events.errors import GuildhallError
from events.source import Source, SourceKind
from pipelines.platforms import PLATFORMS

UNNAMED_TENANTS = frozenset({"export", "unknown"})
"""Workspaces that readers of exports assume where neither the export nor the user names one."""
_ADDRESS = re.compile(r"[^\s:/]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Part):
    """The Kafka cluster. Without an address Guildhall starts its own."""

    bootstrap_servers: str | None = Field(
        default=None, description="host:port, separated by commas; the variable KAFKA_BOOTSTRAP_SERVERS wins"
    )

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, value: str | None) -> str | None:
        if value is not None and not all(_ADDRESS.fullmatch(part.strip()) for part in value.split(",")):
            raise ValueError(
                f"`{value}` (from guildhall.toml or KAFKA_BOOTSTRAP_SERVERS) is not an address such as host:9092,other:9092"
            )
        return value


class GatewaySettings(_Part):
    """The HTTP server for webhooks and CloudEvents."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on")
    token_env: str | None = Field(
        default=None,
        description="name of the variable that holds the bearer tokens for /v1/events, separated by spaces; "
        "without it the token is the one in `events.token` of the home folder",
    )


class DagsterSettings(_Part):
    """Dagster's web page."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=3000, ge=0, le=65535, description="port to listen on")


class RefreshSettings(_Part):
    """The refresher: it lands, builds and publishes."""

    every_seconds: float = Field(default=10.0, gt=0, description="pause in seconds between two looks for new events")
    memory_limit: str = Field(default="1GB", pattern=r"^\d+(\.\d+)?(MB|GB)$", description="memory of DuckDB: 512MB, 2GB")
    keep_published: int = Field(default=5, ge=2, description="published files to keep")


class PublishSettings(_Part):
    """What the published file shows of people."""

    detail: Literal["coarse", "full"] = Field(
        default="full",
        description='"coarse" before you give the file away: with exact ids and times a reader of the chat finds its people',
    )


class SourceSettings(_Part):
    """A source: one configured way in, for instance a platform's webhook. Its secret is in a variable or a file, never here."""

    platform: str = Field(description="a platform that `guildhall sources` lists")
    kind: Literal["webhook", "poll", "emit"] = Field(default="webhook", description="how the events arrive")
    tenant: str | None = Field(
        default=None,
        min_length=1,
        description="workspace, site or account, for events and imports that name none; events of others are rejected",
    )
    url: str | None = Field(
        default=None, pattern=r"^https?://[^\s/]+", description="of a polled source: the address that it is read from"
    )
    poll_seconds: float = Field(default=60.0, gt=0, description="pause in seconds between two passes over a polled source")
    secret_env: str | None = Field(default=None, description="name of the variable that holds the secret")
    secret_file: str | None = Field(
        default=None, description="file that holds the secret, relative to the folder of guildhall.toml"
    )
    max_gap_hours: int = Field(default=72, gt=0, description="silence in hours after which the source's data counts as missing")


class Settings(_Part):
    """All settings."""

    kafka: KafkaSettings = KafkaSettings()
    gateway: GatewaySettings = GatewaySettings()
    dagster: DagsterSettings = DagsterSettings()
    refresh: RefreshSettings = RefreshSettings()
    publish: PublishSettings = PublishSettings()
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
    def _names_known_platforms_and_separate_spaces(self) -> Self:
        named = {f"source.{name}.platform": source.platform for name, source in self.source.items()}
        for slug, community in self.community.items():
            named |= {f"community.{slug}.space.{number}.platform": rule.platform for number, rule in enumerate(community.space)}
        for place, platform in named.items():
            if platform not in PLATFORMS:
                near = difflib.get_close_matches(platform, PLATFORMS, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"the platforms are {', '.join(sorted(PLATFORMS))}"
                raise ValueError(f"{place}: `{platform}` is not a platform of Guildhall; {hint}")
        self._check_sources()
        claim = contested(self.community)
        if claim is not None:
            space, one, other = claim
            raise ValueError(
                f"the communities `{one}` and `{other}` both have the space {space}; a space belongs to at most one on each day"
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

    def tenant_of(self, platform: str, community: str | None = None) -> str | None:
        """The tenant that the sources of a platform agree on, so that an import gets the account ids of live traffic.

        Where they name none, the one workspace in which the community has its spaces on this platform.
        """
        tenants = {source.tenant for source in self.source.values() if source.platform == platform and source.tenant}
        if not tenants and community in self.community:
            tenants = {rule.workspace for rule in self.community[community].space if rule.platform == platform}
        return tenants.pop() if len(tenants) == 1 and not tenants & {"*", *UNNAMED_TENANTS} else None

    @property
    def folder(self) -> Path:
        """The folder of guildhall.toml, and of people.csv, roles.csv and secret files."""
        return self.config.parent if self.config else Path()

    @property
    def paths(self) -> Paths:
        """What lies where under the home folder."""
        return Paths(self.home)

    def communities(self) -> Communities:
        """Which space belongs where, for the stream worker."""
        bots = frozenset((b.platform, b.workspace, account) for b in self.bots for account in b.accounts)
        return Communities(self.community, bots)

    def tenants(self) -> dict[str, str]:
        """The tenant of each source that others post to, by address: it may send events of no other."""
        return {
            self.source_of(name).address: source.tenant
            for name, source in self.source.items()
            if source.tenant is not None and source.kind != "poll"
        }

    def secrets_of(self, name: str) -> tuple[str, ...]:
        """The secrets of a source, newest first; a file may hold several, one per line. Empty where none is set."""
        source = self.source[name]
        found = os.environ.get(source.secret_env, "") if source.secret_env else ""
        if not found and source.secret_file:
            found = _secret(name, self.folder / source.secret_file)
        return tuple(line.strip() for line in found.splitlines() if line.strip())

    def events_tokens(self) -> tuple[str, ...]:
        """The bearer tokens for /v1/events: those in the variable of `token_env`, else the one under the home folder."""
        name = self.gateway.token_env
        if name is None:
            return (token(self.paths.events_token),)
        found = tuple(os.environ.get(name, "").split())
        if not found:
            raise GuildhallError(
                f"The variable {name} holds no token.",
                "`token_env` of [gateway] names it, and it is unset or empty.",
                f"Set {name}, or leave token_env out: then the token is in {self.paths.events_token}.",
            )
        return found

    def pages_token(self) -> str:
        """The password of the reports, of /metrics and of Dagster's page, made once under the home folder."""
        return token(self.paths.pages_token)

    def key(self) -> bytes:
        """The deployment key, made once under the home folder. Raises GuildhallError, see deployment_key."""
        return deployment_key(self.paths)


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


def named_config(config: Path | None) -> Path | None:
    """The settings file that was named: --config, else GUILDHALL_CONFIG; None without either."""
    return config or (Path(os.environ["GUILDHALL_CONFIG"]) if os.environ.get("GUILDHALL_CONFIG") else None)


def load(config: Path | None = None, home: Path | None = None) -> Settings:
    """Read and validate the settings. From then on this process writes private files only, see keep_private.

    Raises GuildhallError that names the key, what is wrong with it and the nearest known one; OSError for a file that cannot be
    read.
    """
    named = named_config(config)
    path = named or Path("guildhall.toml")
    found: dict[str, Any] = {}
    if path.exists():
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise GuildhallError(f"{path} cannot be read.", f"It is not TOML: {error}.", "Correct that line.") from error
    elif named:
        raise GuildhallError(
            f"There is no {path}.", "--config or GUILDHALL_CONFIG names it.", f"Write it: `guildhall init {path}`."
        )
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        found.setdefault("kafka", {})["bootstrap_servers"] = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    for option in ("home", "config"):
        if option in found:
            raise GuildhallError(
                f"{path} was refused.",
                f"`{option}` is not a setting.",
                f"Use --{option}, or the variable GUILDHALL_{option.upper()}.",
            )
    keep_private(home_folder(home))
    try:
        return Settings(**found, home=home_folder(home), config=path.absolute() if path.exists() else None)
    except ValidationError as error:
        raise GuildhallError(f"{path} was refused.", *why_refused(error, Settings)) from error


def _secret(source: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise GuildhallError(
            f"The secret of the source `{source}` cannot be read.",
            f"{path}: {getattr(error, 'strerror', None) or 'it is not text'}.",
            "Write the secret there as text, and let the user who runs Guildhall read it.",
        ) from error
