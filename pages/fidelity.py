"""How far the estimates can be trusted, judged by real retraining; and more of it."""

import streamlit as st

from ui.app import open_run, shell, visitors
from ui.pages import fidelity
from ui.timeline import page

shell.through_app()
run = open_run.require()
view = fidelity.follow(run)
fidelity.show(run, view)
fidelity.judge(run, view)
page.follow_jobs(run)
st.caption(visitors.told())
