"""Private files: what Guildhall writes is read by its own user only, and the deployment key stays the one that the data has."""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from dagster_project.paths import Paths
from events.errors import GuildhallError

OTHERS = 0o077
"""The permissions of everybody but the owner."""
KEY_BYTES = 32
TOKEN_CHARACTERS = 16


def keep_private(home: Path) -> None:
    """Let this process and its children create files for its user only, and close a home that others can enter.

    A folder that holds no key is left as it is: it may be anybody's.
    """
    os.umask(OTHERS)
    with contextlib.suppress(OSError):  # `doctor` reports a home that stays open
        if Paths(home).secret_key.exists() and _is_open(home):
            home.chmod(stat.S_IMODE(home.stat().st_mode) & ~OTHERS)


def readable_by_others(home: Path) -> Iterator[Path]:
    """The files and folders of a home that somebody else may read, write or enter."""
    for folder, _, names in os.walk(home):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            with contextlib.suppress(FileNotFoundError):  # segments and temporary files come and go
                if not path.is_symlink() and not path.is_socket() and _is_open(path):
                    yield path


def deployment_key(paths: Paths) -> bytes:
    """The key from which pseudonyms are made. Made once; its fingerprint stays beside the data.

    Raises GuildhallError for a key that is missing where there are data, is another one than the data's, or cannot be read.
    """
    if not paths.secret_key.exists():
        if paths.key_fingerprint.exists() or paths.landing.exists():
            raise GuildhallError(
                f"The key {paths.secret_key} is missing.",
                "The data beside it were made with a key, and with a new one every person would become two.",
                f"Restore it from your backup. To begin again without the data, remove {paths.home}.",
            )
        _make(paths.secret_key)
    key = _read(paths.secret_key)
    if not paths.key_fingerprint.exists():
        _write_once(paths.key_fingerprint, _fingerprint(key))
    if paths.key_fingerprint.read_text(encoding="ascii").strip() != _fingerprint(key):
        raise GuildhallError(
            f"The key in {paths.secret_key} is not the one that the data were made with.",
            f"Its fingerprint differs from {paths.key_fingerprint}; with another key every person would become two.",
            "Restore the key from your backup.",
        )
    return key


def token(path: Path) -> str:
    """The token in a file, made once. Raises GuildhallError for a file that holds none."""
    if not path.exists():
        _make(path)
    found = path.read_text(encoding="utf-8", errors="replace").strip()
    if len(found) < TOKEN_CHARACTERS or not found.isascii() or any(map(str.isspace, found)):
        raise GuildhallError(
            f"The token in {path} cannot be used.",
            f"It is not {TOKEN_CHARACTERS} or more ASCII characters without spaces.",
            "Remove the file: the next start makes a new token, for you to give to those who use it.",
        )
    return found


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & OTHERS)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_once(path, secrets.token_hex(KEY_BYTES))


def _write_once(path: Path, text: str) -> None:
    """Write a file unless it exists: two processes may do so at once, and then one wins."""
    fresh = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise GuildhallError(
            f"The key in {path} cannot be used.",
            f"It is not {KEY_BYTES} bytes in hex.",
            "Restore it from your backup; with another key every pseudonym changes.",
        )
    return key


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"guildhall key fingerprint" + key).hexdigest()[:32]
