#!/bin/sh
# Delete what pip installed and no image of ours runs: tests of packages, static libraries, and
# Gradio's files for a Node server, which the studio does not use. In the layer of the installation.
set -eu
for site in /usr/local/lib/python3*/*-packages; do
    find "$site" -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
    find "$site" -name '*.a' -delete
    rm -rf "$site/gradio/templates/node"
done
