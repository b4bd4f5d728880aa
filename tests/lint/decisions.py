"""`python -m tests.lint.decisions`: number the records of DECISIONS.md and write their index.

A record begins with `## 12 · 2026-11-24 · Title`; a new one, at the end, may leave its number out.
A record that another replaced says so in its first line: `Superseded by 13.`
`tests/test_decisions.py` fails where the file is not as this would write it.
"""

import re
from pathlib import Path

FILE = Path(__file__).parents[2] / "DECISIONS.md"
HEADING = re.compile(r"^## (?:\d+ · )?(\d{4}-\d\d-\d\d) · (.+)$", re.M)
SUPERSEDED = re.compile(r"\s*Superseded by (\d+)\.")
INDEX = re.compile(r"<!-- index -->\n.*?<!-- end of index -->\n", re.DOTALL)


def written(text: str) -> str:
    """Return the text with its records numbered and its index as it has to be."""
    rows, numbered, place = [], [], 0
    for number, found in enumerate(HEADING.finditer(text), 1):
        day, title = found.groups()
        replaced = SUPERSEDED.match(text, found.end())
        rows.append(f"{number}. {title}" + (f" (superseded by {replaced[1]})" if replaced else ""))
        numbered += [text[place : found.start()], f"## {number} · {day} · {title}"]
        place = found.end()
    index = "<!-- index -->\n" + "\n".join(rows) + "\n<!-- end of index -->\n"
    return INDEX.sub(lambda _: index, "".join(numbered) + text[place:], count=1)


if __name__ == "__main__":
    FILE.write_text(written(FILE.read_text("utf-8")), "utf-8")
