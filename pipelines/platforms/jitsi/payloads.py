"""Payloads: the parts of the event sync component's posts that are read."""

from pipelines.shared.payload import Id, Part, Seconds


class Occupant(Part):
    """Somebody in a room. Name, email and id come from the token, where there is one."""

    occupant_jid: Id
    joined_at: Seconds
    left_at: Seconds | None = None
    id: str | int | None = None
    name: str | None = None
    email: str | None = None
    total_dominant_speaker_time: float | None = None

    @property
    def connection(self) -> str:
        """The last part of the address, which is made at random. The first may be an account's name."""
        return self.occupant_jid.rpartition("/")[2][:64]

    @property
    def is_part_of_jitsi(self) -> bool:
        """Whether it is the conference's focus, a recorder, a telephone gateway or a transcriber."""
        address = self.occupant_jid.partition("/")[0].casefold()
        node, _, domain = address.partition("@")
        return node in {"focus", "jvb", "jibri", "jigasi", "recorder", "transcriber"} or domain.startswith(
            ("recorder.", "hidden.", "transcriber.")
        )


class Post(Part):
    """One post of the component. Of a breakout room the room is the main one."""

    event_name: Id
    room_name: Id
    room_jid: Id
    breakout_room_id: str | None = None
    created_at: Seconds | None = None
    destroyed_at: Seconds | None = None
    occupant: Occupant | None = None
    all_occupants: tuple[Occupant, ...] | dict[str, Occupant] | None = None

    @property
    def occupants(self) -> tuple[Occupant, ...]:
        """All who were there. An empty list of Lua's may come as an object."""
        found = self.all_occupants or ()
        return tuple(found.values()) if isinstance(found, dict) else found

    @property
    def domain(self) -> str:
        """The deployment: the room's domain without the name of the component."""
        domain = self.room_jid.partition("@")[2].partition("/")[0]
        return domain.removeprefix("conference.").removeprefix("muc.").removeprefix("breakout.")
