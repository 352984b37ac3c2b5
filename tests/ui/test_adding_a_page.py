"""A page is one new file and one line of app.py: the example of docs/adding-a-page.md runs."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import sitting
from driving import ROOT
from streamlit.testing.v1 import AppTest

from reorder_core.store.run import open_run


def example() -> tuple[str, str]:
    """The page's file and its line of app.py, out of the document."""
    text = (ROOT / "docs" / "adding-a-page.md").read_text(encoding="utf-8")
    page, line = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return page, f"{line.strip()},"


def test_the_documents_page_shows_a_figure_of_the_run(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, line = example()
    shutil.copytree(ROOT / "pages", tmp_path / "pages")
    (tmp_path / "pages" / "lengths.py").write_text(page, encoding="utf-8")
    app = (ROOT / "app.py").read_text(encoding="utf-8")
    assert app.count("    ],\n    position=") == 1
    whole = app.replace("    ],\n    position=", f"        {line}\n    ],\n    position=")
    (tmp_path / "app.py").write_text(whole, encoding="utf-8")
    monkeypatch.setenv("REORDER_RUN", str(demo))
    monkeypatch.setattr(sys, "argv", ["app.py"])
    at = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=60).run()
    at = at.switch_page(str(tmp_path / "pages" / "lengths.py")).run()
    assert not at.exception
    (trace,) = sitting.figure(at, "lengths")["data"]
    run = open_run(demo)
    assert sorted(trace["x"]) == sorted(sample.tokens for sample in run.samples)
