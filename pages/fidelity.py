"""How far the estimates can be trusted, judged by real retraining; and more of it."""

from ui import fidelity, runs, shell, timeline

shell.through_app()
run = runs.require()
view = fidelity.follow(run)
fidelity.show(run, view)
fidelity.judge(run, view)
timeline.follow_jobs(run)
