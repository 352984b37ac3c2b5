"""The documents of this checkout as a page of the app, so that help needs no network."""

import re
from pathlib import Path

import streamlit as st

from ui.app.known_runs import ROOT
from ui.queries import quantities

PAGE = "page"
"""The address's name for the document that is read."""
FIRST = "how-it-works"
QUANTITIES = "adding-a-quantity"
WIDTH = 860
"""Pixels; longer lines are hard to read."""
_LOCAL = re.compile(r"\]\((?:\.\./|docs/)*(?:notes/)?([\w-]+)\.md(#[\w-]+)?\)")
_IMAGE = re.compile(r"^!\[([^\]]*)\]\(([^)\s]+)\)$", re.M)
_NO_PAGE = re.compile(r"\[([^\]]+)\]\((?!/|https?://|#)[^)]*\)")


def documents() -> dict[str, Path]:
    """Name → file of every document, the pages before the dated notes."""
    folder = ROOT / "docs"
    files = [*sorted(folder.glob("*.md")), *sorted((folder / "notes").glob("*.md"), reverse=True)]
    return {file.stem: file for file in files}


def title(file: Path) -> str:
    """What a document calls itself."""
    with file.open(encoding="utf-8") as lines:
        return lines.readline().lstrip("# ").strip()


def show() -> None:
    """The choice of document, and the document; another one where the address names none."""
    with st.container(width=WIDTH):
        _quantities()
        _shown()


def _quantities() -> None:
    """Every number that pages and commands may show of an order, in one short list."""
    opened = st.query_params.get(PAGE) == QUANTITIES
    label = "Quantities: unit, which way is better, definition"
    with st.expander(label, icon=":material/list:", expanded=opened):
        st.markdown("\n".join(f"- {sentence}" for sentence in quantities.registered()))
        st.caption(
            "*Read out*: estimators estimate it. *Derived*: it follows from losses, so from "
            "estimated ones as well. *Measured*: on real parameters only, those of the reference "
            "run or of a retraining; where nobody trained, it has no number. "
            f"[Adding one](/help?page={QUANTITIES})"
        )


def _shown() -> None:
    known = documents()
    asked = st.query_params.get(PAGE, FIRST)
    names = list(known)
    chosen = st.selectbox(
        "Document", names, index=names.index(asked if asked in known else FIRST),
        format_func=lambda name: title(known[name]), key=f"ro_document_{asked}",
    )  # fmt: skip
    if chosen != asked:
        st.query_params[PAGE] = chosen
        st.rerun()
    _draw(known[chosen])


def linked(text: str) -> str:
    """Links between documents made links of this page; those to other files become plain words."""
    return _NO_PAGE.sub(r"\1", _LOCAL.sub(r"](/help?page=\1\2)", text))


def _draw(file: Path) -> None:
    text, end = file.read_text(encoding="utf-8"), 0
    for image in _IMAGE.finditer(text):
        st.markdown(linked(text[end : image.start()]))
        picture = (file.parent / image.group(2)).resolve()
        if picture.is_file() and ROOT in picture.parents:
            st.image(str(picture), caption=image.group(1))
        end = image.end()
    st.markdown(linked(text[end:]))
