"""What the command line says beside its results."""

import sys

from tqdm import tqdm


def say(sentence: str) -> None:
    """Print a sentence on standard error."""
    tqdm.write(f"adain: {sentence}", file=sys.stderr)
