"""Points on the map: between what people type and the contract's ten-millionths of a degree."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import partial

from babel.numbers import format_decimal

from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_portal.catalogue import locale, t
from cahier_portal.forms import FieldErrors, Form, FormError, together

UNITS = 10_000_000
LATITUDE_MAX = 90
LONGITUDE_MAX = 180
_CHARS_MAX = 20


def read_position(form: Form) -> reporting.Position | None:
    """The point in the fields `lat` and `lon`; None when both are empty; raises FieldErrors."""
    if not form.text("lat") and not form.text("lon"):
        return None
    lat_e7, lon_e7 = together(
        partial(_degrees, form, "lat", LATITUDE_MAX), partial(_degrees, form, "lon", LONGITUDE_MAX)
    )
    return reporting.Position(lat_e7=lat_e7, lon_e7=lon_e7)


def _degrees(form: Form, name: str, most: int) -> int:
    # A decimal comma and a decimal point mean the same here: degrees have no thousands.
    text = form.text(name).replace(",", ".").replace("−", "-")
    try:
        value = Decimal(text) if len(text) <= _CHARS_MAX else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > most:
        raise FieldErrors(FormError(name, t("error.not_degrees", most=most)))
    return int((value * UNITS).to_integral_value())


def position_text(position: reporting.Position) -> str:
    """A point as people read it, to a metre: `48.85660, 2.35220`, `48,85660 ; 2,35220`."""
    lat, lon = (
        format_decimal(Decimal(value) / UNITS, "0.00000", locale=locale())
        for value in (position.lat_e7, position.lon_e7)
    )
    return t("report.position_text", lat=lat, lon=lon)


def degrees_value(value_e7: int) -> str:
    """Ten-millionths of a degree as a form field shows them: `48.8566`."""
    return f"{Decimal(value_e7) / UNITS:f}"


def position_of(disclosed: str) -> reporting.Position | None:
    """The point in a report's disclosure, `lat_e7,lon_e7`; None for any other text."""
    try:
        lat_e7, lon_e7 = (int(part) for part in disclosed.split(","))
    except ValueError:
        return None
    return reporting.Position(lat_e7=lat_e7, lon_e7=lon_e7)
