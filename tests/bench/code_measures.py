"""`python -m tests.bench.code_measures`: the size of folders, files and functions, as a table.

Counts the tracked code of the product: Python of `adain`, `web`, `worker` and `deploy`, JavaScript
of `web/static`. The folder of migrations, one file a revision, is left out of the first measure.
"""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.lint import retired_words

ROOT = Path(__file__).parents[2]
PACKAGES = ("adain", "web", "worker", "deploy")
MOST_FILES, MOST_PYTHON, MOST_JAVASCRIPT, MOST_P90 = 15, 400, 250, 20


def tracked() -> list[Path]:
    """Return the product's files of code, relative to the root."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "*.py", "*.js"], check=True, capture_output=True, text=True
    )
    files = map(Path, listed.stdout.splitlines())
    return [file for file in files if file.parts[0] in PACKAGES]


def lines(file: Path) -> int:
    """Return how many lines a file has."""
    return len((ROOT / file).read_text("utf-8").splitlines())


def functions(files: Sequence[Path]) -> Iterator[int]:
    """Yield the lines of each function's body, its docstring left out."""
    for file in files:
        if file.suffix != ".py":
            continue
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) and node.body[1:] else node.body
                yield (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


def quantile(values: Sequence[int], part: float) -> int:
    """Return the value that `part` of all do not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def _row(what: str, value: object, most: object) -> None:
    print(f"| {what} | {value} | {most} |")


def main() -> None:
    """Print the table."""
    files = tracked()
    folders = Counter(file.parent for file in files if "migrations" not in file.parts)
    folder, count = folders.most_common(1)[0]
    longest = {
        suffix: max((lines(file), str(file)) for file in files if file.suffix == suffix)
        for suffix in (".py", ".js")
    }
    sizes = list(functions(files))
    print("| measure | value | at most |\n|---|---|---|")
    _row("files of code in a folder", f"{count} ({folder})", MOST_FILES)
    _row("lines of a Python file", "{} ({})".format(*longest[".py"]), MOST_PYTHON)
    _row("lines of a JavaScript file", "{} ({})".format(*longest[".js"]), MOST_JAVASCRIPT)
    _row("lines of a function, 90th percentile", quantile(sizes, 0.9), MOST_P90)
    _row("lines of a function, median", quantile(sizes, 0.5), "")
    _row("retired words", len(list(retired_words.found())), 0)


if __name__ == "__main__":
    main()
