"""Archives: the files of an export, read one at a time from a zip, a tar or a folder."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tarfile import HeaderError, ReadError
from tempfile import TemporaryDirectory
from typing import Any, Protocol, Self, TypeVar

from pipelines.connector import ExportError
from pipelines.shared.entries import Fault, IsEntry, entries_of
from pipelines.shared.text import decoded, plain_name

MOST_BYTES = 256 * 2**20
"""A larger file of an export is not read: it would need too much memory."""
MOST_TAR_BYTES = 8 * 2**30
MOST_TAR_FILES = 1_000_000
"""A tar with more is not unpacked: it would fill the disk."""

Place = TypeVar("Place")
_UTF8_NAME = 0x800
"""The flag of a zipped file whose name is UTF-8."""


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
        files = ((path.relative_to(root).as_posix(), path) for path in sorted(root.rglob("*")) if path.is_file())
        self._paths = _comparable(files)

    def names(self) -> list[str]:
        return sorted(self._paths)

    def read(self, name: str) -> bytes:
        path = self._paths[name]
        try:
            _check_size(name, path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise _broken(name, error.strerror or type(error).__name__) from error


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._files = _comparable((_zipped_name(info), info) for info in archive.infolist() if not info.is_dir())

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        info = self._files[name]
        try:
            _check_size(name, info.file_size)
            return self._archive.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            # zipfile raises RuntimeError for an encrypted file, and NotImplementedError for an unknown compression.
            raise _broken(name, "the zip is damaged there, or encrypted") from error


def _zipped_name(info: zipfile.ZipInfo) -> str:
    """The name of a zipped file. Many programs, Slack's export among them, write UTF-8 without the flag that shows it."""
    if info.flag_bits & _UTF8_NAME or info.filename != info.orig_filename:  # zipfile took another name from an extra field
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _comparable(files: Iterable[tuple[str, Place]]) -> dict[str, Place]:
    """Files by comparable name, without those in which macOS keeps its own attributes of a file."""
    found: dict[str, Place] = {}
    for name, place in files:
        plain = plain_name(name)
        if plain and "__MACOSX" not in plain.split("/")[:-1] and not PurePosixPath(plain).name.startswith("._"):
            found[plain] = place
    return found


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
                    self._places.update(_comparable([(str(PurePosixPath(member.name)), place)]))
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
        form = _form(path)
        raise ExportError(
            "The export cannot be read.",
            f"{path.name} is {form}, not an archive."
            if form
            else f"{path.name} is neither a zip file nor a tar, or it is cut off.",
            "Give the whole export, as its archive or its folder; `guildhall sources` lists the kinds and what each reads."
            if form
            else "Download it again and compare the sizes.",
        ) from error
    except OSError as error:
        raise ExportError(
            "The export cannot be read.", f"{path.name}: {error.strerror}.", "Check its permissions and try again."
        ) from error
    with archive:
        yield _Zip(archive)


def read_rows(tree: ExportTree, name: str, is_entry: IsEntry, place: str | None = None) -> Iterator[dict[str, Any] | Fault]:
    """The objects of a file that holds a JSON list of objects, or null; a Fault for what cannot be read, and then the rest.

    `is_entry` recognises an object behind a damaged place. A Fault names the file as `place`, by default its name.
    """
    place = name if place is None else place
    try:
        content = tree.read(name)
    except ExportError as error:
        yield Fault(place, error.why.rpartition(": ")[2].removesuffix("."))
        return
    yield from entries_of(content, place, is_entry)


def _form(path: Path) -> str | None:
    """What a file that is no archive is, where its beginning shows it."""
    with path.open("rb") as file:
        beginning = file.read(4096)
    text = decoded(beginning).lstrip()
    if text.startswith(("{", "[")):
        return "a file of JSON"
    if text.startswith("<"):
        return "HTML or XML"
    printable = all(character.isprintable() or character.isspace() for character in text[:-4])
    return "text" if text and printable else None


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
