"""The page's scripts and styles: typed by the API, small, and with every colour in one place."""

import re
from pathlib import Path

from tests.lint import api_types
from web.app import ASSETS, STYLES, preloads, without_page
from worker.visitors.previews import SHEET_FRESH

CODE = {".js", ".css", ".html"}
MOST_FILES, MOST_LINES = 15, 250
SERVED = "../../texts.js"  # written by the server for each visitor
ALLOWED = {  # what is looked for in an address, or put in place of it
    "files.js": ['"/shelf'],
    "parts.js": ['"/api'],
}
HOME = re.compile(r"""\b(href|src|action)\s*[:=]\s*["'`]/["'`]""")  # the root itself
IN_SCRIPTS = {"ratio", "at", "x", "y"}  # set on an element by a script
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|rgba?\(\s*\d|hsla?\(\s*\d", re.IGNORECASE)


def scripts() -> list[Path]:
    return sorted(ASSETS.rglob("*.js"))


def test_the_types_of_the_api_are_as_the_schema_says() -> None:
    written = api_types.FILE.read_text("utf-8")
    assert written == api_types.declarations(), "python -m tests.lint.api_types writes them"


def test_no_folder_has_too_many_files_and_no_script_too_many_lines() -> None:
    folders = [ASSETS, *(one for one in ASSETS.iterdir() if one.is_dir())]
    counts = {one.name: sum(file.suffix in CODE for file in one.iterdir()) for one in folders}
    lines = {file.name: len(file.read_text("utf-8").splitlines()) for file in scripts()}
    assert len(lines) > 25
    assert {name: count for name, count in counts.items() if count > MOST_FILES} == {}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_contact_sheet_is_made_as_long_as_its_page_waits_for_it() -> None:
    script = (ASSETS / "form" / "sheet.js").read_text("utf-8")
    assert re.findall(r"LONGEST = (\d+);", script) == [str(round(1000 * SHEET_FRESH))]


def test_every_import_of_a_script_names_a_file() -> None:
    for script in scripts():
        for name in re.findall(r'from "([^"]+)"', script.read_text("utf-8")):
            assert name.startswith("."), (script.name, name)
            assert name == SERVED or (script.parent / name).is_file(), (script.name, name)


def test_no_script_or_page_names_an_address_from_the_root_of_the_host() -> None:
    """The studio may lie under a path: scripts say `under("/…")`, pages what is beside them."""
    first = {route.path.split("/")[1] for route in without_page().routes if hasattr(route, "path")}
    absolute = re.compile(rf"""(?<!\bunder\()["'`(]/({"|".join(map(re.escape, first - {""}))})\b""")
    for file in (*scripts(), *ASSETS.rglob("*.html"), *ASSETS.rglob("*.css")):
        found = [match[0] for match in absolute.finditer(file.read_text("utf-8"))]
        assert [one for one in found if one not in ALLOWED.get(file.name, ())] == [], file.name
        assert not HOME.search(file.read_text("utf-8")), file.name


def test_views_import_the_core_and_the_core_imports_no_view() -> None:
    views = {one.name for one in ASSETS.iterdir() if one.is_dir()} - {"core"}
    for script in (ASSETS / "core").glob("*.js"):
        asked = set(re.findall(r'from "\.\./(\w+)/', script.read_text("utf-8")))
        assert not asked & views, script.name


def test_every_colour_is_in_one_file() -> None:
    for style in ASSETS.rglob("*.css"):
        if style.name != "tokens.css":
            assert COLOUR.findall(style.read_text("utf-8")) == [], style.name


def test_pages_without_gradio_have_every_value_that_their_styles_name() -> None:
    for page in ("admin", "live", "share"):
        links = re.findall(
            r"page/([\w/]+\.css)", (ASSETS / page / f"{page}.html").read_text("utf-8")
        )
        text = "\n".join((ASSETS / link).read_text("utf-8") for link in links)
        named = set(re.findall(r"var\(--([\w-]+)\)", text))  # those without a fallback
        assert "mark" in named
        assert named <= set(re.findall(r"--([\w-]+):", text)) | IN_SCRIPTS, page


def test_the_page_fetches_each_of_its_scripts_at_once() -> None:
    links = re.findall(r'href="page/([^"]+)"', preloads())
    assert {"core/dom.js", "studio/studio.js"} <= set(links)
    assert all((ASSETS / link).is_file() for link in links)
    assert not any(link.startswith(("admin/", "live/", "share/")) for link in links)


def test_every_style_of_the_page_is_a_file() -> None:
    assert all((ASSETS / f"{name}.css").is_file() for name in STYLES)
