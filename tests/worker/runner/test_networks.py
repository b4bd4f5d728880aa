"""Which networks can run here, and what the log says of those that can't."""

import logging
from pathlib import Path

import pytest

from tests.parts import Setting
from worker.runner import networks


def test_missing_optional_weights_are_no_news(
    studio: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert list(networks.Networks().checksums()) == ["compact"]
    assert caplog.text == ""


def test_missing_weights_of_the_default_network_are_a_warning(
    studio: Path, setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    setting(network="vgg19")
    networks.Networks().checksums()
    assert "network vgg19 can't serve" in caplog.text
