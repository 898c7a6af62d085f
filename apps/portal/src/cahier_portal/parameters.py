"""What handlers ask the framework for, by short names: visit, ids in paths, texts in queries."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from cahier_portal.visit import Visit

COUNT_MAX = 2**31 - 1
"""Of the contracts' int32; more would be no question that a service can be asked."""

Caller: TypeAlias = NamedDependency[Visit]
PathId: TypeAlias = FromPath[UUID]
PathText: TypeAlias = FromPath[str]
QueryText: TypeAlias = FromQuery[str]
QueryCount: TypeAlias = Annotated[int, QueryParameter(ge=0, le=COUNT_MAX)]
