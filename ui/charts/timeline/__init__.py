"""The Timeline's four figures: pure functions of numbers → what plotly.js is to draw."""
