"""People's files: every form read as what it is, or refused with file, place and what to do."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reorder_core.corpus.reading import unpacking
from reorder_core.corpus.reading.cleaning import cleaned, shown
from reorder_core.corpus.sources.folder import Folder
from reorder_core.corpus.sources.source import Found
from reorder_core.errors import CorpusError

ROWS = [
    {"id": i, "text": f"The ferry leaves pier {i}.\nIt is cold.", "topic": ("sea", "land")[i % 2]}
    for i in range(12)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def table(rows: list[dict[str, Any]], **options: Any) -> str:
    return pd.DataFrame(rows).to_csv(index=False, **options)


def frame(orient: str) -> bytes:
    """What pandas' to_json writes."""
    return (pd.DataFrame(ROWS).to_json(orient=orient) or "").encode()  # pyright: ignore


def found(path: Path, **fields: Any) -> Found:
    return Folder(path=path, **fields).documents(np.random.default_rng(0))


def texts(path: Path, **fields: Any) -> list[str]:
    return [document.text for document in found(path, **fields).documents]


def refused(path: Path, **fields: Any) -> str:
    with pytest.raises(CorpusError) as caught:
        found(path, **fields)
    return str(caught.value)


def arrow(rows: list[dict[str, Any]], stream: bool) -> bytes:
    made, sink = pa.Table.from_pylist(rows), io.BytesIO()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, made.schema) as writer:
        writer.write_table(made, max_chunksize=5)
    return sink.getvalue()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def zipped(**members: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return sink.getvalue()


COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
FORMS: dict[str, bytes] = {
    "array.json": json.dumps(ROWS, indent=2).encode(),
    "lines.json": LINES.encode(),
    "lines.jl": LINES.encode(),
    "lines.ndjson": LINES.encode(),
    "lines.txt": LINES.encode(),
    "lines": LINES.encode(),
    "mark.jsonl": b"\xef\xbb\xbf" + LINES.replace("\n", "\r\n\r\n").encode(),
    "objects.json": "\n".join(json.dumps(row, indent=1) for row in ROWS).encode(),
    "columns.json": json.dumps(COLUMNS).encode(),
    "pandas.json": frame("columns"),
    "split.json": frame("split"),
    "index.json": frame("index"),
    "schema.json": frame("table"),
    "wrapped.json": json.dumps({"version": "1", "data": ROWS}).encode(),
    "served.json": json.dumps({"rows": [{"row_idx": 0, "row": row} for row in ROWS]}).encode(),
    "comma.csv": table(ROWS).encode(),
    "semicolon.csv": table(ROWS, sep=";").encode(),
    "announced.csv": ("sep=;\n" + table(ROWS, sep=";")).encode(),
    "windows.csv": b"\xef\xbb\xbf" + table(ROWS, lineterminator="\r\n").encode(),
    "wide.csv": table(ROWS).encode("utf-16"),
    "tab.tsv": table(ROWS, sep="\t").encode(),
    "tab.txt": table(ROWS, sep="\t").encode(),
    "tab.csv": table(ROWS, sep="\t").encode(),
    "a.parquet": parquet(ROWS),
    "no-suffix-parquet": parquet(ROWS),
    "data-00000-of-00001.arrow": arrow(ROWS, stream=True),
    "a.feather": arrow(ROWS, stream=False),
    "a.jsonl.gz": gzip.compress(LINES.encode()),
    "misnamed.jsonl": gzip.compress(LINES.encode()),
    "a.json.bz2": bz2.compress(json.dumps(ROWS).encode()),
    "a.csv.xz": lzma.compress(table(ROWS).encode()),
    "a.jsonl.zst": zstd(LINES.encode()),
    "a.zip": zipped(a__jsonl=LINES.encode()),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_table_is_read_as_rows_whatever_its_name(name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(FORMS[name])
    for place in (path, tmp_path):  # alone, and as the only file of a folder
        read = found(place, domain_column="topic")
        assert [d.text for d in read.documents] == [row["text"] for row in ROWS]
        assert [d.domain for d in read.documents] == [row["topic"] for row in ROWS]
        assert (read.files, read.rows) == (1, 12)
        assert all(name in d.source for d in read.documents)


def test_a_folder_of_shards_gives_the_rows_of_all(tmp_path: Path):
    for number in range(3):
        shard = tmp_path / f"train-{number:05}-of-00003.parquet"
        shard.write_bytes(parquet(ROWS[4 * number : 4 * number + 4]))
    assert texts(tmp_path) == [row["text"] for row in ROWS]
    assert {d.domain for d in found(tmp_path).documents} == {"train"}
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.jsonl").write_text(LINES)
    assert {d.domain for d in found(tmp_path).documents} == {"train", "deep"}


def test_a_saved_dataset_is_its_rows_without_its_descriptions(tmp_path: Path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "data-00000-of-00001.arrow").write_bytes(arrow(ROWS, stream=True))
    for name in ("dataset_info.json", "state.json"):
        (tmp_path / "train" / name).write_text('{"features": {"text": {"dtype": "string"}}}')
    (tmp_path / "README.md").write_text("# A card about the data\n")
    read = found(tmp_path)
    assert [d.text for d in read.documents] == [row["text"] for row in ROWS]
    assert any("3 files, about the tables beside them" in note for note in read.notes)


def test_tables_and_prose_of_one_folder_are_both_read(tmp_path: Path):
    for place, text in (("books/a.txt", "Once upon a time."), ("code/package.json", '{"a": 1}\n')):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_text(text)
    (tmp_path / "code" / "fixtures.json").write_text('[{"id": 1}, {"id": 2}]')
    (tmp_path / "qa.jsonl").write_text(LINES)
    read = found(tmp_path)
    assert len(read.documents) == 14
    assert {d.domain for d in read.documents} == {"books", "code", "qa"}
    assert any("without the column" in n and "code/fixtures.json" in n for n in read.notes)


def test_tables_without_the_column_are_all_named(tmp_path: Path):
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text('{"prompt": "x", "response": "y"}\n')
    told = refused(tmp_path)
    assert all(f"{name}.jsonl" in told for name in "abc")
    assert 'corpus.template: "{prompt}\\n{response}"' in told
    assert texts(tmp_path, template="{prompt}\n{response}") == ["x\ny"] * 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "id,text\n1,a,b\n", "line 2 has 3 values, the first line names 2"),
        ("a.csv", "id,text\n1,a\n\n2\n", "line 4 has 1 values"),
        ("a.csv", 'id,text\n1,"a\n2,b\n', "from line 2 on.*close the quote"),
        ("a.csv", 'id,text\n1,"a" b\n', "from line 2 on"),
        ("a.csv", "text,text\na,b\n", "2 columns 'text'"),
        ("a.jsonl", '{"text": "a"}\n{"text": "b"\n', "line 2 is not JSON"),
        ("a.jsonl", '{"text": "a"}\n' + "[" * 100_000, "line 2 is not JSON: it is nested too"),
        ("a.json", '[{"text": "a"}, {"text": ', "a.json is not JSON"),
        ("a.json", "{}", "JSON without rows"),
        ("a.json", '{"train": [{"text": "a"}], "test": [{"text": "b"}]}', "2 lists of rows"),
        ("a.json", '{"text": ["a", "b"], "n": [1]}', r"different lengths \(text: 2, n: 1\)"),
        ("a.jsonl", '{"text": ["a", "b"]}\n', "line 1: 'text' holds list"),
        ("a.jsonl", '{"text": 1' + "0" * 9000 + "}\n", "line 1: 'text' holds a number"),
        ("a.jsonl", '{"text": {"a": 1}}\n{"text": {}}', "line 1: .*holds dict.* 1 more rows"),
        ("a.jsonl", '{"text": null}\n{"text": " "}\n', "no text in column 'text'"),
        ("a.json.gz", gzip.compress(LINES.encode(), mtime=0)[:99], "is damaged"),
        ("a.bin", b"Rar!" + bytes(9), "a RAR archive"),
        ("a.pdf", b"%PDF-1.4\n", "a PDF, which is not read"),
        ("a.gz", gzip.compress(gzip.compress(b"a", mtime=0), mtime=0), "compressed twice"),
        ("a.docx", zipped(**{"[Content_Types]__xml": b"<x/>"}), "an Office document"),
        ("a.zip", b"PK\x03\x04 no archive", "a zip archive that cannot be unpacked"),
        ("a.parquet", b"text", "not a Parquet file"),
        ("a.arrow", b"text", "not a Arrow file|not an Arrow file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_place(
    name: str, content: str | bytes, words: str, tmp_path: Path
):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(CorpusError, match=words) as caught:
        found(path)
    assert name in str(caught.value)


def test_a_delimiter_at_each_rows_end_moves_no_column(tmp_path: Path):
    path = tmp_path / "a.csv"
    for header in ("id,text,summary", "id,text,summary,"):
        path.write_text(header + "\n" + "".join(f"{i},long {i},short,\n" for i in range(9)))
        assert texts(path) == [f"long {i}" for i in range(9)]


def test_a_quote_that_a_later_row_closes_swallows_nothing_unsaid(tmp_path: Path):
    path = tmp_path / "a.csv"
    rows = [f"{i},The boat number {i}\n" for i in range(300)]
    rows[40], rows[200] = '40,"The boat\n', '200,The boat"\n'
    path.write_text("id,text\n" + "".join(rows))
    assert "line 42 opens a quote that is closed 160 lines later" in refused(path)
    verse = "\n".join(f"Verse {i}" for i in range(30))
    path.write_text(f'id,text\n1,"{verse}"\n')
    assert texts(path) == [verse]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "arrow"])
def test_integers_beside_a_gap_stay_apart(form: str, tmp_path: Path):
    big = 2**53
    rows = [{"text": f"a{i}", "user": big + i} for i in range(3)] + [{"text": "b", "user": None}]
    write: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
        "jsonl": lambda r: "\n".join(map(json.dumps, r)).encode(),
        "csv": lambda r: ("text,user\n" + "".join(f"{x['text']},{x['user'] or ''}\n" for x in r)
                          ).encode(),
        "parquet": parquet,
        "arrow": lambda r: arrow(r, stream=True),
    }  # fmt: skip
    path = tmp_path / f"a.{form}"
    path.write_bytes(write[form](rows[:3]))
    domains = [d.domain for d in found(path, domain_column="user").documents]
    assert domains == [str(big), str(big + 1), str(big + 2)]
    path.write_bytes(write[form](rows))
    assert "'user' is empty" in refused(path, domain_column="user")


def test_floats_that_stand_for_several_integers_are_refused(tmp_path: Path):
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet([{"text": "a", "user": 3.0}, {"text": "b", "user": 4.0}]))
    assert [d.domain for d in found(path, domain_column="user").documents] == ["3", "4"]
    path.write_bytes(parquet([{"text": "a", "user": float(2**53)}]))
    assert "stands for several integers" in refused(path, domain_column="user")


def test_a_very_long_integer_is_a_name_like_another(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "user": 1' + "0" * 9000 + "}")
    assert len(found(path, domain_column="user").documents[0].domain) == 9001


def test_chats_are_joined_turn_by_turn(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    turns = [{"role": "user", "content": "Hi {role}"}, {"role": "assistant", "content": None},
             {"role": "user", "content": [{"type": "text", "text": "Bye"}]}]  # fmt: skip
    for column, said in (
        ("messages", turns),
        ("conversations", [{"from": t["role"], "value": t["content"]} for t in turns]),
    ):
        path.write_text(json.dumps({column: said}))
        assert texts(path) == ["user: Hi {role}\nassistant: \nuser: Bye"]
        made = texts(path, template="<{role}>{content}</>", text_column=column)
        assert made == ["<user>Hi {role}</>\n<assistant></>\n<user>Bye</>"]


def test_a_template_joins_columns_and_reads_nothing_into_them(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text('q,a\n{a},"{{x}} {q.__class__}"\n,\n')
    read = found(path, template="Q {q} {{A}} {a}")
    assert [d.text for d in read.documents] == ["Q {a} {A} {{x}} {q.__class__}"]
    assert any("1 rows without text" in note for note in read.notes)
    for wrong, words in (("{q", "single {"), ("plain", "names no column")):
        with pytest.raises(ValueError, match=words):
            Folder(path=path, template=wrong)


def test_rows_can_be_chosen_over_all_tables(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(LINES)
    (tmp_path / "b.jsonl").write_text(LINES)
    assert texts(tmp_path, rows="2-3, 12-13, 24") == [ROWS[i]["text"] for i in (1, 2, 11, 0, 11)]
    assert len(texts(tmp_path, rows="20-")) == 5
    assert "takes none of the 24 rows" in refused(tmp_path, rows="99-")
    with pytest.raises(ValueError, match="is no range"):
        Folder(path=tmp_path, rows="first")


def test_prose_with_as_many_commas_in_each_line_stays_prose(tmp_path: Path):
    verse = "".join(f"The ferry, the pier, the {i}th gull\n" for i in range(30))
    (tmp_path / "poem.txt").write_text(verse)
    assert texts(tmp_path / "poem.txt") == [verse]
    (tmp_path / "data.txt").write_text("".join(f"{i},gull {i},pier\n" for i in range(30)))
    assert "read as CSV: no column 'text'" in refused(tmp_path / "data.txt")


def test_odd_files_of_a_folder_are_left_out_and_counted(tmp_path: Path):
    (tmp_path / "good.txt").write_text("Some text.")
    (tmp_path / "wide.txt").write_text("Wide text.", encoding="utf-16")
    (tmp_path / "old.txt").write_bytes(b"caf\xe9")
    (tmp_path / "nul.txt").write_bytes(b"a\0b")
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "all.zip").write_bytes(zipped(a__txt=b"Zipped.", b__bin=b"\xff\x00"))
    read = found(tmp_path)
    assert sorted(d.text for d in read.documents) == ["Some text.", "Wide text.", "Zipped."]
    told = " ".join(read.notes)
    assert "4 files, not text or a table: all.zip/b.bin, nul.txt, old.txt, paper.pdf" in told
    assert "1 files, empty: empty.md" in told


def test_faulty_tables_of_a_folder_are_named_together(tmp_path: Path):
    (tmp_path / "good.txt").write_text("Some text.")
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text('{"text": "x"}\n{"text"')
    told = refused(tmp_path)
    assert told.startswith("3 faulty tables: ") and all(f"{n}.jsonl, line 2" in told for n in "abc")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd,
                                  lambda data: zipped(a__txt=data[:99], b__txt=data)])  # fmt: skip
def test_a_bomb_is_not_expanded_beyond_the_bound(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(unpacking, "LARGEST", 1_000_000)
    path = tmp_path / "a.txt.gz"
    path.write_bytes(pack(b"a" * 999_000))
    assert not texts(path)[0].strip("a")
    path.write_bytes(pack(b"a" * 10_000_000))
    assert "more than 1,000,000 bytes once expanded" in refused(path)


def test_control_characters_and_half_characters_are_replaced_and_counted(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "a\\ud83d b \\u001b[31m\\u0000 \\ud83d\\ude00\\r\\nc\\fd", "t": "x\\ny"}'
    )
    read = found(path, domain_column="t")
    assert read.documents[0].text == "a� b �[31m� 😀\nc\nd"
    assert read.documents[0].domain == "x y"
    assert any("replaced 3 control characters" in note for note in read.notes)


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=())))
def test_cleaned_text_can_be_stored_and_drawn(text: str):
    import xml.etree.ElementTree as ElementTree
    from xml.sax.saxutils import escape

    clean, _ = cleaned(text)
    clean.encode("utf-8")
    ElementTree.fromstring(f"<a>{escape(clean)}</a>")
    assert cleaned(clean) == (clean, 0)


def test_what_a_terminal_shows_is_one_line_without_escapes():
    line = shown("\x1b]0;title\x07red \u202etxet\n" + "x" * 99, 40)
    assert line == "�]0;title�red txet " + "x" * 20 + "…" and len(line) == 40


def test_the_fingerprint_follows_content_and_names(tmp_path: Path):
    (tmp_path / "a.txt").write_text("One.")
    source = Folder(path=tmp_path)
    first = source.fingerprint()
    assert first == source.fingerprint()
    (tmp_path / "a.txt").write_text("Two.")
    second = source.fingerprint()
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    assert len({first, second, source.fingerprint()}) == 3
    assert Folder(path=tmp_path / "gone").fingerprint() is None
