"""Seeds: every random draw has a stable name, and its seed follows from it."""

import hashlib


def derive(seed: int, *names: str | int) -> int:
    """Seed of the draw called `names` under the config's `seed`, an integer below 2**63.

    The same on every machine and in every process, and independent between names.
    """
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
