"""How far the estimates can be trusted, judged by real retraining; and more of it."""

import streamlit as st

from ui.app import job_buttons, open_run, shell, visitors
from ui.pages import fidelity

shell.through_app()
run = open_run.require()
view = fidelity.follow(run)
fidelity.verdict(run, view)
fidelity.choices(run, view)
fidelity.reports(run, view)
working = fidelity.judge(run, view)
job_buttons.follow(run)
st.caption(visitors.told())
if working:
    st.rerun()
