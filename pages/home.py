"""Which run this is, how far its estimates can be trusted, where to go."""

import streamlit as st

from ui.app import markdown, open_run, shell, state
from ui.pages import home

shell.through_app()
state.enter("home")
run = open_run.require()
home.lead(run)
open_run.picker(run)
cautions = st.container()
with st.container(key="ro_next", horizontal=True, vertical_alignment="center"):
    st.page_link("pages/timeline.py", label="Open the timeline")
    st.caption("Pick up a sample, drop it at another step, read what would have changed.")
left, right = st.columns(2)
with left:
    home.trust(run)
with right:
    home.training(run)
home.trained_when(run)
home.card(run)
with cautions:  # last: they take a moment to work out, and few runs have any
    for sentence in home.cautions(run):
        st.warning(markdown.plain(sentence), icon=":material/warning:")
