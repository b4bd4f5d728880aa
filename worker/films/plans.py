"""A film's plan in a file: its cuts, and the statistics of its shots, for all who paint parts."""

import hashlib
import json
from functools import cache
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

import adain
from adain.film.making import Plan
from adain.film.painter import Shot
from adain.mixing import Fixed
from adain.model.moments import Moments
from adain.stylizer import Stylizer


class PlanDamaged(Exception):
    """A file that is no plan of ours."""


class OthersPlan(Exception):
    """A plan that another network, other weights or another version of the program made."""


@cache
def program() -> str:
    """Return the digest of all code that takes part in painting a film."""
    digest = hashlib.sha256()
    for folder in (Path(adain.__file__).parent, Path(__file__).parent):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _maker(stylizer: Stylizer) -> str:
    """Return what all parts of a film have to be painted by, so that they fit together."""
    return f"{program()} {stylizer.name}"


def _tensors(plan: Plan) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for number, shot in enumerate(plan.shots):
        found[f"{number} most"] = shot.most
        for level, known in enumerate(shot.levels):
            for name, moments in (("own", known.own), ("plain", known.plain)):
                if moments is not None:
                    found[f"{number} {level} {name} mean"] = moments.mean
                    found[f"{number} {level} {name} spread"] = moments.spread
    return {name: tensor.detach().cpu().clone() for name, tensor in found.items()}


def write(plan: Plan, stylizer: Stylizer, into: Path) -> None:
    """Write cuts and shots to a file, and what measured them."""
    levels = len(plan.shots[0].levels)
    head = {"cuts": json.dumps(plan.cuts), "levels": str(levels), "maker": _maker(stylizer)}
    save_file(_tensors(plan), into, head)


def read(file: Path, stylizer: Stylizer) -> Plan:
    """Return the plan in a file, its levels on the network's device; it has no times.

    Raises `PlanDamaged`, `OthersPlan`.
    """
    device = stylizer.device
    try:
        with safe_open(file, "pt") as opened:
            head, names = opened.metadata() or {}, set(opened.keys())
            if head["maker"] != _maker(stylizer):
                raise OthersPlan(head["maker"])
            cuts, levels = json.loads(head["cuts"]), int(head["levels"])

            def moments(name: str) -> Moments | None:
                if f"{name} mean" not in names:
                    return None
                mean, spread = (opened.get_tensor(f"{name} {one}") for one in ("mean", "spread"))
                return Moments(mean.to(device), spread.to(device))

            def fixed(name: str) -> Fixed:
                own = moments(f"{name} own")
                if own is None:
                    raise PlanDamaged(name)
                return Fixed(own, moments(f"{name} plain"))

            shots = [
                Shot(
                    [fixed(f"{number} {level}") for level in range(levels)],
                    opened.get_tensor(f"{number} most"),
                )
                for number in range(len(cuts))
            ]
    except (SafetensorError, KeyError, ValueError) as error:
        raise PlanDamaged(str(error)) from error
    return Plan(cuts, shots, [])
