"""Keeping: the settings as the plain values that the warehouse's keeper asks for."""

from collections.abc import Iterator
from contextlib import contextmanager

from dagster_project.settings import Settings
from warehouse.keeper import Keeper


@contextmanager
def keeper_of(settings: Settings) -> Iterator[Keeper]:
    """Hold the landing file and the warehouse of this home folder. Raises GuildhallError when another process does."""
    raise NotImplementedError
