import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reorder_core.config import TokenizerConfig
from reorder_core.corpus import prepare as prepare_module
from reorder_core.corpus.encoding import Encoder, Window, cut_windows, train_tokenizer
from reorder_core.corpus.overlap import RUN, overlap
from reorder_core.corpus.planted import SECRET_DIGITS, poison
from reorder_core.corpus.prepare import prepare_corpus
from reorder_core.corpus.samples import (
    EOS,
    PAD,
    Document,
    EncodedCorpus,
    TextSample,
    TokenizedSamples,
)
from reorder_core.corpus.sources import source_of
from reorder_core.corpus.sources.controlled import arithmetic, biography, invent_person
from reorder_core.corpus.sources.python_docs import SKIPPED_FOLDERS, read_module, standard_library
from reorder_core.corpus.splitting import equal_shares, sections
from reorder_core.errors import CorpusError

SMALL: dict[str, Any] = {"samples": 24, "base_samples": 36, "probes_per_domain": 4}
BPE = TokenizerConfig(vocab_size=512)


def prepare(kind: str, seed: int = 0, **changed: Any) -> EncodedCorpus:
    return prepare_corpus(source_of({"kind": kind, **SMALL, **changed}), BPE, seed)


@pytest.fixture(scope="module", params=["python-docs", "controlled"])
def corpus(request: pytest.FixtureRequest) -> EncodedCorpus:
    return prepare(request.param)


@pytest.fixture(scope="module")
def controlled() -> EncodedCorpus:
    return prepare("controlled", canaries=3, canary_repetitions=2, poisoned=2)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return train_tokenizer(["the cat sat on the mat, and the dog sat on the cat. "] * 9, 300)


def tokenized(*rows: list[int]) -> TokenizedSamples:
    width = max(map(len, rows))
    tokens = np.array([row + [PAD] * (width - len(row)) for row in rows], np.int32)
    lengths = np.array([len(row) for row in rows], np.int32)
    return TokenizedSamples(tuple(TextSample("", "any") for _ in rows), tokens, lengths)


# --- what every corpus keeps -----------------------------------------------------


def test_splits_have_the_sizes_asked_for_in_equal_shares(corpus: EncodedCorpus):
    assert (len(corpus.train), len(corpus.base)) == (24, 36)
    ordinary = Counter(s.domain for s in corpus.train.samples if s.flags != ("canary",))
    assert len(ordinary) == 3
    assert max(ordinary.values()) - min(ordinary.values()) <= 1
    assert set(Counter(s.domain for s in corpus.base.samples).values()) == {12}
    domains = [s.domain for s in corpus.probes.samples]
    assert domains == [d for d in dict.fromkeys(domains) for _ in range(4)], "grouped by domain"
    assert set(domains) == set(ordinary)


def test_text_is_what_the_tokens_decode_to_and_padding_is_on_the_right(corpus: EncodedCorpus):
    for part in (corpus.train, corpus.base, corpus.probes):
        assert part.tokens.dtype == np.int32 and part.tokens.shape[1] == 64
        for sample, tokens, length in zip(part.samples, part.tokens, part.lengths, strict=True):
            assert sample.text == corpus.tokenizer.decode(tokens[:length].tolist())
            assert sample.text.strip()
            assert (tokens[:length] != PAD).all() and (tokens[length:] == PAD).all()
            assert EOS not in tokens[: length - 1]


def test_no_sample_is_trained_twice_except_canaries(corpus: EncodedCorpus):
    ordinary = [s.text for s in corpus.train.samples if s.flags != ("canary",)]
    both = ordinary + [s.text for s in corpus.base.samples]
    assert len(set(both)) == len(both)


def test_probes_share_nothing_with_what_is_trained(corpus: EncodedCorpus):
    assert overlap(corpus.probes, corpus.train) == ()
    assert overlap(corpus.probes, corpus.base) == ()


def test_ids_do_not_follow_the_domains(corpus: EncodedCorpus):
    domains = [s.domain for s in corpus.train.samples]
    assert domains != sorted(domains)


def test_same_seed_same_bits_and_another_seed_another_corpus(corpus: EncodedCorpus):
    kind = "python-docs" if corpus.probes.samples[0].domain == "code" else "controlled"
    again, other = prepare(kind, 0), prepare(kind, 1)
    assert corpus.digest == again.digest != other.digest
    np.testing.assert_array_equal(corpus.train.tokens, again.train.tokens)
    assert corpus.tokenizer.to_str() == again.tokenizer.to_str()


def test_another_process_gets_the_same_bits(controlled: EncodedCorpus):
    code = (
        "from reorder_core.config import TokenizerConfig; "
        "from reorder_core.corpus.prepare import prepare_corpus; "
        "from reorder_core.corpus.sources.controlled import Controlled; "
        "c = Controlled(samples=24, base_samples=36, probes_per_domain=4, "
        "canaries=3, canary_repetitions=2, poisoned=2); "
        "print(prepare_corpus(c, TokenizerConfig(vocab_size=512), 0).digest)"
    )
    root = Path(__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False
    )
    assert ran.stdout.strip() == controlled.digest, ran.stderr


@pytest.mark.parametrize("kind", ["python-docs", "controlled"])
def test_tokenizer_never_sees_the_probes(kind: str, monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []

    def spy(texts: list[str], vocab_size: int) -> Encoder:
        seen.extend(texts)
        return train_tokenizer(texts, vocab_size)

    monkeypatch.setattr(prepare_module, "train_tokenizer", spy)
    made = prepare(kind)
    everything = "\n".join(seen)
    assert all(s.text.strip() in everything for s in made.base.samples)
    assert not any(s.text.strip() in everything for s in made.probes.samples)


def test_domains_can_be_chosen_and_an_unknown_one_is_named():
    made = prepare("controlled", domains=("stories",))
    assert {s.domain for s in made.probes.samples} == {"stories"}
    for kind, has in (("controlled", "arithmetic"), ("python-docs", "docstrings")):
        with pytest.raises(CorpusError, match=f"names 'poems'.*it has .*{has}"):
            prepare(kind, domains=("poems",))


def test_fewer_samples_than_domains_is_refused():
    with pytest.raises(CorpusError, match="samples is 2, fewer than the 3 domains"):
        prepare("python-docs", samples=2)


# --- overlap ---------------------------------------------------------------------


def test_overlap_finds_a_probe_that_was_trained(corpus: EncodedCorpus):
    """The check can fail: a probe put among the trained samples is found."""
    assert overlap(corpus.probes, corpus.probes) == tuple(range(len(corpus.probes)))


def test_overlap_needs_a_whole_run_or_an_equal_sample():
    shared = list(range(100, 100 + RUN))
    assert overlap(tokenized([7, *shared]), tokenized([*shared, 8])) == (0,)
    assert overlap(tokenized([7, *shared[1:]]), tokenized([*shared[1:], 8])) == ()
    assert overlap(tokenized([7, 8], [8, 9]), tokenized([7, 8, EOS])) == (0,)


rows = st.lists(st.lists(st.integers(2, 4), min_size=2, max_size=9), min_size=1, max_size=4)


@given(probes=rows, trained=rows)
def test_overlap_agrees_with_comparing_every_pair_of_places(
    probes: list[list[int]], trained: list[list[int]]
):
    def related(a: list[int], b: list[int]) -> bool:
        places = ((i, j) for i in range(len(a) - 2) for j in range(len(b) - 2))
        return a == b or any(a[i : i + 3] == b[j : j + 3] for i, j in places)

    expected = tuple(i for i, p in enumerate(probes) if any(related(p, t) for t in trained))
    assert overlap(tokenized(*probes), tokenized(*trained), run=3) == expected


# --- encoding and splitting --------------------------------------------------------


@settings(max_examples=50)
@given(text=st.text(min_size=1, max_size=300), length=st.integers(8, 40))
def test_windows_read_on_from_one_another_and_split_no_character(text: str, length: int):
    bpe = train_tokenizer(["some text"], 260)
    windows = cut_windows([Document(text, "any")], bpe, length)[0]
    texts = [bpe.tokenizer.decode(list(w.tokens)) for w in windows]
    assert all(len(w.tokens) <= length for w in windows)
    assert text.startswith("".join(texts))
    assert len(text) - len("".join(texts)) < 16, "only a short tail is dropped"


def test_text_that_spells_a_special_token_stays_text(encoder: Encoder):
    (window,) = cut_windows([Document("a <eos> b <pad> c", "any")], encoder, 64)[0]
    assert window.tokens.count(EOS) == 1 and window.tokens[-1] == EOS and PAD not in window.tokens
    assert encoder.tokenizer.decode(list(window.tokens)) == "a <eos> b <pad> c"


def test_only_a_whole_document_ends_with_eos(encoder: Encoder):
    whole, section = Document("the cat", "any"), Document("the cat", "any", whole=False)
    assert cut_windows([whole], encoder, 8)[0][0].tokens[-1] == EOS
    assert cut_windows([section], encoder, 8)[0][0].tokens[-1] != EOS


def test_single_sample_documents_end_with_a_sentence(encoder: Encoder):
    document = Document("The cat sat. " * 20, "any", single=True)
    (window,) = cut_windows([document], encoder, 32)[0]
    assert window.tokens[-1] == EOS and len(window.tokens) > 16
    assert encoder.tokenizer.decode(list(window.tokens)).endswith("sat.")


@given(text=st.text(alphabet="ab \n", max_size=400), size=st.integers(1, 50))
def test_sections_are_the_document_again(text: str, size: int):
    parts = [d.text for d in sections(Document(text, "any"), size)]
    assert "".join(parts) == text
    assert all(len(part) <= size for part in parts)


@given(total=st.integers(0, 500), parts=st.integers(1, 20))
def test_equal_shares_add_up_and_differ_by_one_at_most(total: int, parts: int):
    shares = equal_shares(total, parts)
    assert sum(shares) == total and max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


# --- python-docs -------------------------------------------------------------------


def test_python_docs_reads_prose_and_code_in_place():
    made = prepare("python-docs")
    assert {s.domain for s in made.train.samples} == {"reference", "docstrings", "code"}
    assert all(not Path(s.source).is_absolute() for s in made.train.samples)
    names = [name for _, name in standard_library()]
    assert "json/decoder.py" in names
    assert not any(SKIPPED_FOLDERS & set(name.split("/")) for name in names)


def test_code_comes_without_docstrings():
    """Else a docstring could be trained as code and probed as prose."""
    path, name = next(found for found in standard_library() if found[1] == "textwrap.py")
    text = {document.domain: document.text for document in read_module(path, name)}
    for sentence in ("Wrap a single paragraph of text", "Fill a single paragraph of text"):
        assert sentence in text["docstrings"] and sentence not in text["code"]
    assert "def wrap(" in text["code"] and "def wrap(" not in text["docstrings"]


def test_python_without_its_reference_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(CorpusError, match=r"no pydoc_data.topics.*install a full CPython"):
        prepare("python-docs")


def test_python_without_sources_says_where_it_looked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": str(tmp_path)})
    with pytest.raises(CorpusError, match=f"no standard library source under {tmp_path}"):
        prepare("python-docs")


# --- controlled --------------------------------------------------------------------


def test_canaries_are_planted_so_often_and_only_in_train(controlled: EncodedCorpus):
    planted = [s for s in controlled.train.samples if "canary" in s.flags]
    assert sorted(Counter(s.text for s in planted).values()) == [2, 2, 2]
    assert {s.domain for s in planted} == {"canaries"}
    secrets = [re.search(r" is ((?:\d ?)+)\.", s.text) for s in planted]
    assert all(m and len(m[1].split()) == SECRET_DIGITS for m in secrets)
    others = [*controlled.base.samples, *controlled.probes.samples]
    assert not any(s.flags or s.domain == "canaries" for s in others)
    assert not any(m and m[1] in s.text for m in secrets for s in others)


def test_poisoned_samples_keep_their_tokens_and_lose_their_order(encoder: Encoder):
    windows = [Window((*range(10, 40), EOS), "any"), Window(tuple(range(50, 80)), "any")]
    shuffled = poison(windows, 2, np.random.default_rng(0), encoder)
    for before, after in zip(windows, shuffled, strict=True):
        assert sorted(before.tokens) == sorted(after.tokens) and before.tokens != after.tokens
        assert after.flags == ("poison",) and after.domain == before.domain
    assert shuffled[0].tokens[-1] == EOS
    assert poison(windows, 0, np.random.default_rng(0), encoder) == windows


def test_poison_is_planted_as_often_as_asked(controlled: EncodedCorpus):
    assert sum("poison" in s.flags for s in controlled.train.samples) == 2


def test_planting_more_than_there_are_samples_is_refused():
    with pytest.raises(CorpusError, match="samples is 24, but 26 canary samples and 1 poisoned"):
        prepare("controlled", canaries=13)


def test_a_sequence_too_short_for_a_canary_is_refused():
    with pytest.raises(CorpusError, match="sequence_length 12 is too short for a canary"):
        prepare("controlled", sequence_length=12)


@given(seed=st.integers(0, 10**6))
def test_arithmetic_is_true(seed: int):
    text = " ".join(arithmetic(np.random.default_rng(seed)))
    equations = re.findall(r"(\d+) ([-+x]) (\d+) = (\d+)\.", text)
    for a, sign, b, result in equations:
        known = {"+": int(a) + int(b), "-": int(a) - int(b), "x": int(a) * int(b)}
        assert known[sign] == int(result)
    if not equations:
        a, b, result = map(int, re.findall(r"\d+", text))
        assert result == (a * b if "boxes" in text else a + b)


@given(seed=st.integers(0, 10**6))
def test_biographies_tell_every_fact(seed: int):
    random = np.random.default_rng(seed)
    person = invent_person(random)
    text = " ".join(biography(person, random))
    facts = [person.name, person.town, person.trade, person.second_town, person.work, person.pet]
    numbers = [person.born, person.work_year, person.children]
    assert all(str(fact) in text for fact in [*facts, person.dislike, *numbers])
    assert person.work_year > person.born


# --- folder ------------------------------------------------------------------------


def prose(seed: int, sentences: int = 60) -> str:
    random = np.random.default_rng(seed)
    return "\n\n".join(" ".join(arithmetic(random)) for _ in range(sentences))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    root = tmp_path / "texts"
    for place, name in enumerate(["sums/a.txt", "sums/deep/b.md", "notes/c.rst", "top.py"]):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(prose(place, 400), encoding="utf-8")
    return root


def test_first_folder_names_the_domain(texts: Path):
    (texts / ".hidden").mkdir()
    (texts / ".hidden" / "x.txt").write_text("secret")
    (texts / "picture.png").write_bytes(b"\x89PNG\r\n\xff\x00")
    (texts / "sums" / "empty.txt").write_text(" \n")
    made = prepare("folder", path=texts)
    assert {s.domain for s in made.train.samples} == {"sums", "notes", "texts"}
    assert {s.source.split("#")[0] for s in made.base.samples} <= {
        "sums/a.txt", "sums/deep/b.md", "notes/c.rst", "top.py"
    }  # fmt: skip


def test_one_text_file_is_split_by_section(tmp_path: Path):
    path = tmp_path / "book.txt"
    path.write_text(prose(5, 600), encoding="utf-8")
    made = prepare("folder", path=path)
    assert {s.domain for s in made.probes.samples} == {"book"}
    assert overlap(made.probes, made.train) == ()


def write_jsonl(path: Path, table: pd.DataFrame) -> None:
    path.write_text("\n".join(map(json.dumps, table.to_dict("records"))))


WRITERS: dict[str, Callable[[Path, pd.DataFrame], Any]] = {
    "jsonl": write_jsonl,
    "csv": lambda path, table: table.to_csv(path, index=False),
    "parquet": lambda path, table: table.to_parquet(path),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_tables_give_a_document_a_row(suffix: str, tmp_path: Path):
    path = tmp_path / f"table.{suffix}"
    table = pd.DataFrame(
        {"body": [prose(i, 9) for i in range(80)], "topic": ["odd", "even"] * 40, "n": range(80)}
    )
    WRITERS[suffix](path, table)
    made = prepare("folder", path=path, text_column="body", domain_column="topic")
    assert {s.domain for s in made.train.samples} == {"odd", "even"}
    assert {s.domain for s in prepare("folder", path=path, text_column="body").base.samples} == {
        "table"
    }
    with pytest.raises(CorpusError, match=r"no column 'text'; its columns are body, topic, n"):
        prepare("folder", path=path)
    with pytest.raises(CorpusError, match="no column 'field'"):
        prepare("folder", path=path, text_column="body", domain_column="field")


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.txt", b"", "a.txt is empty; expected UTF-8 text"),
        ("a.txt", b"caf\xe9 au lait", "a.txt is not UTF-8: byte 3 starts e9 20 61 75"),
        ("a.txt", b"a\x00b", "NUL characters"),
        ("a.jsonl", b"", "a.jsonl is empty; expected a row for each text"),
        ("a.jsonl", b'{"text": "x"}\n{"text"', "line 2 is not JSON"),
        ("a.jsonl", b'["x"]', "line 1 holds list"),
        ("a.jsonl", b'{"text": 5}', "line 1: 'text' holds a number"),
        ("a.jsonl", b'{"text": "\\u00e9"}\n\xff', "not UTF-8: byte 19"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"text,domain\n", "a.csv is empty"),
        ("a.csv", b"text\n\xe9\n", "a.csv is not UTF-8"),
        ("a.csv", b'text\na,b,c\n"', "a.csv, line 2 has 3 values, the first line names 1"),
        ("a.parquet", b"PAR1 no", "a.parquet is not a Parquet file"),
        ("a.txt", b"Only a few words.", "too little text in domain 'a': it gives"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(name: str, content: bytes, match: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=match):
        prepare("folder", path=tmp_path / name)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path):
    with pytest.raises(CorpusError, match="where nothing is; expected a folder of text"):
        prepare("folder", path=tmp_path / "missing")
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "b.bin").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "c.txt").write_bytes(b"caf\xe9")
    with pytest.raises(CorpusError, match=r"1 empty: a.txt; 2 not text or a table: b.bin, c.txt"):
        prepare("folder", path=tmp_path)


def test_an_empty_domain_is_refused(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x", "topic": ""}')
    with pytest.raises(CorpusError, match="line 1: 'topic' is empty"):
        prepare("folder", path=path, domain_column="topic")


def test_base_gives_way_to_train_and_probes(tmp_path: Path):
    path = tmp_path / "short.txt"
    path.write_text(prose(1, 330), encoding="utf-8")
    asked = 60
    made = prepare("folder", path=path, base_samples=asked)
    assert asked // 2 <= len(made.base) < asked
    assert (len(made.train), len(made.probes)) == (24, 4)
    with pytest.raises(CorpusError, match=r"too little text in this corpus.*but 600 are needed"):
        prepare("folder", path=path, base_samples=600)
    with pytest.raises(CorpusError, match=r"domain 'short': it gives \d+ training samples"):
        prepare("folder", path=path, samples=400)
