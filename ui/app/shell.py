"""What surrounds every page."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def through_app() -> None:
    """Make sure that app.py runs before the page; every page calls this first.

    Where a `pages` folder exists, Streamlit 1.67 runs a page on its own, without
    theme and navigation, when a page's address is the first one opened after the
    server starts. Later runs go through app.py, because `st.navigation` clears
    the flag; so clear it and run again.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
