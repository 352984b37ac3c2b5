"""The parts of Home and Fidelity."""
