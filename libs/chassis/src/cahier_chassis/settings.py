"""Typed settings: every knob of a process stands in one frozen class, read from its environment.

A service subclasses ServiceSettings and names its prefix; the documentation page is printed from
the class, so that the two cannot differ. A secret never has a default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from cahier_chassis.erasures import ErasureList
from cahier_kernel.clock import Clock, FileClock, SystemClock
from cahier_ledger.log.keeping import BATCH_S, CHECKPOINT_S
from cahier_ledger.stores import Stores

CITY_PATTERN = r"^[a-z][a-z0-9_-]{0,62}$"
ORIGIN_PATTERN = r"^([^\s+]+/tlog/[a-z]+)?$"

Port = Annotated[int, Field(ge=0, le=65_535)]


class ServiceSettings(BaseSettings):
    """The settings that every unit has; a subclass sets `env_prefix` and adds its own.

    Values come from the environment alone. Instances are frozen.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    city: str = Field(pattern=CITY_PATTERN, description="The city's name, as in its NATS subjects.")
    data_dir: Path = Field(description="Folder of this unit's databases; made when missing.")
    store_dsn: SecretStr | None = Field(
        None,
        description="PostgreSQL (`postgresql://...`) that keeps events, views and inbox; without "
        "it they are files in the data folder.",
    )
    nats_url: str = Field(description="Where the city's NATS server listens.")
    token_public_keys: Path = Field(
        description="PEM file, or folder of `*.pub.pem` files, that access tokens are checked with."
    )
    host: str = Field("127.0.0.1", description="Address that gRPC and health listen on.")
    grpc_port: Port = Field(0, description="TCP port of gRPC; 0 takes a free one.")
    http_port: Port = Field(0, description="TCP port of health and metrics; 0 takes a free one.")
    run_file: Path | None = Field(
        None, description="Where the unit writes its pid and ports once it serves, as JSON."
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Least severe level logged."
    )
    otlp_endpoint: str | None = Field(
        None, description="OTLP gRPC endpoint that traces are sent to; without it none are sent."
    )
    keep_traces: bool = Field(
        False,
        description="Development only: keep the last traces in memory and show them at /traces.",
    )
    log_keys: str | None = Field(
        None,
        description="What signs the service's public log: key files or `pkcs11:` URIs, separated "
        "by commas, the current one first. Without it there is no public log.",
    )
    log_origin: str = Field(
        "",
        pattern=ORIGIN_PATTERN,
        description="The log's name, `<public host>/tlog/<service>`; part of every signature, so "
        "it never changes.",
    )
    log_lock: SecretStr | None = Field(
        None,
        description="SQLite file or `postgresql://` DSN of the log's lock row, on other storage "
        "than the events and never restored; without it `../locks/<service>.db` beside the data "
        "folder.",
    )
    log_tiles: str = Field(
        "",
        description="Folder of the log's files, or `store` for the database that keeps the events; "
        "without it `store` on PostgreSQL, where processes may share no folder, else `tlog` in the "
        "data folder.",
    )
    log_policy: Path | None = Field(
        None,
        description="Policy file (C2SP tlog-policy): whose cosignatures a checkpoint must have "
        "before it is served. Without it the log signs alone.",
    )
    log_batch_s: float = Field(
        BATCH_S, gt=0, le=3_600, description="Seconds that a leaf waits for others, at most 255."
    )
    log_checkpoint_s: float = Field(
        CHECKPOINT_S, gt=0, le=3_600, description="Least seconds between two checkpoints."
    )
    erasure_list: Path | None = Field(
        None,
        description="File that says who was forgotten, never restored from a backup; without it "
        "`erasures/list` beside the data folder. The services of a city may share one.",
    )
    clock_file: Path | None = Field(
        None, description="File with a shift of the city's clock in seconds; development only."
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if _is_secret(field) and not field.is_required() and field.default is not None:
                raise TypeError(f"{cls.__name__}.{name}: a secret has no default")

    @classmethod
    def from_environment(cls) -> Self:
        """Reads the environment; raises pydantic.ValidationError."""
        return cls()  # type: ignore[call-arg]

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()

    def stores(self, service: str) -> Stores:
        """Where the service keeps what it stores."""
        dsn = None if self.store_dsn is None else self.store_dsn.get_secret_value()
        return Stores(service, self.data_dir, dsn)

    def erasures(self) -> ErasureList:
        """Who was forgotten, kept apart from what can be restored."""
        return ErasureList(self.erasure_list or self.data_dir.parent / "erasures" / "list")

    def clock(self) -> Clock:
        """The city's clock: the machine's, shifted by `clock_file` where that is set."""
        return FileClock(self.clock_file) if self.clock_file else SystemClock()


def settings_page(cls: type[ServiceSettings]) -> str:
    """The Markdown page of all settings of a class, in the order in which they are declared."""
    lines = [
        f"# Settings of {cls.__name__}",
        "",
        "| variable | type | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for name, field in cls.model_fields.items():
        lines.append(
            f"| `{cls.variable(name)}` | {_type(field)} | {_default(field)} | "
            f"{field.description or ''} |"
        )
    return "\n".join(lines) + "\n"


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def _type(field: FieldInfo) -> str:
    options = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    kinds = options or [field.annotation]
    return "secret" if _is_secret(field) else " or ".join(_type_name(kind) for kind in kinds)


def _type_name(kind: Any) -> str:
    return {"str": "text", "int": "integer", "bool": "boolean", "Path": "path"}.get(
        getattr(kind, "__name__", ""), str(getattr(kind, "__name__", kind))
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "none" if field.default is None else f"`{field.default}`"
