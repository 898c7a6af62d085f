from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cahier_kernel import base64url
from cahier_kernel.clock import FileClock, ManualClock, from_rfc3339, to_rfc3339
from cahier_kernel.errors import DomainError, Invalid, Kind
from cahier_kernel.ids import derived_uuid, require_uuid, time_of, uuid7
from cahier_kernel.money import format_cents, is_currency, parse_cents

NOON = datetime(2026, 10, 3, 12, tzinfo=UTC)


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_money_survives_a_round_trip(cents: int) -> None:
    assert parse_cents(format_cents(cents)) == cents


@pytest.mark.parametrize("text", ["", "1,000", "1e3", "1.234", "nan", "--1", "1.", ".5", "٣"])
def test_what_is_not_a_decimal_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a decimal amount"):
        parse_cents(text)


def test_a_currency_is_three_capitals() -> None:
    assert is_currency("EUR")
    assert not is_currency("eur")
    assert not is_currency("EURO")


def test_a_uuid7_tells_when_it_was_made_and_no_other_id_does() -> None:
    at = NOON + timedelta(milliseconds=123)
    assert time_of(uuid7(at)) == at
    assert time_of(derived_uuid("a")) is None


def test_uuid7_sorts_by_time_and_says_its_version() -> None:
    early, late = uuid7(NOON), uuid7(NOON + timedelta(seconds=1))
    assert early < late
    assert early.version == 7
    assert uuid7(NOON) != uuid7(NOON)


def test_a_derived_id_depends_on_every_part_and_its_bounds() -> None:
    assert derived_uuid("ab", "c") == derived_uuid("ab", "c")
    assert derived_uuid("ab", "c") != derived_uuid("a", "bc")
    assert derived_uuid("ab").version == 8


def test_naive_instants_are_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        from_rfc3339("2026-01-01T00:00:00")


def test_rfc3339_is_utc_with_milliseconds() -> None:
    paris = datetime(2026, 7, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert to_rfc3339(paris) == "2026-07-01T12:00:00.123Z"
    assert from_rfc3339("2026-07-01T12:00:00.123Z").microsecond == 123000


@pytest.mark.parametrize("text", ["", "x", "{01a20291-2522-77b2-a7bc-9f5fa3d36b74}", "0" * 32])
def test_an_id_has_one_form(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        require_uuid(text, "process_id")
    assert (refused.value.code, refused.value.field) == ("id_malformed", "process_id")
    assert require_uuid("01A20291-2522-77B2-A7BC-9F5FA3D36B74", "x").version == 7


def test_every_process_sees_a_set_file_clock(tmp_path) -> None:
    path = tmp_path / "clock"
    one, other = FileClock(path), FileClock(path)
    assert abs(one.now() - datetime.now(UTC)) < timedelta(seconds=5)
    one.set(NOON)
    assert abs(other.now() - NOON) < timedelta(seconds=5)


@pytest.mark.parametrize("part_of_a_second_us", range(0, 1_000_000, 62_500))
def test_a_set_file_clock_is_never_before_the_instant(tmp_path, part_of_a_second_us: int) -> None:
    clock = FileClock(tmp_path / "clock")
    wanted = NOON + timedelta(microseconds=part_of_a_second_us)
    clock.set(wanted)
    assert wanted <= clock.now() < wanted + timedelta(seconds=5)


def test_an_error_carries_code_field_rule_and_parameters() -> None:
    error = Invalid("title_too_long", "at most 150 characters", field="title", max=150)
    assert isinstance(error, DomainError)
    assert error.kind is Kind.INVALID
    assert str(error) == "title_too_long: title: at most 150 characters"
    assert error.params == {"max": "150"}


@given(st.binary(max_size=80))
def test_base64url_has_one_spelling(raw: bytes) -> None:
    assert base64url.decode(base64url.encode(raw)) == raw


@pytest.mark.parametrize("text", ["AB", "A", "AA==", "AA+/", "AA\n", "Ä", "A A"])
def test_other_spellings_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64url|ASCII"):
        base64url.decode(text)
