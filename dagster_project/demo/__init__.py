"""Demo: simulates three invented communities, runs the whole pipeline on them, and checks every number.

`run` has the order of the steps, `checks` compares the numbers and the planted truth, `folder` clears an earlier demo away, and
`lines` prints.
"""

from dagster_project.demo.run import demo

__all__ = ["demo"]
