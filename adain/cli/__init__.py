"""The command line, `python -m adain`: files in, files out."""
