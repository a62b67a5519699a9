"""Sub-classes in Python of every class that can have some; they note what is called."""

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, GObject, Gst

calls = []
# The base class looks at what a stream belongs to while it is being made.
KEPT = GObject.ParamFlags.READWRITE | GObject.ParamFlags.CONSTRUCT
failing = False


def note(text):
    """Notes a call, and lets it fail when the row wants that."""
    calls.append(text)
    if failing:
        raise GLib.Error("as the row wants", "fs-error", Farstream.Error.NETWORK)
    return True


class Participant(Farstream.Participant):
    """A participant without anything of its own."""

    __gtype_name__ = "PythonParticipant"


class StreamTransmitter(Farstream.StreamTransmitter):
    """A stream transmitter with every method."""

    __gtype_name__ = "PythonStreamTransmitter"

    def do_add_remote_candidates(self, candidates):
        return note(f"add_remote_candidates({[candidate.ip for candidate in candidates]})")

    def do_force_remote_candidates(self, candidates):
        return note(f"force_remote_candidates({[candidate.ip for candidate in candidates]})")

    def do_gather_local_candidates(self):
        return note("gather_local_candidates()")

    def do_stop(self):
        note("stop()")


class Transmitter(Farstream.Transmitter):
    """A transmitter that makes those."""

    __gtype_name__ = "PythonTransmitter"

    components = GObject.Property(type=int, default=1)

    def do_get_stream_transmitter_type(self):
        return StreamTransmitter.__gtype__


class Stream(Farstream.Stream):
    """A stream with every method that bindings can override."""

    __gtype_name__ = "PythonStream"

    session = GObject.Property(type=Farstream.Session, flags=KEPT)
    participant = GObject.Property(type=Farstream.Participant, flags=KEPT)
    direction = GObject.Property(type=Farstream.StreamDirection, default=Farstream.StreamDirection.NONE,
                                 flags=KEPT)

    def do_add_remote_candidates(self, candidates):
        return note(f"add_remote_candidates({len(candidates)})")

    def do_force_remote_candidates(self, candidates):
        return note(f"force_remote_candidates({len(candidates)})")

    def do_set_remote_codecs(self, codecs):
        return note(f"set_remote_codecs({[codec.encoding_name for codec in codecs]})")

    def do_add_id(self, id_):
        note(f"add_id({id_})")

    def do_set_decryption_parameters(self, parameters):
        return note(f"set_decryption_parameters({parameters and parameters.get_name()})")


class Session(Farstream.Session):
    """A session that makes such streams."""

    __gtype_name__ = "PythonSession"

    conference = GObject.Property(type=Farstream.Conference, flags=KEPT)
    id = GObject.Property(type=GObject.TYPE_UINT, default=0)

    def do_new_stream(self, participant, direction):
        note(f"new_stream({int(direction)})")
        return Stream(session=self, participant=participant, direction=direction)

    def do_start_telephony_event(self, event, volume):
        return note(f"start_telephony_event({event},{volume})")

    def do_stop_telephony_event(self):
        return note("stop_telephony_event()")

    def do_set_send_codec(self, codec):
        return note(f"set_send_codec({codec and codec.encoding_name})")

    def do_set_codec_preferences(self, codecs):
        return note(f"set_codec_preferences({[codec.encoding_name for codec in codecs]})")

    def do_list_transmitters(self):
        note("list_transmitters()")
        return ["one"]

    def do_get_stream_transmitter_type(self, transmitter):
        note(f"get_stream_transmitter_type({transmitter})")
        return StreamTransmitter.__gtype__

    def do_codecs_need_resend(self, before, after):
        note(f"codecs_need_resend({len(before)},{len(after)})")
        return []

    def do_set_allowed_caps(self, sink, src):
        return note(f"set_allowed_caps({sink and sink.to_string()},{src and src.to_string()})")

    def do_set_encryption_parameters(self, parameters):
        return note(f"set_encryption_parameters({parameters and parameters.get_name()})")


class Conference(Farstream.Conference):
    """A conference that makes such sessions."""

    __gtype_name__ = "PythonConference"

    def do_new_session(self, media_type):
        note(f"new_session({int(media_type)})")
        return Session(conference=self, id=7)

    def do_new_participant(self):
        note("new_participant()")
        return Participant()
