#!/usr/bin/python3
"""Encrypted calls between our library and Debian's, each in a process of its own, with a new key each way in the call.

Run it in the environment of our library. Debian's side gets none of that environment. Prints a line "ok - ..." or
"not ok - ..." a test.
"""

import array
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading

import checks
from checks import RATE, check, host, preferred, tone_share

MEASURED = RATE // 2
PATIENCE = 20
TONES = {"ours": 440, "stock": 660}
KEY_LENGTHS = {"aes-128-icm": 30, "aes-256-icm": 46, "aes-128-gcm": 28, "aes-256-gcm": 44}
PAIRS = (("aes-128-icm", "hmac-sha1-80"), ("aes-128-icm", "hmac-sha1-32"), ("aes-256-icm", "hmac-sha1-80"),
         ("aes-256-icm", "hmac-sha1-32"), ("aes-128-gcm", "null"), ("aes-256-gcm", "null"))


class Party:
    """One side of a call, in this process. Takes commands from standard input and answers on standard output."""

    def __init__(self, send_tone):
        self.heard, self.candidates = array.array("h"), []
        self.pipeline = Gst.Pipeline.new("party")
        self.conference = Gst.ElementFactory.make("fsrtpconference")
        source = Gst.ElementFactory.make("audiotestsrc")
        source.props.is_live, source.props.freq, source.props.samplesperbuffer = True, send_tone, RATE // 50
        self.pipeline.add(self.conference)
        self.pipeline.add(source)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)
        self.codecs = [Farstream.Codec.new(8, "PCMA", Farstream.MediaType.AUDIO, RATE)]
        self.session = self.conference.new_session(Farstream.MediaType.AUDIO)
        self.session.set_codec_preferences(self.codecs)
        self.participant = self.conference.new_participant()
        self.stream = self.session.new_stream(self.participant, Farstream.StreamDirection.BOTH)
        self.stream.connect("src-pad-added", self.on_src_pad)
        source.get_static_pad("src").link(self.session.props.sink_pad)

    def on_src_pad(self, _stream, pad, _codec):
        tail = Gst.parse_bin_from_description(
            f"audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate={RATE},channels=1 ! "
            "fakesink name=sink signal-handoffs=true sync=false async=false", True)
        tail.get_by_name("sink").connect("handoff", self.on_sound)
        self.pipeline.add(tail)
        pad.link(tail.get_static_pad("sink"))
        tail.sync_state_with_parent()

    def on_sound(self, _sink, buffer, _pad):
        self.heard.frombytes(buffer.extract_dup(0, buffer.get_size()))

    def on_message(self, _bus, message):
        structure = message.get_structure()
        if message.type == Gst.MessageType.ERROR or (structure and structure.get_name() == "farstream-error"):
            answer(failed=structure.to_string())
            return
        found, candidate = self.stream.parse_new_local_candidate(message)
        if found:
            self.candidates.append((candidate.component_id, candidate.ip, candidate.port))
        elif self.stream.parse_local_candidates_prepared(message):
            answer(candidates=self.candidates)

    def open(self, _value):
        wanted = preferred([host(component, "127.0.0.1") for component in (1, 2)])
        self.stream.set_transmitter_ht("rawudp", {
            "preferred-local-candidates": wanted, "upnp-mapping": False, "upnp-discovery": False})
        self.stream.set_remote_codecs(self.codecs)
        self.pipeline.set_state(Gst.State.PLAYING)

    def remote(self, addresses):
        self.stream.force_remote_candidates([host(*address, "L1") for address in addresses])

    def encrypt(self, fields):
        self.session.set_encryption_parameters(parameters(fields))
        answer(set=True)

    def decrypt(self, fields):
        self.stream.set_decryption_parameters(parameters(fields))
        answer(set=True)

    def clear(self, _value):
        del self.heard[:]
        answer(cleared=True)

    def judge(self, frequency):
        """The share of the tone once enough was heard since `clear`."""
        if len(self.heard) >= 2 * MEASURED:
            answer(share=tone_share(self.heard[-MEASURED:], frequency))
        else:
            GLib.timeout_add(20, self.judge, frequency)

    def library(self, _value):
        with open("/proc/self/maps", encoding="utf-8") as maps:
            answer(library=sorted({line[line.index("/"):].strip() for line in maps if "/libfarstream-0.2.so" in line}))

    def act(self, line):
        for name, value in json.loads(line).items():
            try:
                getattr(self, name)(value)
            except GLib.Error as error:
                answer(failed=error.message)

    def run(self):
        loop = GLib.MainLoop()

        def read():
            for line in sys.stdin:
                GLib.idle_add(self.act, line)
            GLib.idle_add(loop.quit)

        threading.Thread(target=read, daemon=True).start()
        loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        os._exit(0)


def answer(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def parameters(fields):
    structure = Gst.Structure.new_empty("FarstreamSRTP")
    for name, value in fields.items():
        structure.set_value(name, Gst.Buffer.new_wrapped(bytes.fromhex(value)) if name == "key" else value)
    return structure


class Process:
    """A party in another process."""

    def __init__(self, name, folder):
        self.name, self.answers = name, queue.Queue()
        env = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, name))
        if name == "stock":
            for variable in ("LD_LIBRARY_PATH", "GST_PLUGIN_PATH", "GST_PLUGIN_SYSTEM_PATH", "GST_PLUGIN_SYSTEM_PATH_1_0",
                             "FS_PLUGIN_PATH", "GI_TYPELIB_PATH", "G_DEBUG"):
                env.pop(variable, None)
            env["GST_REGISTRY"] = os.path.join(folder, "registry.bin")
        self.process = subprocess.Popen([sys.executable, __file__, "party", str(TONES[name])], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.answers.put(json.loads(line))

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def ask(self, key, **command):
        """What it answers; `None` if it fails or says nothing."""
        if command:
            self.tell(**command)
        try:
            said = self.answers.get(timeout=PATIENCE)
        except queue.Empty:
            said = {"failed": "no answer"}
        if key not in said:
            check(False, f"{self.name}: {key}: {said}")
        return said.get(key)

    def end(self):
        self.process.stdin.close()
        check(self.process.wait(PATIENCE) == 0, f"{self.name}: ends well")


def fields(pair, seed):
    cipher, auth = pair
    return {"cipher": cipher, "auth": auth, "key": bytes((seed + n) % 256 for n in range(KEY_LENGTHS[cipher])).hex()}


def both_hear(ours, stock, what):
    for listener, speaker in ((ours, "stock"), (stock, "ours")):
        listener.ask("cleared", clear=True)
        share = listener.ask("share", judge=TONES[speaker])
        check(share is not None and share > 0.9, f"{what}: {listener.name} hears {speaker}: {share}")


def call(pair, folder):
    ours, stock = Process("ours", folder), Process("stock", folder)
    libraries = [party.ask("library", library=True) for party in (ours, stock)]
    check(libraries[0] == [os.environ["EXPECT_LIBRARY"]] and libraries[1] and libraries[1] != libraries[0],
          f"{pair}: the libraries are {libraries}")
    for number, (sender, receiver) in enumerate(((ours, stock), (stock, ours))):
        sender.ask("set", encrypt=fields(pair, number))
        receiver.ask("set", decrypt=fields(pair, number))
    found = [party.ask("candidates", open=True) for party in (ours, stock)]
    ours.tell(remote=found[1])
    stock.tell(remote=found[0])
    both_hear(ours, stock, f"{pair}")
    for number, (sender, receiver) in enumerate(((ours, stock), (stock, ours))):
        receiver.ask("set", decrypt=fields(pair, 100 + number))
        sender.ask("set", encrypt=fields(pair, 100 + number))
        both_hear(ours, stock, f"{pair}, {sender.name} has a new key")
    ours.end()
    stock.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["party"]:
        import gi

        gi.require_version("Gst", "1.0")
        gi.require_version("Farstream", "0.2")
        from gi.repository import Farstream, GLib, Gst

        Gst.init(None)
        Party(int(sys.argv[2])).run()
    with tempfile.TemporaryDirectory() as scratch:
        for tried in PAIRS:
            call(tried, scratch)
    checks.leave()
