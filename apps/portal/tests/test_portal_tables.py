"""A table of projects is read as it was meant, and a hostile or broken one is refused by name."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from openpyxl import Workbook

from cahier_kernel.errors import Invalid
from cahier_portal.importing import tables
from cahier_portal.importing.projects import Reading, read_projects
from cahier_portal.importing.tables import read_table

HEADER = ["reference", "title", "cost", "district"]


def workbook(*rows: list[object], change: Callable[[bytes], bytes] | None = None) -> bytes:
    """A workbook with these rows; `change` alters the sheet's XML."""
    book, out = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue() if change is None else altered(out.getvalue(), change)


def altered(raw: bytes, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for part in old.namelist():
            body = old.read(part)
            new.writestr(part, change(body) if part.endswith("sheet1.xml") else body)
    return out.getvalue()


def csv_of(*rows: str) -> bytes:
    return "\n".join(rows).encode()


def refusals(reading: Reading) -> list[tuple[int, str, str]]:
    return [(each.line, each.error.field, each.error.code) for each in reading.refused]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_csv_is_read_whatever_separates_its_columns(delimiter: str) -> None:
    lines = [HEADER, ["A1", "Trees", "15000.50", "North"], ["A2", '"Lamps; two, or more"', "", ""]]
    raw = b"\xef\xbb\xbf" + csv_of(*(delimiter.join(line) for line in lines))
    first, second = read_projects(raw, ["North"]).rows
    assert (first.line, first.reference, first.title) == (2, "A1", "Trees")
    assert (first.cost_cents, first.district) == (1_500_050, "North")
    assert (second.title, second.cost_cents) == ("Lamps; two, or more", None)


def test_a_workbook_says_the_same_as_its_csv() -> None:
    rows: list[list[object]] = [HEADER, ["A1", "Trees", 15000.1 + 0.2, "North"], [7, "Lamps", 40]]
    found = read_projects(workbook([], *rows), ["North"])
    assert [(r.line, r.reference, r.cost_cents) for r in found.rows] == [
        (3, "A1", 1_500_030),
        (4, "7", 4_000),
    ]


def test_columns_go_by_their_french_names_too_and_further_ones_are_named() -> None:
    raw = csv_of("Référence;Titre;Coût;Quartier;Couleur", "A1;Arbres;15 000,5;Nord;vert")
    found = read_projects(raw, ["Nord"])
    assert found.rows[0].cost_cents == 1_500_050
    assert found.rows[0].position is None
    assert found.ignored == ["couleur"]


def test_each_refused_line_is_named_with_its_field_and_rule() -> None:
    found = read_projects(
        csv_of(
            "reference;title;cost;district;feasibility;reason;latitude;longitude",
            "A1;Trees;100;North;feasible;;43.6;1.4",
            ";Trees",
            "A2;",
            "A3;Trees;1,000",
            "A4;Trees;-5",
            "A5;Trees;12.345",
            "A6;Trees;1;South",
            "A7;Trees;1;;maybe",
            "A8;Trees;1;;unfeasible",
            "A9;Trees;;;feasible",
            "A10;Trees;1;;;;91;0",
            "A11;Trees;1;;;;;0",
            "A1;Again;1",
            "A12;" + "x" * 151,
            "A13;Trees;1;;;;;;more",
            "A14;Tr\x07ees;1",
        ),
        ["North"],
    )
    assert [row.reference for row in found.rows] == ["A1"]
    assert found.rows[0].position == (436_000_000, 14_000_000)
    assert refusals(found) == [
        (3, "reference", "text_required"),
        (4, "title", "text_required"),
        (5, "cost", "cost_malformed"),
        (6, "cost", "cost_out_of_range"),
        (7, "cost", "cost_malformed"),
        (8, "district", "district_unknown"),
        (9, "feasibility", "feasibility_unknown"),
        (10, "reason", "reason_required"),
        (11, "cost", "cost_required"),
        (12, "latitude", "position_malformed"),
        (13, "latitude", "position_malformed"),
        (14, "reference", "reference_doubled"),
        (15, "title", "text_too_long"),
        (16, "", "line_too_wide"),
        (17, "title", "text_unprintable"),
    ]


def test_a_refused_line_takes_no_reference_away_from_a_good_one() -> None:
    found = read_projects(csv_of("reference,title,cost", "A1,Trees,x", "A1,Trees,5"))
    assert [row.line for row in found.rows] == [3]


def test_formulas_and_errors_are_refused_where_they_stand() -> None:
    raw = workbook(HEADER, ["A1", "Trees", "=1+1"], ["A2", "Lamps", 5], ["A3", "#REF!", 5])
    found = read_projects(raw)
    assert [row.reference for row in found.rows] == ["A2"]
    told = [(each.line, each.error.code, each.error.params) for each in found.refused]
    assert told == [(2, "cell_formula", {"cell": "C2"}), (4, "cell_error", {"cell": "B4"})]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "table_empty"),
        (b"\xff\xfe", "table_not_utf8"),
        ("référence;titre".encode("latin-1"), "table_not_utf8"),
        (b"reference;title\0", "table_not_csv"),
        (b'reference;title\n"A1;x', "table_not_csv"),
        (b"title;cost\nx;1", "table_column_missing"),
        (b"reference;title;name\nA;x;y", "table_column_doubled"),
        (b"reference;title;title\nA;x;y", "table_column_doubled"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "table_old_excel"),
        (b"PK\x03\x04 not a zip", "table_not_workbook"),
        (b"reference;title\n" + b"A;x\n" * (tables.ROWS_MAX + 1), "table_too_long"),
        (b"x" * (tables.BYTES_MAX + 1), "table_too_large"),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(raw: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_projects(raw)
    assert refused.value.code == code


def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked() -> None:
    big = workbook(HEADER, change=lambda xml: xml + b" " * (tables.UNPACKED_BYTES_MAX + 1))
    assert len(big) < tables.BYTES_MAX
    with pytest.raises(Invalid, match="table_bomb"):
        read_table(big, HEADER)


def test_a_part_that_unpacks_to_more_than_it_declares_is_refused() -> None:
    raw = bytearray(workbook(HEADER, ["A1", "Trees", 5], change=lambda xml: xml + b" " * 5_000))
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as archive:
        part = next(each for each in archive.infolist() if each.filename.endswith("sheet1.xml"))
    for place in range(len(raw) - 4):
        if raw[place : place + 4] == part.file_size.to_bytes(4, "little"):
            raw[place : place + 4] = (200).to_bytes(4, "little")
    with pytest.raises(Invalid, match="table_not_workbook"):
        read_projects(bytes(raw))


def test_entities_in_a_workbook_are_refused() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'

    def declare(xml: bytes) -> bytes:
        head, mark, rest = xml.partition(b"<worksheet")
        return head + bomb + mark + rest

    with pytest.raises(Invalid, match="table_hostile"):
        read_table(workbook(HEADER, ["A1", "Trees"], change=declare), HEADER)


def test_a_workbook_with_macros_is_refused() -> None:
    raw = io.BytesIO(workbook(HEADER))
    with zipfile.ZipFile(raw, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"x")
    with pytest.raises(Invalid, match="table_macros"):
        read_table(raw.getvalue(), HEADER)


def test_what_a_sheet_says_of_its_own_size_is_not_believed() -> None:
    def lie(xml: bytes) -> bytes:
        return xml.replace(b'<dimension ref="A1:D2"', b'<dimension ref="A1:XFD1048576"')

    found = read_projects(workbook(HEADER, ["A1", "Trees", 5, ""], change=lie))
    assert [row.reference for row in found.rows] == ["A1"]


def test_a_row_far_down_ends_the_reading_instead_of_filling_memory() -> None:
    def far(xml: bytes) -> bytes:
        row = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>z</t></is></c></row>'
        return xml.replace(b"</sheetData>", row + b"</sheetData>")

    with pytest.raises(Invalid, match="table_too_long"):
        read_projects(workbook(HEADER, ["A1", "Trees"], change=far))
