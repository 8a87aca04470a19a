"""What identifies a configuration and its inputs; known to the workflow, so without torch."""

import hashlib
import json
from pathlib import Path


def canonical_json(value: object) -> str:
    """One text per value: keys sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def checksum(*parts: str | Path) -> str:
    """SHA-256 over files (given as `Path`) and texts, as hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        else:
            digest.update(part.encode())
    return digest.hexdigest()
