"""Drag a sample along training; see the estimate, then let a real retraining judge it."""

from ui import guided, runs, share, shell, timeline, url

shell.through_app()
run = runs.require()
history = url.follow(run)
timeline.publish_run(run)
timeline.show(run, history)
timeline.follow_jobs(run)
timeline.follow_effects(run, history)
timeline.follow_suggestions(run, history)
timeline.follow_trial(run, history)
share.publish_views(run)
guided.publish(run)
