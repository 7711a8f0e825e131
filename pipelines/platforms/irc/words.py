"""Words: what stands before a colon in minutes and is no name."""

import re

NO_NAMES = frozenset(
    re.split(
        r"\s*\|\s*",
        "action | agenda | announcement | announcements | aside | background | comment | decision | e.g | eg | "
        "example | fyi | goal | goals | i.e | ie | idea | info | ip note | issue | issues | item | link | links | "
        "minutes | next | nb | next steps | note | notes | options | poll | problem | proposal | proposed | ps | q | "
        "question | questions | re | recap | recording | ref | resolution | resolved | scribe note | see | slide | "
        "slides | so | spec | status | strawpoll | subject | summary | tl;dr | todo | topic | topics | update | use "
        "case | use cases | vote | work items",
    )
)
"""Words before a colon in minutes that are not names."""
