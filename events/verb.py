"""Verbs: the closed list of what a person can do. Each verb has a kind and a sentence.

The SQL macros (`is_contribution` and the others) are generated from the kinds.
"""

from enum import StrEnum
from typing import Self


class VerbKind(StrEnum):
    """How a verb counts. Every verb has exactly one kind."""

    CONTRIBUTION = "contribution"
    ATTENDANCE = "attendance"
    ACKNOWLEDGEMENT = "acknowledgement"
    CONSUMPTION = "consumption"
    CURATION = "curation"
    MEMBERSHIP = "membership"


class Verb(StrEnum):
    """What a person did. The list is closed: a normaliser that finds no fitting verb ignores the event with a reason."""

    _value_: str
    kind: VerbKind
    sentence: str

    def __new__(cls, value: str, kind: VerbKind, sentence: str) -> Self:
        """A string with its kind and sentence."""
        verb = str.__new__(cls, value)
        verb._value_ = value
        verb.kind = kind
        verb.sentence = sentence
        return verb

    POST = "post", VerbKind.CONTRIBUTION, "Writes a message that opens a conversation, or is not known to answer another."
    REPLY = "reply", VerbKind.CONTRIBUTION, "Answers a message in a thread."
    CREATE = "create", VerbKind.CONTRIBUTION, "Creates a page or document."
    EDIT = "edit", VerbKind.CONTRIBUTION, "Changes a page or document."
    UPLOAD = "upload", VerbKind.CONTRIBUTION, "Uploads a file."
    SPEAK = "speak", VerbKind.CONTRIBUTION, "Takes a turn in a meeting."
    PRESENT = "present", VerbKind.CONTRIBUTION, "Presents or shares a screen in a meeting."
    HOST = "host", VerbKind.CONTRIBUTION, "Hosts or chairs a meeting."
    RESOLVE = "resolve", VerbKind.CONTRIBUTION, "Marks a question as answered."
    ATTEND = "attend", VerbKind.ATTENDANCE, "Is in a meeting: an edge with a start, an end, or both."
    REACT = "react", VerbKind.ACKNOWLEDGEMENT, "Answers with an emoji."
    THANK = "thank", VerbKind.ACKNOWLEDGEMENT, "Thanks somebody with the platform's own function."
    VIEW = "view", VerbKind.CONSUMPTION, "Reads a page or document, where the platform reports it."
    DOWNLOAD = "download", VerbKind.CONSUMPTION, "Downloads a file."
    REVERT = "revert", VerbKind.CURATION, "Undoes another person's edit."
    MODERATE = "moderate", VerbKind.CURATION, "Deletes, protects or moves content, blocks accounts, or changes rights."
    JOIN = "join", VerbKind.MEMBERSHIP, "Joins the community or its workspace."
    LEAVE = "leave", VerbKind.MEMBERSHIP, "Leaves the community or its workspace."


def verbs_of(kind: VerbKind) -> tuple[Verb, ...]:
    """The verbs of a kind, in the order of the list."""
    return tuple(verb for verb in Verb if verb.kind is kind)
