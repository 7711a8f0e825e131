"""Verbs: the closed list of what a person can do, each with its sentence."""

from enum import StrEnum


class Verb(StrEnum):
    """What was done. The list is closed: a normaliser that finds no fitting verb ignores the event with a reason."""

    POST = "post"
    REPLY = "reply"
    CREATE = "create"
    EDIT = "edit"
    UPLOAD = "upload"
    SPEAK = "speak"
    PRESENT = "present"
    HOST = "host"
    RESOLVE = "resolve"
    ATTEND = "attend"
    REACT = "react"
    THANK = "thank"
    VIEW = "view"
    DOWNLOAD = "download"
    REVERT = "revert"
    MODERATE = "moderate"
    JOIN = "join"
    LEAVE = "leave"


SENTENCES: dict[Verb, str] = {
    Verb.POST: "Said something that opens a conversation, or is not known to answer one.",
    Verb.REPLY: "Answered something in a thread.",
    Verb.CREATE: "Made a new page or document.",
    Verb.EDIT: "Changed a page or document.",
    Verb.UPLOAD: "Brought a file.",
    Verb.SPEAK: "Took a turn in a meeting.",
    Verb.PRESENT: "Presented or shared a screen in a meeting.",
    Verb.HOST: "Hosted or chaired a meeting.",
    Verb.RESOLVE: "Marked a question as answered.",
    Verb.ATTEND: "Was in a meeting: an edge with a start, an end, or both.",
    Verb.REACT: "Answered with an emoji.",
    Verb.THANK: "Thanked somebody by the platform's own means.",
    Verb.VIEW: "Read something, where the platform says so.",
    Verb.DOWNLOAD: "Fetched a file.",
    Verb.REVERT: "Undid somebody's edit.",
    Verb.MODERATE: "Deleted, protected, moved or otherwise kept order.",
    Verb.JOIN: "Joined the community or its workspace by a person's or the platform's word.",
    Verb.LEAVE: "Left the community or its workspace by a person's or the platform's word.",
}

CONTRIBUTIONS = frozenset(
    {Verb.POST, Verb.REPLY, Verb.CREATE, Verb.EDIT, Verb.UPLOAD, Verb.SPEAK, Verb.PRESENT, Verb.HOST, Verb.RESOLVE}
)
PRESENCE = frozenset({Verb.ATTEND, Verb.REACT, Verb.THANK})
CONSUMPTION = frozenset({Verb.VIEW, Verb.DOWNLOAD})
CURATION = frozenset({Verb.REVERT, Verb.MODERATE})
MEMBERSHIP = frozenset({Verb.JOIN, Verb.LEAVE})
