"""Run: the demo, and everything live."""

from typing import Annotated

import typer

from dagster_project.cli.common import note, show, state

GROUP = "Start"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (demo, up):
        app.command(rich_help_panel=GROUP)(command)


def demo(
    seed: Annotated[int, typer.Option(help="Number that decides all events: the same seed gives the same events.")] = 1,
    weeks: Annotated[int, typer.Option(min=30, max=520, help="Weeks to simulate.")] = 104,
    members: Annotated[int, typer.Option(min=40, max=100_000, help="People in the three communities together.")] = 360,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the simulated exports and the list of acknowledged events.")
    ] = False,
) -> None:
    """Simulate three invented communities and check every number.

    The events come through the real sources: signed webhooks, CloudEvents, an export. The demo builds all tables, publishes
    them, writes a report and compares the result with what the simulation planted. It needs an empty data folder or an earlier
    demo's, takes about a minute, and stops what it starts.

    Example: `guildhall demo --seed 7 --weeks 60`
    """
    from dagster_project.demo import demo as simulate

    raise typer.Exit(simulate(state.home, seed=seed, weeks=weeks, members=members, keep=keep))


def up(
    only: Annotated[
        str | None,
        typer.Option(
            help="Some processes, separated by commas: kafka,gateway,poller,worker,refresher,daemon,webserver.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run everything, live, until Ctrl-C.

    Starts Kafka, the gateway, the poller, the stream worker, the refresher, and Dagster's daemon and web page as one process
    tree. A process that ends is started again. When guildhall.toml changes, the processes
    that read the changed part start again.

    Example: `guildhall up`, then open http://127.0.0.1:8000 (reports) and http://127.0.0.1:3000 (Dagster)
    """
    from dagster_project.processes.up import up as run_all

    settings = state.settings()
    if not settings.community:
        note("No community is configured, so events belong to nobody. Add [community.NAME] to guildhall.toml.")
    run_all(settings, only=tuple(part.strip() for part in only.split(",")) if only else None, report=show)
