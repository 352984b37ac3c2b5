"""What can be got out of the model again: secrets, text, one sample's tokens, membership."""

import streamlit as st

from ui.app import job_buttons, open_run, shell, state, visitors
from ui.recall import sample, sections, status
from ui.timeline import opened

shell.through_app()
state.enter("extraction")
run = open_run.require()
opened.follow()
status.lead()
with open_run.explained(run.path):
    if status.show(run):
        sections.canaries(run)
        sections.extraction(run)
        sample.one(run)
        sections.attack(run)
job_buttons.follow(run)
st.caption(visitors.told())
