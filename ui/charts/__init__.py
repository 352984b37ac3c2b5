"""Figures: pure functions, DataFrame → plotly Figure; no Streamlit here."""
