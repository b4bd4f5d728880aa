"""A network as machine code: compiled ahead of time for this machine, loaded and run."""
