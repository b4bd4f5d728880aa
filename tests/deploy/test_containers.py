"""What `make test-containers` runs is what the files say; it is run by hand, with an engine."""

import re
from pathlib import Path

from tests.containers import checks, images, single, stack
from tests.deploy.test_compose import OURS, SERVICES

ROOT = Path(__file__).parents[2]


def test_every_image_that_is_not_ours_has_a_stand_in_or_is_known_to_have_none() -> None:
    named = {images.program(one) for one in images.foreign()}
    assert named == images.STAND_INS | images.NO_STAND_IN


def test_every_part_without_a_profile_is_started_and_every_one_of_them_killed() -> None:
    usual = {name for name, one in SERVICES.items() if "profiles" not in one}
    assert usual == {*stack.PARTS, "migrate"}


def test_every_image_that_needs_no_gpu_is_built() -> None:
    targets = {SERVICES[name]["build"]["target"] for name in OURS}
    assert set(images.TARGETS) == targets - {"worker-gpu"} | {"studio"}


def test_the_settings_of_the_test_are_variables_of_the_file() -> None:
    known = set(re.findall(r"\$\{(\w+)", images.COMPOSE.read_text())) | {"STUDIO_METRICS_TOKEN"}
    assert set(stack.SETTINGS) <= known


def test_the_single_container_is_run_by_the_documents_words() -> None:
    words = single.words("mine", 1234)
    assert words[0] == "run"
    assert words[-1] == "adain-studio-studio"
    assert "mine:/data" in words
    assert "127.0.0.1:1234:7860" in words
    assert not [word for word in words if "7860" in word and "1234" not in word]


def test_what_a_part_may_write_to_is_what_the_file_gives_it() -> None:
    for name in checks.OURS:
        volumes = {one.split(":")[1] for one in SERVICES[name]["volumes"]}
        assert volumes <= checks.MAY_WRITE | {"/code"}


def test_nothing_of_ours_lies_in_a_folder_that_images_trim() -> None:
    """deploy/trim.sh deletes such folders of any package."""
    shipped = [one for name in ("adain", "worker", "web") for one in (ROOT / name).rglob("test*")]
    assert not [one for one in shipped if one.is_dir()]
