"""The app: `streamlit run app.py`, or `streamlit run app.py -- --run PATH`."""

from pathlib import Path

import streamlit as st

from ui.app import visitors
from ui.charts import theme

PAGES = Path(__file__).parent / "pages"

st.set_page_config(page_title="Reorder", page_icon=theme.ICON, layout="wide")
theme.install()
visitors.limit_uploads()
st.navigation(
    [
        st.Page(PAGES / "home.py", title="Home", default=True),
        st.Page(PAGES / "timeline.py", title="Timeline"),
        st.Page(PAGES / "memorization.py", title="Memorization"),
        st.Page(PAGES / "extraction.py", title="Extraction"),
        st.Page(PAGES / "generalization.py", title="Generalization"),
        st.Page(PAGES / "fidelity.py", title="Fidelity"),
        st.Page(PAGES / "curricula.py", title="Curricula"),
        st.Page(PAGES / "runs.py", title="Runs"),
        st.Page(PAGES / "help.py", title="Help"),
    ],
    position="top",
).run()
