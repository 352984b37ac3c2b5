"""Text to train on: read or generated, split, tokenized."""
