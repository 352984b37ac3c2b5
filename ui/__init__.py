"""Views, state and the timeline component; pages stand on it, it stands on reorder_core."""
