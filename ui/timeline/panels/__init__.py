"""What stands still of the instrument, described for the browser (ui/web/shared/tree.js)."""
