"""Files as they are found: unpacked, decoded, recognized by content, read row by row."""
