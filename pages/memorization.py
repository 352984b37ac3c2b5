"""What was memorized, what a sample's step does to it, what is forgotten again."""

from ui.app import open_run, shell, state
from ui.memorization import sections
from ui.timeline import opened

shell.through_app()
state.enter("memorization")
run = open_run.require()
opened.follow()
sections.lead()
with open_run.explained(run.path):
    sections.chosen(run)
    sections.forgetting(run)
    sections.planted(run)
