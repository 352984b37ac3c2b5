"""Tables under the instrument, each shown where it is asked for."""
