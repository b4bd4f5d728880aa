"""`python -m adain photo.jpg style.jpg -o out.png`: repaint pictures from the command line."""

import sys

from adain.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
