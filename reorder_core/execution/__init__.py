"""Where the pieces of a build or of a batch of retrainings are done: here, beside, elsewhere."""
