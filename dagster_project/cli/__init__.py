"""Command line: `guildhall`. This module imports nothing, so that Ctrl-C has an answer while the commands are imported."""


def main() -> None:
    """Run a command: exit code 0 done, 1 refused or failed, 2 wrong use."""
    import sys

    try:
        from dagster_project.cli.app import run_command

        code = run_command(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n  why    Ctrl-C was pressed.\n  to do  Run the same command again.\n")
        code = 1
    sys.exit(code)
