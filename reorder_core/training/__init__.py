"""The model, its schedule and its training; `schedule` alone needs no torch."""
