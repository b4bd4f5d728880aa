"""What a worker on this machine has: weights, a C++ compiler and folder for its code, a device."""

import os
import shutil

from adain import devices
from adain.aot import trusted_folders
from adain.weights import find
from worker.settings import settings


def weights() -> str:
    """Return the files of the default network's weights; raises `WeightsError`."""
    return ", ".join(map(str, find(settings().network, settings().weights_dir).files))


def compiler() -> str:
    """Return the C++ compiler; "" where there is none."""
    return shutil.which(os.environ.get("CXX", "g++")) or ""


def weak_code_folder() -> str:
    """Return the place where others could change the folder of machine code; "" for none."""
    folder = settings().code_dir
    return str(trusted_folders.weak_point(folder.resolve()) or "") if folder.exists() else ""


def device() -> str:
    """Return what the network would run on; raises ValueError where that is not there."""
    return devices.of(settings().device).type
