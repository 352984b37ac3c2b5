"""What estimators learn from real retrainings."""
