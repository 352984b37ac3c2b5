"""What leaves with a person: figures, data, run card, citation."""
