"""Export trees: the same files from a folder, a zip and every kind of tar; what is cut off or hostile is refused."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipelines.connector import ExportError
from pipelines.imports.archive import open_tree

FILES = {"a/one.json": b"[1]", "a/.two.json": b"[2]" * 1000, "three.json": b""}


def tarred(at: Path, mode: str, files: dict[str, bytes] = FILES) -> Path:
    with tarfile.open(at, mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return at


def content_of(path: Path) -> dict[str, bytes]:
    with open_tree(path) as tree:
        return {name: tree.read(name) for name in tree.names()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_read_however_it_is_compressed_and_called(tmp_path: Path, mode: str) -> None:
    assert content_of(tarred(tmp_path / "export", mode)) == FILES


def test_a_folder_and_a_zip_hold_the_same(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in FILES.items():
            (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "folder" / name).write_bytes(content)
            archive.writestr(name, content)
    assert content_of(tmp_path / "a.zip") == content_of(tmp_path / "folder") == FILES


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_tar_that_breaks_off_is_refused_before_its_first_file(tmp_path: Path, mode: str, share: float) -> None:
    noise = {f"{number}.json": bytes((number * place * 7919) % 251 for place in range(3000)) for number in range(9)}
    whole = tarred(tmp_path / "whole", mode, noise).read_bytes()
    end = whole.rstrip(b"\0") if mode == "w" else whole
    (tmp_path / "part").write_bytes(end[: int(len(end) * share)])
    with pytest.raises(ExportError, match="cut off"), open_tree(tmp_path / "part"):
        pass


def test_a_tar_with_a_broken_header_in_the_middle_is_refused(tmp_path: Path) -> None:
    whole = bytearray(tarred(tmp_path / "a.tar", "w").read_bytes())
    whole[1024:1100] = b"x" * 76
    (tmp_path / "b.tar").write_bytes(whole)
    (tmp_path / "c.tar.gz").write_bytes(gzip.compress(whole))
    for name in ("b.tar", "c.tar.gz"):
        with pytest.raises(ExportError, match="the tar is damaged"), open_tree(tmp_path / name):
            pass


def test_what_is_gzipped_and_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"hello" * 500))
    with pytest.raises(ExportError, match="nor a tar"), open_tree(tmp_path / "a.gz"):
        pass


def test_names_and_links_that_lead_elsewhere_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name in ("../secret.txt", str(tmp_path / "secret.txt"), "a/../../secret.txt", "./fine.json"):
            info = tarfile.TarInfo(name)
            info.size = 2
            tar.addfile(info, io.BytesIO(b"[]"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
            link = tarfile.TarInfo(f"link{kind.decode()}.json")
            link.type, link.linkname = kind, str(tmp_path / "secret.txt")
            tar.addfile(link)
    assert set(content_of(tmp_path / "a.tar.gz").values()) == {b"[]"}
    assert content_of(tmp_path / "a.tar.gz")["fine.json"] == b"[]"


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.imports.archive.MOST_TAR_BYTES", 2**20)
    bomb = tarred(tmp_path / "a.tar.gz", "w:gz", {"a.json": bytes(3 * 2**20)})
    with pytest.raises(ExportError, match="more than"), open_tree(bomb):
        pass


def test_a_file_larger_than_memory_allows_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.imports.archive.MOST_BYTES", 2**20)
    path = tarred(tmp_path / "a.tar", "w", {"a.json": bytes(2**20 + 1)})
    with pytest.raises(ExportError, match="more than 1 MiB"), open_tree(path):
        pass
