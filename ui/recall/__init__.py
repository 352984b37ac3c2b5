"""The Extraction page's parts: secrets, greedy text, one sample's tokens, membership."""
