"""Devices that networks run on, by their names, and the numbers each is quickest with."""

import torch


def of(name: str) -> torch.device:
    """Return the device of a name, "auto": the GPU if there is one; raises ValueError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        others = "auto, cpu or cuda" if torch.cuda.is_available() else "auto or cpu"
        raise ValueError(f"There is no device {name!r} here; use {others}.") from error
    return device


def quickest(device: torch.device) -> torch.dtype:
    """Return the number format the device multiplies fastest; half precision can't be seen."""
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if torch.cpu.get_capabilities().get("amx_bf16") else torch.float32
