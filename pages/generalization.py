"""What the order of training does to text that was never trained."""

from ui.app import open_run, shell, state
from ui.generalization import presence, sections
from ui.timeline import opened

shell.through_app()
state.enter("generalization")
run = open_run.require()
opened.follow()
sections.lead()
with open_run.explained(run.path):
    sections.influence(run)
    sections.curves(run)
    sections.gap(run)
    sections.single_moves(run)
    sections.needs(run)
    presence.needed(run)
