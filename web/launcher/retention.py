"""How long `adain-studio up` keeps pictures: for ever where only this machine gets here."""

from ipaddress import ip_address

from worker.settings import PREFIX, Settings


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def days(chosen: Settings) -> float:
    """Return after how many days jobs are deleted; 0: never."""
    given = "retention_days" in chosen.model_fields_set
    others = not _is_loopback(chosen.host) or chosen.public_url or chosen.trusted_proxies
    return chosen.retention_days if given or others else 0.0


def environment(chosen: Settings) -> dict[str, str]:
    """Return what the processes get of it; nothing where it is their default."""
    own = days(chosen)
    return {} if own == chosen.retention_days else {f"{PREFIX}RETENTION_DAYS": f"{own:g}"}


def sentence(chosen: Settings) -> str:
    """Say at the start how long pictures are kept, and how to have it otherwise."""
    if not (age := days(chosen)):
        return (
            "Pictures are kept until you delete them, or the quota is full. "
            "STUDIO_RETENTION_DAYS=30 deletes them by age."
        )
    return (
        f"Pictures but favourites are deleted {age:g} days after they were made. "
        "STUDIO_RETENTION_DAYS sets another age; 0: never."
    )
