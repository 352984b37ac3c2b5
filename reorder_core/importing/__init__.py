"""A run that was made elsewhere, checked and brought in: a folder, or a zip of one."""
