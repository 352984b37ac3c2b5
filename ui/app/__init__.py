"""What every page stands on: the open run, session state, the theme, the queue of retrainings."""
