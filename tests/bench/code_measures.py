"""`python -m tests.bench.code_measures`: the size of folders, files and functions, as a table.

Counts the tracked code of the product: Python of `adain`, `web`, `worker` and `deploy`, JavaScript
of `web/static`. The folder of migrations, one file a revision, is left out of the first measure.
"""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Measure:
    """A measure of the code: the largest value, where that is, and the most it may be."""

    name: str
    value: int
    most: int | None
    where: str = ""


def _longest(files: Sequence[Path], suffix: str) -> tuple[int, str]:
    """Return lines and name of the longest file of a kind."""
    return max(
        ((lines(file), str(file)) for file in files if file.suffix == suffix), default=(0, "")
    )


def measures(files: Sequence[Path] | None = None) -> list[Measure]:
    """Return the measures of these files; without any, of all tracked ones."""
    files = tracked() if files is None else files
    folders = Counter(str(file.parent) for file in files if "migrations" not in file.parts)
    [(folder, count)] = folders.most_common(1)
    python, javascript = _longest(files, ".py"), _longest(files, ".js")
    sizes = list(functions(files)) or [0]
    return [
        Measure("files of code in a folder", count, MOST_FILES, folder),
        Measure("lines of a Python file", python[0], MOST_PYTHON, python[1]),
        Measure("lines of a JavaScript file", javascript[0], MOST_JAVASCRIPT, javascript[1]),
        Measure("lines of a function, 90th percentile", quantile(sizes, 0.9), MOST_P90),
        Measure("lines of a function, median", quantile(sizes, 0.5), None),
        Measure("retired words", len(list(retired_words.found())), 0),
    ]


def main() -> None:
    """Print the table."""
    print("| measure | value | at most |\n|---|---|---|")
    for one in measures():
        value = f"{one.value} ({one.where})" if one.where else one.value
        print(f"| {one.name} | {value} | {'' if one.most is None else one.most} |")


if __name__ == "__main__":
    main()
