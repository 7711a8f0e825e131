"""Running: `demo` and `up`."""

from typing import Annotated

import typer

from dagster_project.cli.common import out, state


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(demo)
    app.command()(up)


def demo(
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    weeks: Annotated[int, typer.Option(min=30, max=520, help="Weeks to play.")] = 104,
    members: Annotated[int, typer.Option(min=40, max=100_000, help="People who ever come.")] = 360,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the exports and the ledger of what was acknowledged, too.")
    ] = False,
) -> None:
    """Simulate two years of three invented communities through the real sources, build, publish, and check what was planted.

    Example: `guildhall demo --seed 7 --weeks 60`
    """
    from dagster_project.demo import demo as play

    raise typer.Exit(play(state.home, seed=seed, weeks=weeks, members=members, keep=keep))


def up(
    only: Annotated[
        str | None, typer.Option(help="Some of: kafka,gateway,poller,worker,refresher,daemon,webserver.", show_default=False)
    ] = None,
) -> None:
    """Run everything, live, until Ctrl-C: Kafka, gateway, poller, stream worker, refresher, Dagster's daemon and page.

    Example: `guildhall up`, then http://127.0.0.1:8000 (reports) and http://127.0.0.1:3000 (Dagster)
    """
    from dagster_project.processes.up import up as run_all

    run_all(state.settings(), only=tuple(part.strip() for part in only.split(",")) if only else None, say=out.print)
