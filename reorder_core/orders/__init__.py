"""Orders: checked, moved, named, written into links, drawn by family."""
