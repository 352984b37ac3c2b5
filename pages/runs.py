"""Which runs there are: open, compare, build, delete."""

from ui.app import open_run, shell, state
from ui.pages import runs, runs_building

shell.through_app()
state.enter("runs")
run = open_run.require()
runs.listed(run)
runs.compare(run)
runs_building.build()
runs.delete(run)
