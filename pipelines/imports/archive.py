"""Archives: the files of an export, read one at a time from a zip, a tar or a folder."""

import json
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tarfile import HeaderError, ReadError
from tempfile import TemporaryDirectory
from typing import Any, Protocol, Self

from pipelines.connector import ExportError

MOST_BYTES = 256 * 2**20
"""A larger file of an export is not read: it would need too much memory."""
MOST_TAR_BYTES = 8 * 2**30
MOST_TAR_FILES = 1_000_000
"""A tar with more is not unpacked: it would fill the disk."""


class ExportTree(Protocol):
    """The files of an export."""

    def names(self) -> list[str]:
        """Return the paths of all files, sorted, with `/` between folders."""
        ...

    def read(self, name: str) -> bytes:
        """Return the bytes of one file. Raises ExportError."""
        ...


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        return sorted(path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())

    def read(self, name: str) -> bytes:
        path = self._root / name
        try:
            _check_size(name, path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise _broken(name, error.strerror or type(error).__name__) from error


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def names(self) -> list[str]:
        return sorted(info.filename for info in self._archive.infolist() if not info.is_dir())

    def read(self, name: str) -> bytes:
        try:
            _check_size(name, self._archive.getinfo(name).file_size)
            return self._archive.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            # zipfile raises RuntimeError for encryption and NotImplementedError for an unknown compression.
            raise _broken(name, "the zip is damaged there, or encrypted") from error


class _Header(tarfile.TarInfo):
    """A header that must be complete: tarfile takes a broken or cut-off header for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:  # noqa: A002, RUF100 - the name of tarfile
        try:
            return super().fromtarfile(tarfile)
        except HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # the empty block at the end of a complete archive
                raise
            raise ReadError("a header is broken or cut off") from error


class _Tar:
    """A tar, unpacked once into a temporary folder, with numbers as file names.

    So a name in the archive never becomes a path on this machine, and a compressed tar is unpacked only once.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self._places: dict[str, Path] = {}
        total = 0
        try:
            with tarfile.open(path, "r|*", tarinfo=_Header, errors="replace") as archive:
                for number, member in enumerate(archive):
                    if not member.isfile():  # links and devices may point outside the archive
                        continue
                    _check_size(member.name, member.size)
                    total += member.size
                    if total > MOST_TAR_BYTES or number > MOST_TAR_FILES:
                        raise _broken(member.name, "the tar holds more than 8 GiB or a million files up to there")
                    content = archive.extractfile(member)
                    if content is None:
                        continue
                    place = folder / str(number)
                    with place.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    self._places[str(PurePosixPath(member.name))] = place
        except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, OverflowError) as error:
            raise _broken(path.name, "the tar is damaged or cut off") from error

    def names(self) -> list[str]:
        return sorted(self._places)

    def read(self, name: str) -> bytes:
        return self._places[name].read_bytes()


@contextmanager
def open_tree(path: Path) -> Iterator[ExportTree]:
    """Open a zip file, a tar (plain or compressed) or a folder. Raises ExportError for anything else."""
    if path.is_dir():
        yield _Folder(path)
        return
    if path.is_file() and _is_tar(path):
        with TemporaryDirectory(prefix="guildhall-import-") as folder:
            yield _Tar(path, Path(folder))
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise ExportError(
            "The export cannot be read.",
            f"There is no file {path.name}.",
            "Check the path; it may also be the unpacked folder.",
        ) from error
    except zipfile.BadZipFile as error:
        raise ExportError(
            "The export cannot be read.",
            f"{path.name} is neither a zip file nor a tar, or it is cut off.",
            "Download it again and compare the sizes.",
        ) from error
    except OSError as error:
        raise ExportError(
            "The export cannot be read.", f"{path.name}: {error.strerror}.", "Check its permissions and try again."
        ) from error
    with archive:
        yield _Zip(archive)


def read_rows(tree: ExportTree, name: str) -> list[dict[str, Any]]:
    """Return the objects of a file that has a JSON list of objects. Raises ExportError, which names the file."""
    try:
        rows = json.loads(tree.read(name))
    except (ValueError, RecursionError) as error:
        raise _broken(name, "it is not JSON") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _broken(name, "it should be a list of objects")
    return rows


def _is_tar(path: Path) -> bool:
    try:
        return not zipfile.is_zipfile(path) and tarfile.is_tarfile(path)
    except (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, OverflowError):
        return False


def _check_size(name: str, size: int) -> None:
    if size > MOST_BYTES:
        raise _broken(name, f"it has more than {MOST_BYTES // 2**20} MiB")


def _broken(name: str, why: str) -> ExportError:
    return ExportError(
        "The export cannot be read to its end.",
        f"{name}: {why}.",
        "Export or download it again, and import it again: what was imported so far counts once.",
    )
