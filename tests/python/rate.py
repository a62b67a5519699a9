#!/usr/bin/python3
"""Rate control (TFRC) agreed between our library and Debian's, each in a process of its own: pictures go both ways, and our bit
rate follows the other's reports.

On Debian 12 the stock library agrees to it and then can't do it, not even with itself: under GStreamer 1.22 its packet modder does
not link, and it says so in `farstream-error`; its reports say that nothing was received. Then the bit rate that we configured stands.

Run it in the environment of our library. Debian's side gets none of that environment, and no srtp plugin, without which its plain
RTP does not work. Prints a line "ok - ..." or "not ok - ..." a test.
"""

import ctypes
import glob
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "abi"))
import launch  # pylint: disable=wrong-import-position

import checks
from checks import check, host, preferred

PATIENCE = 20
EXTENSION, EXTENSION_ID = "urn:ietf:params:rtp-hdrext:rtt-sendts", 3
CONFIGURED, WANTED = 120_000, 150_000
# RFC 5348 section 4.4 would have halved the rate several times while so many are sent.
PICTURES = 150


def set_extensions(thing, name):
    """The property is a list of boxes, which Python cannot make for Debian's library."""
    library = ctypes.CDLL("libfarstream-0.2.so.5")
    library.fs_rtp_header_extension_new.restype = ctypes.c_void_p
    library.g_list_append.restype = ctypes.c_void_p
    box = library.fs_rtp_header_extension_new(EXTENSION_ID, int(Farstream.StreamDirection.BOTH), EXTENSION.encode())
    boxes = library.g_list_append(None, ctypes.c_void_p(box))
    library.g_object_set(ctypes.c_void_p(hash(thing)), name.encode(), ctypes.c_void_p(boxes), None)


class Party:
    """One side, in this process. Takes commands from standard input and answers on standard output."""

    def __init__(self, pattern):
        self.candidates, self.complaints, self.pictures = [], [], 0
        self.pipeline = Gst.Pipeline.new("party")
        self.conference = Gst.ElementFactory.make("fsrtpconference")
        self.pipeline.add(self.conference)
        self.pipeline.get_bus().set_sync_handler(self.on_message)
        self.session = self.conference.new_session(Farstream.MediaType.VIDEO)
        set_extensions(self.session, "rtp-header-extension-preferences")
        codec = Farstream.Codec.new(96, "VP8", Farstream.MediaType.VIDEO, 90000)
        codec.add_feedback_parameter("nack", "pli", "")
        codec.add_feedback_parameter("tfrc", "", "")
        self.session.set_codec_preferences([codec])
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.on_src_pad)
        set_extensions(self.stream, "rtp-header-extensions")
        source = Gst.parse_bin_from_description(
            f"videotestsrc is-live=true pattern={pattern} ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! identity", True)
        self.pipeline.add(source)
        source.get_static_pad("src").link(self.session.props.sink_pad)
        self.codec = codec
        self.session.props.send_bitrate = CONFIGURED

    def on_src_pad(self, _stream, pad, _codec):
        sink = Gst.ElementFactory.make("fakesink")
        sink.props.sync = False
        setattr(sink.props, "async", False)
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.on_picture)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_picture(self, _pad, _info):
        self.pictures += 1
        return Gst.PadProbeReturn.OK

    def on_message(self, _bus, message):
        structure = message.get_structure()
        if structure and structure.get_name() == "farstream-error":
            self.complaints.append(structure.get_value("error-msg"))
        stream = getattr(self, "stream", None)
        if stream is None:
            return Gst.BusSyncReply.PASS
        found, candidate = stream.parse_new_local_candidate(message)
        if found:
            self.candidates.append((candidate.component_id, candidate.ip, candidate.port))
        elif stream.parse_local_candidates_prepared(message):
            answer(candidates=self.candidates)
        return Gst.BusSyncReply.PASS

    def open(self):
        wanted = preferred([host(component, "127.0.0.1") for component in (1, 2)])
        self.stream.set_transmitter_ht("rawudp", {
            "preferred-local-candidates": wanted, "upnp-mapping": False, "upnp-discovery": False})
        self.stream.set_remote_codecs([self.codec])
        self.pipeline.set_state(Gst.State.PLAYING)

    def act(self, command):
        name, value = command
        if name == "open":
            self.open()
        elif name == "remote":
            self.stream.force_remote_candidates([host(*address, "L1") for address in value])
        else:
            with open("/proc/self/maps", encoding="utf-8") as maps:
                library = sorted({line.split()[-1] for line in maps if "/libfarstream-0.2.so" in line})
            feedback = [(one.type, one.subtype) for one in self.session.props.codecs_without_config[0].feedback_params]
            answer(state={"library": library, "bitrate": self.session.props.send_bitrate, "pictures": self.pictures, "feedback": feedback,
                          "complaints": self.complaints})

    def run(self):
        for line in sys.stdin:
            self.act(json.loads(line))
        self.pipeline.set_state(Gst.State.NULL)
        os._exit(0)


def answer(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


class Process:
    """A party in another process."""

    def __init__(self, name, pattern, folder):
        self.name, self.answers = name, queue.Queue()
        env = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, name))
        if name == "stock":
            for variable in ("LD_LIBRARY_PATH", "GST_PLUGIN_PATH", "FS_PLUGIN_PATH", "GI_TYPELIB_PATH", "G_DEBUG"):
                env.pop(variable, None)
            plugins = os.path.join(folder, "plugins")
            os.mkdir(plugins)
            stock = os.path.dirname(glob.glob("/usr/lib/*/libfarstream-0.2.so.5")[0])
            env.update(GST_REGISTRY=os.path.join(folder, "registry.bin"), GST_PLUGIN_SYSTEM_PATH=launch.hide_srtp(stock, plugins))
        self.process = subprocess.Popen([sys.executable, __file__, "party", pattern], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.answers.put(json.loads(line))

    def tell(self, *command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def ask(self, key, *command):
        self.tell(*command)
        try:
            said = self.answers.get(timeout=PATIENCE)
        except queue.Empty:
            said = {"failed": "no answer"}
        if key not in said:
            check(False, f"{self.name}: {key}: {said}")
            sys.exit(1)
        return said[key]

    def end(self):
        self.process.stdin.close()
        check(self.process.wait(PATIENCE) == 0, f"{self.name}: ends well")


def main(folder):
    parties = ours, stock = Process("ours", "ball", folder), Process("stock", "smpte", folder)
    found = [party.ask("candidates", "open", None) for party in parties]
    ours.tell("remote", found[1])
    stock.tell("remote", found[0])
    states = []
    for _ in range(10 * PATIENCE):
        states = [party.ask("state", "state", None) for party in parties]
        reports = not states[1]["complaints"]
        is_rated = states[0]["bitrate"] > WANTED if reports else states[0]["bitrate"] == CONFIGURED
        if is_rated and all(state["pictures"] > PICTURES for state in states):
            break
        threading.Event().wait(0.1)
    libraries = [state["library"] for state in states]
    check(libraries[0] == [os.environ["EXPECT_LIBRARY"]] and libraries[1] and libraries[0] != libraries[1], f"the libraries are {libraries}")
    for party, state in zip(parties, states):
        check(["tfrc", ""] in state["feedback"], f"{party.name}: rate control is agreed: {state['feedback']}")
        check(state["pictures"] > PICTURES, f"{party.name}: {state['pictures']} pictures came")
    check(not states[0]["complaints"], f"ours has nothing to complain of: {states[0]['complaints']}")
    check(reports or "packet modder" in states[1]["complaints"][0], f"stock reports, or says why not: {states[1]['complaints']}")
    check(is_rated, f"ours sends {states[0]['bitrate']} bit/s {'by' if reports else 'as configured, without'} measurements of stock")
    for party in parties:
        party.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["party"]:
        import gi

        gi.require_version("Gst", "1.0")
        gi.require_version("Farstream", "0.2")
        from gi.repository import Farstream, Gst

        Gst.init(None)
        Party(sys.argv[2]).run()
    with tempfile.TemporaryDirectory() as scratch:
        main(scratch)
    checks.leave()
