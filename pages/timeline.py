"""Drag a sample along training; see the estimate, then let a real retraining judge it."""

from ui.app import open_run, shell
from ui.queries import estimates
from ui.timeline import address, background, guided, page, share

shell.through_app()
run = open_run.require()
history = address.follow(run)
page.publish_run(run)
page.show(run, history)
page.told()
page.publish_fixed(run)
share.publish_views(run)
guided.publish(run)
estimates.prepare(run)
background.follow(run, history)
