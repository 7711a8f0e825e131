"""Catalog: all models, in the order in which they are built."""

from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from warehouse.build.estimates import estimates
from warehouse.build.model import LAYERS, MODELS, Model, ModelError, read_model


def load(folder: Path = MODELS) -> tuple[Model, ...]:
    """Every model below the folder, each after the tables that it reads. Raises ModelError."""
    written = [read_model(path) for path in model_files(folder)]
    return order([*written, estimates(written)] if metrics(written) else written)


def model_files(folder: Path = MODELS) -> tuple[Path, ...]:
    """The files of models below the folder, SQL and Python, in order of their names."""
    found = [path for suffix in ("sql", "py") for path in folder.glob(f"*/*.{suffix}")]
    return tuple(sorted(path for path in found if path.stem != "__init__"))


@cache
def catalog() -> tuple[Model, ...]:
    """The catalog of this installation, read once."""
    return load()


def order(models: Iterable[Model]) -> tuple[Model, ...]:
    """Each model after those that it reads; otherwise by layer and name, so that the order is always the same."""
    models = tuple(models)
    by_table = {model.table: model for model in models}
    if len(by_table) < len(models):
        twice = sorted({m.table for m in models if sum(o.table == m.table for o in models) > 1})
        raise ModelError(f"two files make {', '.join(twice)}")
    for model in by_table.values():
        for source in model.header.reads:
            if source.startswith("landing."):
                continue
            if source not in by_table:
                raise ModelError(f"{model.table}: reads {source}, which no model makes")
            if LAYERS.index(by_table[source].layer) > LAYERS.index(model.layer):
                raise ModelError(f"{model.table}: reads {source}, which is of a later layer")
    sorter = TopologicalSorter({table: [s for s in model.header.reads if s in by_table] for table, model in by_table.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise ModelError(f"models read one another in a circle: {error.args[1]}") from error
    ordered: list[Model] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda table: (LAYERS.index(by_table[table].layer), table))
        ordered.extend(by_table[table] for table in ready)
        sorter.done(*ready)
    return tuple(ordered)


def with_intermediate(wanted: Iterable[str], models: Iterable[Model]) -> tuple[Model, ...]:
    """The models of these tables and the unpublished ones that they read, in order: what a build of these tables needs."""
    models, needed, chosen = tuple(models), set(wanted), []
    unpublished = {model.table for model in models if not model.header.published}
    for model in reversed(models):
        if model.table in needed:
            chosen.append(model)
            needed |= {table for table in model.header.reads if table in unpublished}
    return tuple(reversed(chosen))


def metrics(models: Iterable[Model]) -> tuple[Model, ...]:
    """The models that are metrics, by id."""
    return tuple(sorted((m for m in models if m.header.id), key=lambda m: m.header.id or ""))
