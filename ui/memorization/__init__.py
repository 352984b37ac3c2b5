"""The Memorization page's parts: the table of samples, its figures, their sentences."""
