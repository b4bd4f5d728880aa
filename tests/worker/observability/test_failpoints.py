import os
import signal
import subprocess
import sys

import pytest

from tests.parts import Setting
from worker import settings
from worker.observability import failpoints
from worker.settings import BadSetting

GO_THROUGH = (
    "from worker.observability import failpoints; "
    "failpoints.at('kept', 'a1'); failpoints.at('recorded', 'a1')"
)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("", 0),
        ("recorded", -signal.SIGKILL),
        ("kept:a1", -signal.SIGKILL),
        ("kept:b2", 0),
        ("heard", 0),
    ],
)
def test_a_process_is_killed_at_the_named_place_and_for_the_named_job_alone(
    setting: Setting, fault: str, code: int
) -> None:
    setting(fault=fault)
    assert subprocess.run([sys.executable, "-c", GO_THROUGH], env=os.environ).returncode == code


def test_no_process_is_killed_at_a_failpoint_that_is_not_named() -> None:
    failpoints.at("")
    failpoints.at("kept", "a1")


def test_a_studio_with_a_public_address_takes_no_faults(setting: Setting) -> None:
    setting(fault="kept", public_url="https://studio.example")
    with pytest.raises(BadSetting, match="STUDIO_FAULT is for tests"):
        settings.settings()
