"""Which runs there are: open, compare, build, import, delete."""

from ui.app import open_run, shell, state
from ui.pages import runs, runs_building, runs_importing

shell.through_app()
state.enter("runs")
run = open_run.require()
runs.listed(run)
runs.compare(run)
runs_building.build()
runs_importing.bring()
runs.delete(run)
