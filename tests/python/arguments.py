#!/usr/bin/python3
"""Every function that the typelib offers, called with ordinary, edge and wrong arguments: empty names and lists, None where it
is allowed and where it is not, numbers at the ends of their range, objects of other classes, structures with nothing in them,
objects that are bare or destroyed. Each function runs in a process of its own, and so does each class, of whose sub-classes
objects are made that got nothing at construction, and all of whose properties are read and set.

Nothing may crash, whatever a binding can pass; and a function with a GError sets it wherever it gives False or None. What is
not a GError is a TypeError of the binding, or a critical, which does not count here. Prints a line "ok - ..." or "not ok - ..."
a function; the environment is that of call.py.
"""

import functools
import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, GObject, Gst

Gst.init(None)
AUDIO, BOTH = Farstream.MediaType.AUDIO, Farstream.StreamDirection.BOTH
ENOUGH = 90  # a typelib without functions must not pass
CLASSES = ("Conference", "Session", "Stream", "Participant", "Transmitter", "StreamTransmitter", "ElementAddedNotifier")
# The binding frees what it made.
SKIPPED = {"CodecParameter.free", "FeedbackParameter.free"}


class BareConference(Farstream.Conference):
    pass


class BareSession(Farstream.Session):
    pass


class BareStream(Farstream.Stream):
    pass


class BareParticipant(Farstream.Participant):
    pass


class BareTransmitter(Farstream.Transmitter):
    pass


class BareStreamTransmitter(Farstream.StreamTransmitter):
    pass


def structure_message(name, **fields):
    structure = Gst.Structure.new_empty(name)
    for key, value in fields.items():
        structure.set_value(key, value)
    return Gst.Message.new_element(None, structure)


def sub_types(kind):
    """The types that have a GType of their own and can be made."""
    for child in kind.children:
        yield from sub_types(child)
        if not child.is_abstract() and not child.name.startswith("__main__"):
            yield child


class Values:
    """The values to choose from, made when they are asked for the first time: the first of each is an ordinary one."""

    def __init__(self):
        self.conference = Gst.ElementFactory.make("fsrtpconference")
        self.raw = Gst.ElementFactory.make("fsrawconference")
        self.objects = {}

    def made(self, kind):
        if kind not in self.objects:
            self.objects[kind] = getattr(self, "make_" + kind)()
            if kind in CLASSES:
                self.objects[kind] += [GObject.new(sub_type) for sub_type in sub_types(getattr(Farstream, kind).__gtype__)]
        return self.objects[kind]

    def make_Conference(self):
        return [self.conference, self.raw, BareConference()]

    def make_Participant(self):
        return [self.conference.new_participant(), self.raw.new_participant(), BareParticipant()]

    def make_Session(self):
        gone = self.conference.new_session(AUDIO)
        gone.destroy()
        return [self.conference.new_session(AUDIO), self.conference.new_session(Farstream.MediaType.VIDEO),
                self.raw.new_session(AUDIO), BareSession(), gone]

    def make_Stream(self):
        sessions, people = self.made("Session"), self.made("Participant")
        gone = sessions[0].new_stream(people[0], BOTH)
        gone.destroy()
        ready = sessions[0].new_stream(people[0], BOTH)
        ready.set_transmitter_ht("rawudp", {"upnp-discovery": False, "upnp-mapping": False})
        return [ready, sessions[0].new_stream(people[0], BOTH), sessions[2].new_stream(people[1], BOTH), BareStream(), gone]

    def make_Transmitter(self):
        return [*(Farstream.Transmitter.new(name, 2, 0) for name in ("rawudp", "multicast", "shm")), BareTransmitter()]

    def make_StreamTransmitter(self):
        person = self.made("Participant")[0]
        made = [transmitter.new_stream_transmitter_ht(person, {}) for transmitter in self.made("Transmitter")[:3]]
        gone = self.made("Transmitter")[0].new_stream_transmitter_ht(person, {})
        gone.stop()
        return [*made, BareStreamTransmitter(), gone]

    def make_ElementAddedNotifier(self):
        return [Farstream.ElementAddedNotifier.new()]

    def make_Codec(self):
        full = Farstream.Codec.new(97, "PCMA", AUDIO, 8000)
        full.add_optional_parameter("", "")
        full.add_feedback_parameter("", "", "")
        return [full, Farstream.Codec(), Farstream.Codec.new(-3, "", AUDIO, 0), Farstream.Codec.new(2**31 - 1, "x" * 70000, AUDIO, 1),
                Farstream.Codec.new(0, "%n", Farstream.MediaType.VIDEO, 2**32 - 1)]

    def make_Candidate(self):
        def candidate(component, ip, port, proto=Farstream.NetworkProtocol.UDP):
            return Farstream.Candidate.new("f", component, Farstream.CandidateType.HOST, proto, ip, port)

        return [candidate(1, "127.0.0.1", 9), Farstream.Candidate(), candidate(0, "", 0), candidate(2**32 - 1, "x" * 70000, 65535),
                candidate(2, None, 9), candidate(1, "::1", 9, Farstream.NetworkProtocol.TCP)]

    def make_CodecParameter(self):
        return [Farstream.CodecParameter()]

    def make_FeedbackParameter(self):
        return [Farstream.FeedbackParameter()]

    def make_RtpHeaderExtension(self):
        return [Farstream.RtpHeaderExtension.new(identity, BOTH, uri)
                for identity, uri in ((1, "urn:x"), (0, ""), (2**32 - 1, "x" * 70000), (64, "urn:y"), (1, "%n"))]

    def make_Message(self):
        names = ("error", "new-local-candidate", "local-candidates-prepared", "new-active-candidate-pair", "recv-codecs-changed",
                 "component-state-changed", "send-codec-changed", "codecs-changed", "telephony-event-started",
                 "telephony-event-stopped")
        wrong = [structure_message("farstream-" + name, src=1, session="", stream=2.5, candidate="x", codec=3, codecs="y", error="z",
                                   component="", state="", event="", volume=1.5, method="") for name in names]
        return [*wrong, *(structure_message("farstream-" + name) for name in names), structure_message("other"),
                Gst.Message.new_eos(None)]

    def make_Element(self):
        return [self.conference, self.raw, Gst.ElementFactory.make("fakesink")]

    def make_Bin(self):
        return [Gst.Bin.new("bin"), Gst.Pipeline.new("pipeline")]

    def make_Pad(self):
        return [Gst.Pad.new("src", Gst.PadDirection.SRC), Gst.Pad.new("sink", Gst.PadDirection.SINK)]

    def make_Caps(self):
        return [Gst.Caps.new_any(), Gst.Caps.new_empty(), Gst.Caps.from_string("audio/x-raw"), Gst.Caps.from_string("nonsense/x")]

    def make_Structure(self):
        return [Gst.Structure.from_string(text)[0] for text in ("FarstreamSRTP,cipher=aes-128-icm,auth=hmac-sha1-80", "FarstreamSRTP", "x")]

    def make_Buffer(self):
        return [Gst.Buffer.new(), Gst.Buffer.new_allocate(None, 17, None)]

    def make_KeyFile(self):
        files = [GLib.KeyFile.new() for _ in range(2)]
        files[1].set_string("rtpbin", "latency", "word")
        files[1].set_string("rtpbin", "no-such-property", "")
        return files

    def make_Value(self):
        values = []
        for kind in (Farstream.CandidateList, GObject.TYPE_STRING) if hasattr(Farstream, "CandidateList") else (GObject.TYPE_STRING,):
            value = GObject.Value()
            value.init(kind)
            values.append(value)
        return values

    def make_Error(self):
        return [GLib.Error.new_literal(Farstream.error_quark(), "", 0)]

    def of(self, kind):
        """The ordinary value of a type of the typelib, and others."""
        tag = kind.get_tag_as_string()
        if tag == "interface":
            interface = kind.get_interface()
            if "Enum" in type(interface).__name__ or "Flags" in type(interface).__name__:
                return [0, 1, 3, 99, -1, 2**31 - 1]
            name = interface.get_name()
            return [*self.made(name), None, self.conference, BareParticipant(), ""] if hasattr(self, "make_" + name) else [None]
        if tag in ("glist", "gslist"):
            items = self.of(kind.get_param_type(0))
            return [items[:1], None, [], [item for item in items if isinstance(item, type(items[0]))], items[:1] * 2000, [None], ["x"]]
        if tag == "array":
            return [[], None, [0], [""]]
        if tag == "ghash":
            return [{}, None, {"": ""}, {"upnp-discovery": "perhaps", "x" * 70000: 2**63}, {"preferred-local-candidates": 1}]
        if tag in ("utf8", "filename"):
            return ["rawudp", None, "", "x" * 70000, "%s%n", "/nowhere/x", "[x]", 5]
        if tag == "gboolean":
            return [True, False]
        if tag == "GType":
            return [Farstream.Transmitter.__gtype__, GObject.TYPE_INVALID, GObject.TYPE_STRING, Gst.Pad.__gtype__]
        if "int" in tag or tag in ("gulong", "glong", "gsize"):
            return [1, 0, 2, 64, 127, 128, 255, 256, -1, 2**31 - 1, -2**31, 2**32 - 1]
        return [0, None] if tag in ("gfloat", "gdouble") else [None]


def callables():
    """Name, and what the typelib says, of each function and method."""
    for info in gi.Repository.get_default().get_infos("Farstream"):
        if type(info).__name__ == "FunctionInfo":
            yield info.get_name(), None, info
        for method in getattr(info, "get_methods", list)():
            yield f"{info.get_name()}.{method.get_name()}", info.get_name(), method


def calls(values, kind, info):
    """All the calls to make: each argument takes each of its values, with ordinary ones for the others."""
    arguments = [values.of(a.get_type()) for a in info.get_arguments() if a.get_direction() != gi._gi.Direction.OUT]
    instances = values.made(kind) if info.is_method() else [None]
    ordinary = [choices[0] for choices in arguments]
    for instance in instances:
        yield instance, ordinary
        for i, choices in enumerate(arguments):
            for choice in choices[1:]:
                yield instance, [*ordinary[:i], choice, *ordinary[i + 1:]]


def function(name, kind, info, instance):
    if instance is not None:
        return getattr(instance, info.get_name())
    owner = getattr(Farstream, kind) if kind else Farstream
    return getattr(owner, name.split(".")[-1])


def values_of_property(spec):
    """The values to set a property to, of the right type and of others."""
    values = [spec.default_value, None, True, "", "x" * 70000, -1, 2.5, [], BareParticipant()]
    for end in ("minimum", "maximum"):
        values += [getattr(spec, end)] if hasattr(spec, end) else []
    return values


def try_properties(base, say):
    """As try_all, with the properties of a class, its sub-classes and their objects."""
    values, count = Values(), 0
    objects = values.made(base)
    for one in objects:
        for spec in one.list_properties():
            if spec.flags & GObject.ParamFlags.READABLE:
                say(f"at {spec.name} of {short(one)}")
                one.get_property(spec.name)
                count += 1
            if not spec.flags & GObject.ParamFlags.WRITABLE or spec.flags & GObject.ParamFlags.CONSTRUCT_ONLY:
                continue
            for value in values_of_property(spec):
                say(f"at {spec.name} = {short(value)} of {short(one)}")
                count += 1
                try:
                    one.set_property(spec.name, value)
                except (TypeError, ValueError, OverflowError):
                    pass
    say(f"done {count}, {len(objects)} objects")


def short(value):
    return repr(value)[:60]


def try_all(name, kind, info, say):
    """Runs in a process of its own; the last line that it says is what it was doing."""
    values, count, silent = Values(), 0, []
    throws = bool(info.get_flags() & gi._gi.FunctionInfoFlags.THROWS) if hasattr(gi._gi, "FunctionInfoFlags") else info.can_throw_gerror()
    for instance, arguments in calls(values, kind, info):
        what = f"{short(instance)}({', '.join(map(short, arguments))})"
        say(f"at {what}")
        count += 1
        try:
            answer = function(name, kind, info, instance)(*arguments)
        except (GLib.Error, TypeError, ValueError, OverflowError, UnicodeError):
            continue
        if throws and (answer is None or answer is False):
            silent.append(what)
    say(f"silent {len(silent)}: {silent[0]}" if silent else f"done {count}")


def run(work):
    """What came of it: the last line and the status."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 2)
        GLib.log_set_always_fatal(GLib.LogLevelFlags.LEVEL_ERROR)
        try:
            work(lambda line: os.write(write, (line + "\n").encode("utf-8", "replace")))
            os._exit(0)
        except BaseException as error:  # pylint: disable=broad-exception-caught
            os.write(write, f"raised {error!r}\n".encode("utf-8", "replace"))
            os._exit(1)
    os.close(write)
    with os.fdopen(read, encoding="utf-8", errors="replace") as said:
        lines = said.read().splitlines()
    return (lines or ["nothing"])[-1], os.waitpid(child, 0)[1]


def main():
    library = {line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8") if "libfarstream-0.2.so" in line}
    good = library == {os.environ["EXPECT_LIBRARY"]}
    print("ok -" if good else "not ok -", f"the library is {library}", flush=True)
    failures, total = int(not good), 0
    tasks = [(name, functools.partial(try_all, name, kind, info)) for name, kind, info in callables() if name not in SKIPPED]
    tasks += [(f"properties of {base}", functools.partial(try_properties, base)) for base in CLASSES]
    for name, work in tasks:
        if len(sys.argv) > 1 and sys.argv[1] not in name:
            continue
        said, status = run(work)
        good = status == 0 and said.startswith("done ")
        print("ok -" if good else "not ok -", f"{name}: {said}" + (f" (status {status})" if status else ""), flush=True)
        failures += not good
        total += 1
    if len(sys.argv) == 1:
        print("ok -" if total >= ENOUGH else "not ok -", f"{total} functions and classes")
        failures += total < ENOUGH
    sys.exit(1 if failures else 0)


main()
