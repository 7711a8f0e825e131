"""`python -m dagster_project.processes NAME`: one process."""

import sys

from dagster_project.processes.entry_points import main

sys.exit(main(sys.argv[1]))
