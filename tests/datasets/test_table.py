"""Tables from anybody: every oddity has an answer, and none changes a label."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.core import InputError
from countenance.datasets.table import Table, read_table

NEEDS = (("path",), ("subject", "subject_id"))


def read(tmp_path: Path, data: bytes | str) -> Table:
    file = tmp_path / "t.csv"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_table(file, needs=NEEDS)


def refused(tmp_path: Path, data: bytes | str) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, data)
    assert "t.csv" in str(caught.value)
    return str(caught.value)


def test_plain(tmp_path: Path) -> None:
    table = read(tmp_path, "path,subject,sex\na.jpg,1,f\nb.jpg,2,m\n")
    assert table.columns == ("path", "subject", "sex")
    assert table.rows == (("a.jpg", "1", "f"), ("b.jpg", "2", "m"))
    assert table.lines == (2, 3)
    assert table.notes == ()


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (b"\xef\xbb\xbfpath,subject\na.jpg,1\n", []),
        (b"path,subject\r\na.jpg,1\r\n", []),
        (b"path,subject\ra.jpg,1\r", []),
        (b"path;subject\na.jpg;1\n", ["delimiter"]),
        (b"path\tsubject\na.jpg\t1\n", ["delimiter"]),
        (b"\n\n path , Subject \n\n a.jpg , 1 \n\n", []),
        (b"PATH,SUBJECT_ID\na.jpg,1", []),
        (b'"path","subject"\n"a.jpg","1"\n', []),
        (b"path,subject,,\na.jpg,1,,\n", []),
        (b",path,subject\n0,a.jpg,1\n", ["unnamed-column"]),
        (b"path,subject\na.jpg,1,,,\n", []),
        (b"path,subject\na.jpg,1\nb.jpg,2,3\n", ["long-row"]),
    ],
)
def test_written_in_many_ways(tmp_path: Path, data: bytes, codes: list[str]) -> None:
    table = read(tmp_path, data)
    assert (table.columns, table.rows) == (("path", "subject"), (("a.jpg", "1"),))
    assert [note.code for note in table.notes] == codes


def test_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    table = read(tmp_path, 'path,subject,note\n\na.jpg,1,"two\nlines"\nb.jpg,2,x\n\n\nc.jpg,3,y\n')
    assert table.lines == (3, 5, 8)
    assert table.rows[0][2] == "two\nlines"


def test_short_rows_are_filled(tmp_path: Path) -> None:
    assert read(tmp_path, "path,subject,sex\na.jpg,1\n").rows == (("a.jpg", "1", ""),)


def test_formulas_are_text(tmp_path: Path) -> None:
    cell = '=HYPERLINK("http://x";"y")'
    row = '"=HYPERLINK(""http://x"";""y"")"'
    assert read(tmp_path, f"path,subject,a\na.jpg,@SUM(1),{row}\n").rows == (
        ("a.jpg", "@SUM(1)", cell),
    )


def test_composed_and_decomposed_names_are_one(tmp_path: Path) -> None:
    nfd = unicodedata.normalize("NFD", "José")
    rows = read(tmp_path, f"path,subject\na.jpg,José\nb.jpg,{nfd}\n").rows
    assert rows[0][1] == rows[1][1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n \n", "is empty"),
        (b"path,subject\n", "no usable row"),
        (b"path,subject\n,\n\n", "no usable row"),
        (b",,,\n,,\n", "not a header"),
        (b"a.jpg,1\nb.jpg,2\n", "found: a.jpg, 1"),
        (b"file,subject\na.jpg,2\n", "'path'"),
        (b"path,person\na.jpg,2\n", "'subject' or 'subject_id'"),
        (b"path,subject,Sex,sex\na.jpg,2,f,f\n", "two columns are named 'sex'"),
        (b"path,subject,PATH\na.jpg,2,f\n", "two columns are named"),
        (b"path,subject\na.jpg,Jos\xe9\n", "row 2 is not UTF-8 (byte 0xE9)"),
        ("path,subject\na.jpg,1\n".encode("utf-16"), "UTF-16"),
        (b"path,subject\na.jpg,1\nb\0.jpg,2\n", "row 3 holds a NUL byte"),
        (b'path,subject\na.jpg,1\n"b.jpg,2\n', "row 3 cannot be read"),
        (b"path,subject\n" + b"x" * 200_000 + b",1\n", "row 2 cannot be read"),
    ],
)
def test_refused_with_the_place(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refused(tmp_path, data)


def test_a_folder_is_not_a_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path, needs=NEEDS)


_CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], max_codepoint=0x2FFFF),
    min_size=1,
    max_size=8,
).map(lambda text: unicodedata.normalize("NFC", text))


@given(
    rows=st.lists(st.tuples(_CELL, _CELL, _CELL), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t"),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_writer_wrote_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str]],
    delimiter: str,
    ending: str,
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending)
    writer.writerows([("path", "subject", "group"), *rows])
    table = read(tmp_path_factory.mktemp("t"), text.getvalue())
    assert table.rows == tuple(rows)
    assert table.lines == tuple(range(2, len(rows) + 2))


@given(data=st.binary(max_size=200) | st.text(',;"\n\r\tpathsubjec', max_size=120).map(str.encode))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    try:
        table = read(tmp_path_factory.mktemp("t"), b"path,subject\n" + data)
    except InputError:
        return
    assert table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)
