"""The engine that paints in a browser: its C source, and a network written out for it as data."""
