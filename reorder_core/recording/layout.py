"""Names of the files in a recording."""

CONFIG = "build.yaml"
"""The configuration that `build --from` reads; its projection and calibration may be changed."""
TOKENS, START, STATES = "tokens.safetensors", "start.safetensors", "states.safetensors"
MODEL = "model"
