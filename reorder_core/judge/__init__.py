"""Estimates against real retraining."""
