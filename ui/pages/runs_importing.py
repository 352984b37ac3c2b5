"""A run from elsewhere: a folder on the app's machine, or a zip from the visitor's."""

from pathlib import Path
from typing import BinaryIO

import streamlit as st

from reorder_core.errors import OrderError, ReorderError
from reorder_core.importing.bringing import import_run
from ui.app import known_runs, state, visitors
from ui.app.markdown import plain

LARGEST_UPLOAD = 256
"""Megabytes; as in .streamlit/config.toml."""


def bring() -> None:
    """Where a run is imported from; what it is must be found whole before it is listed."""
    if visitors.read_only():
        return
    with st.expander("Import a run", expanded=bool(state.imported()), key="ro_import_panel"):
        st.caption(
            "A run that was built elsewhere, with its retrainings. Every digest is compared; "
            f"it is copied into {plain(str(known_runs.home()))}."
        )
        path = st.text_input(
            "A run's folder or its zip, on the machine of this app", key="ro_import_path"
        )
        file = st.file_uploader(
            "Or a zip of a run's folder", "zip", key="ro_import_file",
            max_upload_size=LARGEST_UPLOAD,
        )  # fmt: skip
        asked = bool(path) or file is not None
        if st.button("Import", key="ro_import_it", disabled=not asked):
            source = Path(path).expanduser() if path else file
            _import(source, path or (file.name if file else ""))  # type: ignore[arg-type]
        said = state.imported()
        if said:
            st.success(said, icon=":material/check:")


def _import(source: Path | BinaryIO, title: str) -> None:
    state.set_imported("")
    try:
        visitors.must_be_free_to("import runs")
        with st.spinner("Copying, comparing digests"):
            run = import_run(source, known_runs.home(), title)
    except (OrderError, ReorderError) as error:
        st.error(plain(str(error)))
        return
    many = len(run.ledger)
    state.set_imported(f"{plain(run.id)} is here, with {many} retrained orders; open it above.")
    st.rerun()
