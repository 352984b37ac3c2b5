"""Search for an order that serves an aim; let real training judge it; take it away."""

import streamlit as st

from ui.app import open_run, shell, state, visitors
from ui.curricula import form, page

shell.through_app()
state.enter("curricula")
run = open_run.require()
page.lead(run)
form.ask(run)
page.follow(run)
st.caption(visitors.told())
