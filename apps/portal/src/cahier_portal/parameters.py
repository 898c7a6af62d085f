"""What handlers ask the framework for, by short names: visit, ids in paths, texts in queries."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from cahier_portal.visit import Visit

Caller: TypeAlias = NamedDependency[Visit]
PathId: TypeAlias = FromPath[UUID]
PathText: TypeAlias = FromPath[str]
QueryText: TypeAlias = FromQuery[str]
QueryCount: TypeAlias = FromQuery[int]
