#!/usr/bin/python3
"""The twin run from Python: every callable that a binding can reach, found by its C name in Debian's GIR and called through
whatever typelib the process has. Each row runs in a process of its own and prints "CALLABLE ROW: what came out", to be
compared between Debian's Farstream and ours, but for the rows of differences.txt.

The classes are Python's own (classes.py) or those of the element fsrtpconference. Arguments: the GIR file, and the beginning
of the keys to run.
"""

import importlib
import os
import signal
import sys
import xml.etree.ElementTree

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, GObject, Gst

PATIENCE = 60  # seconds after which a row counts as hanging
GIR = "{http://www.gtk.org/introspection/core/1.0}"
C = "{http://www.gtk.org/introspection/c/1.0}"

AUDIO, VIDEO = Farstream.MediaType.AUDIO, Farstream.MediaType.VIDEO
BOTH = Farstream.StreamDirection.BOTH

rows = {}
classes = None  # the module, which wants GStreamer to be initialised


def row(callable_, name, arguments, judge=None):
    """Adds a row. `arguments` makes the arguments, self first; a function at their end looks at something afterwards.
    `judge` makes of the answer what is to be said of it."""
    key = f"{callable_} {name}"
    assert key not in rows, key
    rows[key] = (callable_, arguments, judge)


# --------------------------------------------------------------------------------------------------------------- the GIR

def introspectable(path):
    """C name -> the names Python might know it by, for every callable of the GIR that is no secret to bindings."""
    namespace = xml.etree.ElementTree.parse(path).getroot().find(GIR + "namespace")
    found = {}
    for owner in [namespace, *namespace]:
        for kind in ("function", "method", "constructor"):
            for entry in owner.findall(GIR + kind):
                if entry.get("introspectable") == "0":
                    continue
                path_ = entry.get("name") if owner is namespace else f"{owner.get('name')}.{entry.get('name')}"
                places = found.setdefault(entry.get(C + "identifier"), [])
                places += [path_] + ([entry.get("moved-to")] if entry.get("moved-to") else [])
    return found


def resolve(places):
    for place in places:
        found = Farstream
        for part in place.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    return None


# ------------------------------------------------------------------------------------------------------------------ words

def names_of(iterator):
    """The names of the pads in a GstIterator."""
    result, pad = iterator.next()
    while result == Gst.IteratorResult.OK:
        yield pad.get_name()
        result, pad = iterator.next()


def show(value):
    """What a binding got, in words that are the same on every library."""
    if isinstance(value, Farstream.Codec):
        return f"[{value.to_string()}]"
    if isinstance(value, Farstream.Candidate):
        return (f"{{{value.foundation} {value.component_id} {value.ip} {value.port} base {value.base_ip} {value.base_port} "
                f"proto {int(value.proto)} priority {value.priority} type {int(value.type)} {value.username} {value.password} "
                f"ttl {value.ttl}}}")
    if isinstance(value, Farstream.RtpHeaderExtension):
        return f"{{{value.id} {int(value.direction)} {value.uri}}}"
    if isinstance(value, Farstream.CodecParameter):
        return f"{value.name}={value.value}"
    if isinstance(value, Farstream.FeedbackParameter):
        return f"{value.type}/{value.subtype}={value.extra_params}"
    if isinstance(value, Gst.Iterator):
        return "pads " + show(list(names_of(value)))
    if isinstance(value, GLib.Error):
        return f"raises {GLib.quark_to_string(value.domain) if isinstance(value.domain, int) else value.domain}:{value.code}"
    if isinstance(value, GObject.GType):
        return value.name
    if isinstance(value, GObject.Object):
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(show, value))})"
    if isinstance(value, (GObject.GEnum, GObject.GFlags)):
        return str(int(value))
    return repr(value)


def call(function, arguments, judge):
    """The answer, or what was raised: the binding's own refusals by kind only, their words depend on its version."""
    try:
        answer = function(*arguments)
    except GLib.Error as error:
        return show(error) + ("" if error.message else " without text")
    except (TypeError, ValueError, OverflowError, NotImplementedError) as error:
        return type(error).__name__
    return show(judge(answer) if judge else answer)


class Log:
    """Counts criticals and warnings."""

    def __init__(self):
        self.levels = set()
        GLib.log_set_always_fatal(GLib.LogLevelFlags.LEVEL_ERROR)
        for domain in (None, "", "GLib", "GLib-GObject", "GStreamer", "Farstream", "farstream", "GLib-GIO", "GThread"):
            GLib.log_set_handler(domain, GLib.LogLevelFlags.LEVEL_CRITICAL | GLib.LogLevelFlags.LEVEL_WARNING, self.note, None)

    def note(self, domain, level, text, _data):
        self.levels.add("critical" if level & GLib.LogLevelFlags.LEVEL_CRITICAL else "warning")
        if "TWIN_VERBOSE" in os.environ:
            print(f"  {domain}: {text}", file=sys.stderr)


def run_row(arguments, judge, places):
    global classes  # pylint: disable=global-statement
    log = Log()
    Gst.init(None)
    classes = importlib.import_module("classes")
    function = resolve(places)
    if function is None:
        return "Python has no such function"
    made = arguments()
    after = made.pop() if made and callable(made[-1]) and not isinstance(made[-1], type) else None
    classes.calls.clear()
    log.levels.clear()
    words = [call(function, made, judge)]
    if after:
        words.append("then " + show(after()))
    if classes.calls:
        words.append("calls: " + " ".join(classes.calls))
    return " ".join(words + sorted(log.levels))


def print_row(key, arguments, judge, places):
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        signal.alarm(PATIENCE)
        try:
            said = run_row(arguments, judge, places)
        except Exception as error:  # pylint: disable=broad-except
            said = f"row fails: {type(error).__name__}: {error}"
        os.write(writer, said.encode("utf-8", "backslashreplace"))
        os._exit(0)
    os.close(writer)
    said = os.fdopen(reader, "rb").read().decode("utf-8", "replace").replace("\n", " ")
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        said = "hangs" if os.WTERMSIG(status) == signal.SIGALRM else "crashes"
    print(f"{key}: {said}")


# ---------------------------------------------------------------------------------------------------------------- fixtures

def pcma():
    return Farstream.Codec.new(8, "PCMA", AUDIO, 8000)


def codec(id_, name, media=AUDIO, rate=8000):
    return Farstream.Codec.new(id_, name, media, rate)


def opus():
    made = codec(96, "OPUS", AUDIO, 48000)
    made.channels = 2
    made.add_optional_parameter("stereo", "1")
    made.add_feedback_parameter("nack", "pli", "x")
    return made


def candidate(component=1, ip="127.0.0.1", port=4000):
    return Farstream.Candidate.new("1", component, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, ip, port)


def extension():
    return Farstream.RtpHeaderExtension.new(3, BOTH, "urn:x")


def file_with(text):
    folder = GLib.get_user_data_dir()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"twin-{os.getpid()}")
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


kept = []  # what must not go away while a row runs


def element(name):
    made = Gst.ElementFactory.make(name)
    kept.append(made)
    return made


class Call:
    """A conference in a pipeline with a session, a participant and a stream."""

    def __init__(self, conference):
        self.pipeline = Gst.Pipeline()
        self.conference = conference
        self.pipeline.add(conference)
        self.session = conference.new_session(AUDIO)
        self.participant = conference.new_participant()
        self.stream = self.session.new_stream(self.participant, BOTH)
        kept.append(self)


def python_call():
    return Call(classes.Conference())


def rtp_call():
    return Call(Gst.ElementFactory.make("fsrtpconference"))


def destroyed_call():
    made = rtp_call()
    made.stream.destroy()
    made.session.destroy()
    return made


def failing_call():
    made = python_call()
    classes.failing = True
    return made


# ------------------------------------------------------------------------------------------------------- values and lists

NOTHING = [None]

row("fs_codec_new", "ordinary", lambda: [8, "PCMA", AUDIO, 8000])
row("fs_codec_new", "no_name", lambda: [-1, None, VIDEO, 0])
row("fs_codec_new", "empty_name", lambda: [0, "", VIDEO, 0])
row("fs_codec_new", "not_ascii", lambda: [0, "ü", VIDEO, 0])
row("fs_codec_new", "too_large", lambda: [2 ** 31, "X", VIDEO, 0])
row("fs_codec_new", "too_few", lambda: [1])
row("fs_codec_to_string", "full", lambda: [opus()])
row("fs_codec_to_string", "none", lambda: NOTHING[:])
row("fs_codec_copy", "full", lambda: [opus()])
row("fs_codec_copy", "none", lambda: NOTHING[:])
row("fs_codec_are_equal", "equal", lambda: [pcma(), pcma()])
row("fs_codec_are_equal", "other", lambda: [pcma(), opus()])
row("fs_codec_are_equal", "none", lambda: [pcma(), None])
row("fs_codec_are_equal", "no_codec", lambda: [pcma(), candidate()])
row("fs_codec_list_copy", "two", lambda: [[pcma(), opus()]])
row("fs_codec_list_copy", "empty", lambda: [[]])
row("fs_codec_list_copy", "no_codecs", lambda: [[1]])
row("fs_codec_list_are_equal", "equal", lambda: [[pcma(), opus()], [pcma(), opus()]])
row("fs_codec_list_are_equal", "order", lambda: [[pcma(), opus()], [opus(), pcma()]])
row("fs_codec_list_are_equal", "empty", lambda: [[], []])
row("fs_codec_list_are_equal", "none", lambda: [None, [pcma()]])


def parameter_row(callable_, name, *arguments):
    def make():
        kept.append(opus())
        return [kept[-1], *arguments, lambda: kept[0].to_string()]
    row(callable_, name, make)


parameter_row("fs_codec_add_optional_parameter", "ordinary", "usedtx", "1")
parameter_row("fs_codec_add_optional_parameter", "empty", "", "")
parameter_row("fs_codec_add_optional_parameter", "none", None, "1")
parameter_row("fs_codec_add_optional_parameter", "number", "usedtx", 1)
parameter_row("fs_codec_get_optional_parameter", "ordinary", "STEREO", "1")
parameter_row("fs_codec_get_optional_parameter", "any_value", "stereo", None)
parameter_row("fs_codec_get_optional_parameter", "absent", "mono", None)
parameter_row("fs_codec_get_optional_parameter", "none", None, None)
parameter_row("fs_codec_remove_optional_parameter", "none", None)
parameter_row("fs_codec_add_feedback_parameter", "ordinary", "ccm", "fir", "")
parameter_row("fs_codec_add_feedback_parameter", "none", "ccm", None, "")
parameter_row("fs_codec_get_feedback_parameter", "absent", "ccm", "fir", None)
parameter_row("fs_codec_get_feedback_parameter", "no_question", None, None, None)


def first_parameter(which):
    def make():
        kept.append(opus())
        return [getattr(kept[0], which)[0]]
    return make


row("fs_codec_remove_optional_parameter", "first",
    lambda: [kept.append(opus()) or kept[0], kept[0].get_optional_parameter("stereo", None), lambda: kept[0].to_string()])
row("fs_codec_get_feedback_parameter", "ordinary", lambda: [kept.append(opus()) or kept[0], "nack", "pli", None])
row("fs_codec_remove_feedback_parameter", "none", lambda: [opus(), None])
row("fs_codec_parameter_copy", "first", first_parameter("optional_params"))
row("fs_codec_parameter_copy", "none", lambda: NOTHING[:])
row("fs_codec_parameter_free", "copied", lambda: [None])
row("fs_feedback_parameter_copy", "first", first_parameter("feedback_params"))
row("fs_feedback_parameter_copy", "none", lambda: NOTHING[:])
row("fs_feedback_parameter_free", "copied", lambda: [None])
row("fs_media_type_to_string", "audio", lambda: [AUDIO])
row("fs_media_type_to_string", "other", lambda: [9])
row("fs_error_quark", "name", lambda: [], GLib.quark_to_string)

row("fs_candidate_new", "ordinary", lambda: ["1", 1, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, "::1", 9])
row("fs_candidate_new", "nones", lambda: [None, 0, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, None, 0])
row("fs_candidate_new", "large_port", lambda: ["", 1, Farstream.CandidateType.RELAY, Farstream.NetworkProtocol.TCP, "", 70000])
row("fs_candidate_new_full", "ordinary", lambda: ["F", 2, "1.2.3.4", 5, "6.7.8.9", 10, Farstream.NetworkProtocol.TCP_SO, 11,
                                                  Farstream.CandidateType.RELAY, "user", "secret", 12])
row("fs_candidate_new_full", "nones", lambda: [None, 0, None, 0, None, 0, Farstream.NetworkProtocol.UDP, 0,
                                               Farstream.CandidateType.HOST, None, None, 0])
row("fs_candidate_new_full", "large_port", lambda: ["F", 2, "1.2.3.4", 70000, "6.7.8.9", 10, Farstream.NetworkProtocol.UDP, 11,
                                                    Farstream.CandidateType.RELAY, "user", "secret", 12])
row("fs_candidate_copy", "ordinary", lambda: [candidate()])
row("fs_candidate_copy", "none", lambda: NOTHING[:])
row("fs_candidate_list_copy", "two", lambda: [[candidate(), candidate(2)]])
row("fs_candidate_list_copy", "empty", lambda: [[]])


def set_candidates(candidates):
    value = GObject.Value()
    kept.append(value)
    return [value, candidates, lambda: value.g_type]


row("fs_value_set_candidate_list", "two", lambda: set_candidates([candidate(), candidate(2)]))
row("fs_value_set_candidate_list", "empty", lambda: set_candidates([]))
row("fs_value_set_candidate_list", "none", lambda: [None, [candidate()]])

row("fs_rtp_header_extension_new", "ordinary", lambda: [3, BOTH, "urn:x"])
row("fs_rtp_header_extension_new", "no_uri", lambda: [3, BOTH, None])
row("fs_rtp_header_extension_new", "negative", lambda: [-3, BOTH, "urn:x"])
row("fs_rtp_header_extension_are_equal", "equal", lambda: [extension(), extension()])
row("fs_rtp_header_extension_are_equal", "none", lambda: [extension(), None])
row("fs_rtp_header_extension_list_copy", "two", lambda: [[extension(), extension()]])
row("fs_rtp_header_extension_list_copy", "empty", lambda: [[]])

# ------------------------------------------------------------------------------------------------------- files and plugins

row("fs_codec_list_from_keyfile", "ordinary", lambda: [file_with("[audio/A]\nclock-rate=5\nx=1\nfeedback:nack/pli=\n[video/B]\n")])
row("fs_codec_list_from_keyfile", "empty", lambda: [file_with("")])
row("fs_codec_list_from_keyfile", "missing", lambda: ["/no/such/file"])
row("fs_codec_list_from_keyfile", "none", lambda: NOTHING[:])
row("fs_rtp_header_extension_list_from_keyfile", "ordinary",
    lambda: [file_with("[rtp-hdrext:audio:a]\nid=5\nuri=urn:x\n[rtp-hdrext:video:a]\nid=6\nuri=urn:y\n"), AUDIO])
row("fs_rtp_header_extension_list_from_keyfile", "missing", lambda: ["/no/such/file", AUDIO])
row("fs_rtp_header_extension_list_from_keyfile", "other_media", lambda: [file_with("[a]\n"), 9])

row("fs_utils_get_default_codec_preferences", "without_file", lambda: [element("identity")])
row("fs_utils_get_default_codec_preferences", "none", lambda: NOTHING[:])
row("fs_utils_get_default_codec_preferences", "no_element", lambda: [Gst.Bus()])
row("fs_utils_get_default_rtp_header_extension_preferences", "without_file", lambda: [element("identity"), AUDIO])
row("fs_utils_get_default_rtp_header_extension_preferences", "none", lambda: [None, AUDIO])
row("fs_utils_set_bitrate", "ordinary", lambda: [element("mulawenc") and element("opusenc"), 64000,
                                                 lambda: kept[-1].get_property("bitrate")])
row("fs_utils_set_bitrate", "too_low", lambda: [element("opusenc"), -5, lambda: kept[-1].get_property("bitrate")])
row("fs_utils_set_bitrate", "without_property", lambda: [element("identity"), 64000])
row("fs_utils_set_bitrate", "none", lambda: [None, 64000])

row("fs_plugin_list_available", "none", lambda: NOTHING[:])
row("fs_plugin_list_available", "unknown", lambda: ["no-such-suffix"])
row("fs_plugin_register_static", "ordinary", lambda: ["python", "twin", classes.Transmitter.__gtype__])
row("fs_plugin_register_static", "none", lambda: [None, "twin", classes.Transmitter.__gtype__])
row("fs_transmitter_list_available", "rawudp", lambda: [], lambda names: "rawudp" in names)


def registered():
    Farstream.Plugin.register_static("python", "transmitter", classes.Transmitter.__gtype__)


row("fs_transmitter_new", "python", lambda: [registered() or "python", 2, 0])
row("fs_transmitter_new", "rawudp", lambda: ["rawudp", 2, 0])
row("fs_transmitter_new", "unknown", lambda: ["no-such", 2, 0])
row("fs_transmitter_new", "empty", lambda: ["", 2, 0])
row("fs_transmitter_new", "none", lambda: [None, 2, 0])
row("fs_transmitter_new", "large_tos", lambda: ["rawudp", 2, 256])
row("fs_transmitter_new", "no_components", lambda: ["rawudp", 0, 0])


def transmitter(name):
    registered()
    kept.append(Farstream.Transmitter.new(name, 2, 0))
    return kept[-1]


def stream_transmitter():
    kept.append(classes.StreamTransmitter())
    return kept[-1]


def rawudp_stream_transmitter():
    kept.append(transmitter("rawudp").new_stream_transmitter(rtp_call().participant, 0, GObject.Parameter()))
    return kept[-1]


row("fs_transmitter_get_stream_transmitter_type", "python", lambda: [transmitter("python")])
row("fs_transmitter_get_stream_transmitter_type", "rawudp", lambda: [transmitter("rawudp")])
row("fs_transmitter_emit_error", "python", lambda: [transmitter("python"), Farstream.Error.NETWORK, "no net"])
row("fs_transmitter_emit_error", "none", lambda: [transmitter("python"), Farstream.Error.NETWORK, None])
row("fs_transmitter_new_stream_transmitter", "python", lambda: [transmitter("python"), rtp_call().participant, 0, GObject.Parameter()])
row("fs_transmitter_new_stream_transmitter", "rawudp", lambda: [transmitter("rawudp"), rtp_call().participant, 0, GObject.Parameter()])
row("fs_transmitter_new_stream_transmitter", "no_parameters", lambda: [transmitter("rawudp"), rtp_call().participant, 0, None])
row("fs_transmitter_new_stream_transmitter", "no_participant", lambda: [transmitter("rawudp"), None, 0, GObject.Parameter()])

for method in ("add_remote_candidates", "force_remote_candidates"):
    identifier = "fs_stream_transmitter_" + method
    row(identifier, "python", lambda: [stream_transmitter(), [candidate(), candidate(2)]])
    row(identifier, "python_empty", lambda: [stream_transmitter(), []])
    row(identifier, "rawudp", lambda: [rawudp_stream_transmitter(), [candidate()]])
    row(identifier, "rawudp_no_ip", lambda: [rawudp_stream_transmitter(), [candidate(1, None)]])
    row(identifier, "rawudp_no_candidate", lambda: [rawudp_stream_transmitter(), [None]])
    row(identifier, "none", lambda: [None, []])
row("fs_stream_transmitter_gather_local_candidates", "python", lambda: [stream_transmitter()])
row("fs_stream_transmitter_gather_local_candidates", "rawudp", lambda: [rawudp_stream_transmitter()])
row("fs_stream_transmitter_stop", "python", lambda: [stream_transmitter()])
row("fs_stream_transmitter_stop", "rawudp", lambda: [rawudp_stream_transmitter()])
row("fs_stream_transmitter_emit_error", "python", lambda: [stream_transmitter(), Farstream.Error.NETWORK, "no net"])

# ---------------------------------------------------------------------------------------------------------------- notifier


def notifier():
    kept.append(Farstream.ElementAddedNotifier.new())
    kept[-1].connect("element-added", lambda _, bin_, element_: classes.calls.append(f"{bin_.name}/{element_.name}"))
    return kept[-1]


def outer():
    kept.append(Gst.Bin.new("outer"))
    kept[-1].add(Gst.ElementFactory.make("queue", "first"))
    return kept[-1]


def key_file(text):
    made = GLib.KeyFile()
    made.load_from_data(text, len(text), GLib.KeyFileFlags.NONE)
    return made


row("fs_element_added_notifier_new", "ordinary", lambda: [])
row("fs_element_added_notifier_add", "ordinary", lambda: [notifier(), outer()])
row("fs_element_added_notifier_add", "none", lambda: [notifier(), None])
row("fs_element_added_notifier_add", "no_bin", lambda: [notifier(), element("queue")])
row("fs_element_added_notifier_remove", "never_added", lambda: [notifier(), outer()])
row("fs_element_added_notifier_remove", "none", lambda: [notifier(), None])
row("fs_element_added_notifier_set_properties_from_file", "ordinary", lambda: [notifier(), file_with("[queue]\nsilent=1\n")])
row("fs_element_added_notifier_set_properties_from_file", "missing", lambda: [notifier(), "/no/such/file"])
row("fs_element_added_notifier_set_properties_from_file", "none", lambda: [notifier(), None])
row("fs_element_added_notifier_set_default_properties", "without_file", lambda: [notifier(), element("identity")])
row("fs_element_added_notifier_set_default_properties", "none", lambda: [notifier(), None])


def watching():
    made = notifier()
    made.add(outer())
    return made


row("fs_element_added_notifier_set_properties_from_keyfile", "none", lambda: [notifier(), None])
row("fs_element_added_notifier_remove", "ordinary", lambda: [watching(), kept[-1]])
row("fs_element_added_notifier_set_properties_from_keyfile", "ordinary",
    lambda: [watching(), key_file("[queue]\nmax-size-buffers=7\n"),
             lambda: kept[-1].get_by_name("first").get_property("max-size-buffers")], bool)

# --------------------------------------------------------------------------------------- conference, session and stream


def structure():
    return Gst.Structure.new_empty("FarstreamSRTP")


# Each method with sets of arguments; self is put in front.
METHODS = {
    "fs_conference_new_session": {"video": lambda c: [VIDEO], "other": lambda c: [9]},
    "fs_conference_new_participant": {"": lambda c: []},
    "fs_session_new_stream": {"": lambda c: [c.participant, BOTH], "no_participant": lambda c: [None, BOTH]},
    "fs_session_start_telephony_event": {"": lambda c: [5, 8], "too_large": lambda c: [300, 8]},
    "fs_session_stop_telephony_event": {"": lambda c: []},
    "fs_session_set_send_codec": {"": lambda c: [pcma()], "no_codec": lambda c: [None]},
    "fs_session_set_codec_preferences": {"": lambda c: [[pcma(), codec(0, "PCMU")]], "empty": lambda c: [[]],
                                         "unknown": lambda c: [[codec(97, "NO-SUCH")]], "nonsense": lambda c: [["PCMA"]]},
    "fs_session_get_stream_transmitter_type": {"": lambda c: ["rawudp"], "unknown": lambda c: ["no-such"],
                                               "no_name": lambda c: [None]},
    "fs_session_codecs_need_resend": {"": lambda c: [[pcma()], [pcma()]], "empty": lambda c: [[], []]},
    "fs_session_set_allowed_caps": {"": lambda c: [Gst.Caps.from_string("audio/x-raw"), Gst.Caps.from_string("audio/x-raw")],
                                    "nones": lambda c: [None, None]},
    "fs_session_set_encryption_parameters": {"": lambda c: [structure()], "none_given": lambda c: [None]},
    "fs_session_emit_error": {"": lambda c: [Farstream.Error.NETWORK, "no net"], "no_text": lambda c: [1, None]},
    "fs_session_destroy": {"": lambda c: []},
    "fs_stream_add_remote_candidates": {"": lambda c: [[candidate()]], "empty": lambda c: [[]]},
    "fs_stream_force_remote_candidates": {"": lambda c: [[candidate()]], "empty": lambda c: [[]]},
    "fs_stream_set_remote_codecs": {"": lambda c: [[pcma()]], "empty": lambda c: [[]],
                                    "unknown": lambda c: [[codec(97, "NO-SUCH")]]},
    "fs_stream_add_id": {"": lambda c: [5], "negative": lambda c: [-1]},
    "fs_stream_set_transmitter": {"": lambda c: ["rawudp", []], "unknown": lambda c: ["no-such", []]},
    "fs_stream_set_transmitter_ht": {"": lambda c: ["rawudp", {}], "sending": lambda c: ["rawudp", {"sending": True}],
                                     "unknown": lambda c: ["rawudp", {"no-such": True}],
                                     "candidates": lambda c: ["rawudp", {"preferred-local-candidates": list_value()}]},
    "fs_stream_set_decryption_parameters": {"": lambda c: [structure()], "none_given": lambda c: [None]},
    "fs_stream_emit_error": {"": lambda c: [Farstream.Error.NETWORK, "no net"], "no_text": lambda c: [1, None]},
    "fs_stream_emit_src_pad_added": {"": lambda c: [added_pad(c), pcma()], "no_pad": lambda c: [None, pcma()]},
    "fs_stream_iterate_src_pads": {"": lambda c: []},
    "fs_stream_destroy": {"": lambda c: []},
}

CALLS = {"python": python_call, "fails": failing_call, "rtp": rtp_call, "destroyed": destroyed_call}


def list_value():
    value = GObject.Value()
    Farstream.value_set_candidate_list(value, [candidate(1, "127.0.0.1", 0)])
    return value


def added_pad(made):
    pad = Gst.Pad.new("a", Gst.PadDirection.SRC)
    made.conference.add_pad(pad)
    return pad


def method_row(callable_, on, arguments):
    """Runs a method on a call of some kind."""
    owner = callable_.split("_")[1]

    def make():
        made = CALLS[on]()
        return [getattr(made, owner), *arguments(made)]
    return make


for identifier, variants in METHODS.items():
    for variant, make_arguments in variants.items():
        for kind in CALLS:
            row(identifier, f"{kind} {variant}".strip(), method_row(identifier, kind, make_arguments))
    row(identifier, "none", lambda variants=variants: [None, *next(iter(variants.values()))(python_call())])
    row(identifier, "wrong_object", lambda variants=variants: [element("identity"), *next(iter(variants.values()))(python_call())])

row("fs_session_list_transmitters", "python", lambda: [python_call().session])
row("fs_session_list_transmitters", "rtp", lambda: [rtp_call().session], lambda names: "rawudp" in names)

# --------------------------------------------------------------------------------------------------------------- messages


def about(name, field, **fields):
    """A message about the object in that field of a call, as the first two arguments of its parser."""
    made = python_call()
    owner = made.stream if field == "stream" else made.session
    values = Gst.Structure.new_empty(name)
    values.set_value(field, owner)
    for key, value in fields.items():
        values.set_value(key.replace("_", "-"), value)
    return [owner, Gst.Message.new_element(made.conference, values)]


def value_of(type_, content=None):
    """A value of exactly that type; without content for the empty list."""
    value = GObject.Value()
    value.init(type_)
    if content is not None:
        value.set_value(content)
    return value


def no_codecs():
    return value_of(Farstream.CodecGList.__gtype__)


PARSERS = {
    "fs_parse_error": lambda: about("farstream-error", "src-object", error_no=Farstream.Error.NETWORK, error_msg="no net"),
    "fs_session_parse_codecs_changed": lambda: about("farstream-codecs-changed", "session"),
    "fs_session_parse_telephony_event_stopped":
        lambda: about("farstream-telephony-event-stopped", "session", method=Farstream.DTMFMethod.SOUND),
    "fs_session_parse_telephony_event_started":
        lambda: about("farstream-telephony-event-started", "session", method=Farstream.DTMFMethod.SOUND,
                      event=Farstream.DTMFEvent.POUND, volume=value_of(GObject.TYPE_UCHAR, 8)),
    "fs_session_parse_send_codec_changed":
        lambda: about("farstream-send-codec-changed", "session", codec=pcma(), secondary_codecs=no_codecs()),
    "fs_stream_parse_new_local_candidate":
        lambda: about("farstream-new-local-candidate", "stream", candidate=candidate()),
    "fs_stream_parse_local_candidates_prepared": lambda: about("farstream-local-candidates-prepared", "stream"),
    "fs_stream_parse_new_active_candidate_pair":
        lambda: about("farstream-new-active-candidate-pair", "stream", local_candidate=candidate(), remote_candidate=candidate(2)),
    "fs_stream_parse_recv_codecs_changed": lambda: about("farstream-recv-codecs-changed", "stream", codecs=no_codecs()),
    "fs_stream_parse_component_state_changed":
        lambda: about("farstream-component-state-changed", "stream", component=value_of(GObject.TYPE_UINT, 2),
                      state=Farstream.StreamState.READY),
}

def stranger(owner):
    """Another object of the same class."""
    other = python_call()
    return other.stream if isinstance(owner, Farstream.Stream) else other.session


def without_fields(owner, message):
    """The message with nothing but its name."""
    name = message.get_structure().get_name()
    return [owner, Gst.Message.new_element(message.src, Gst.Structure.new_empty(name))]


for identifier, make_message in PARSERS.items():
    row(identifier, "message", make_message)
    row(identifier, "other_message", lambda make=make_message: [make()[0], Gst.Message.new_eos(None)])
    row(identifier, "other_object",
        lambda make=make_message: [stranger(make()[0]), make()[1]])
    row(identifier, "lacks_fields", lambda make=make_message: without_fields(*make()))
    row(identifier, "no_message", lambda make=make_message: [make()[0], None])
    row(identifier, "no_object", lambda make=make_message: [None, make()[1]])


def check_files():
    """Ends the program unless it runs on the library and the typelib it was meant to run on."""
    Farstream.error_quark()
    with open("/proc/self/maps", encoding="utf-8") as maps:
        library = {line[line.index("/"):].strip() for line in maps if "/libfarstream-0.2.so" in line}
    typelib = os.path.realpath(gi.Repository.get_default().get_typelib_path("Farstream"))
    wanted = {os.environ["EXPECT_LIBRARY"]}, os.environ["EXPECT_TYPELIB"]
    if (library, typelib) != wanted:
        sys.exit(f"library and typelib are {library} and {typelib}, not {wanted[0]} and {wanted[1]}")


def main():
    check_files()
    known = introspectable(sys.argv[1])
    for key in sorted(rows):
        if len(sys.argv) < 3 or key.startswith(sys.argv[2]):
            callable_, arguments, judge = rows[key]
            print_row(key, arguments, judge, known.get(callable_, []))


if __name__ == "__main__":
    main()
