#!/usr/bin/python3
"""Calls with programs of others: baresip (media and tones both ways) and sipp's built-in caller and callee (many calls).

Run inside the build's environment: meson devenv -C build /usr/bin/python3 $PWD/tests/programs/peers.py [--calls N] [word of a test's name ...]
"""
import glob
import json
import os
import re
import socket
import sys
import time

from programs import TOP, assert_ours, free_port, run
from sound import tone_seconds

CALLS = 100

BARESIP = """poll_method epoll
sip_listen 127.0.0.1:{sip}
sip_trans_def udp
net_interface 127.0.0.1
audio_player aubridge,dev0
audio_source ausine,440
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
rtp_ports {rtp}-{rtp_end}
rtp_stats yes
module_path /usr/lib/baresip/modules
module opus.so
module g711.so
module aubridge.so
module ausine.so
module sndfile.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {folder}
"""


class Baresip:
    """A baresip of its own that answers by itself and plays 440 Hz."""

    def __init__(self, test, codecs):
        self.port, self.control, rtp = free_port(2), free_port(), free_port(20) & ~1
        self.folder = test.path("baresip")
        os.makedirs(self.folder)
        settings = dict(sip=self.port, control=self.control, rtp=rtp, rtp_end=rtp + 20, folder=self.folder)
        for name, text in (("config", BARESIP.format(**settings)), ("contacts", ""), ("accounts", f"<sip:alice@127.0.0.1:{self.port}>;regint=0;answermode=auto;audio_codecs={codecs}\n")):
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
                file.write(text)
        self.program = test.start("baresip", ["baresip", "-s", "-f", self.folder], cwd=self.folder)
        end = time.time() + 10
        while True:
            try:
                self.connection = socket.create_connection(("127.0.0.1", self.control), 1)
                return
            except OSError:
                assert time.time() < end and self.program.child.poll() is None, f"baresip did not start: {self.program.text()[-1500:]}"
                time.sleep(0.1)

    def say(self, command, words=""):
        text = json.dumps({"command": command, "params": words, "token": "t"}).encode()
        self.connection.sendall(b"%d:%s," % (len(text), text))

    def heard(self, frequency):
        """Seconds of the tone in what baresip decoded."""
        self.connection.close()
        self.program.end()
        files = glob.glob(os.path.join(self.folder, "*-dec.wav"))
        assert files, f"baresip recorded nothing: {os.listdir(self.folder)}"
        return max(tone_seconds(file, frequency) for file in files)


def both(test, baresip, least=1.5):
    ours, theirs = tone_seconds(test.path("ours.wav"), 440), baresip.heard(660)
    assert ours >= least and theirs >= least, f"we heard baresip's 440 Hz for {ours:.1f} s, baresip our 660 Hz for {theirs:.1f} s"
    return f"we heard {ours:.1f} s, baresip {theirs:.1f} s"


def sound(test):
    return "audiotestsrc is-live=true freq=660 ! c.audio_sink  c.audio_src ! audioconvert ! wavenc ! filesink location=" + test.path("ours.wav")


def call_to_baresip(test, codecs):
    baresip = Baresip(test, codecs)
    ours = test.launch("ours", f"fssipcall name=c uri=sip:alice@127.0.0.1:{baresip.port} {sound(test)}", "-e", "-m")
    assert_ours(ours)
    time.sleep(4)
    ours.interrupt()
    assert ours.wait() == 0, ours.text()[-1500:]
    return both(test, baresip)


def test_baresip_answers_our_call_with_opus(test):
    return call_to_baresip(test, "opus/48000/2")


def test_baresip_answers_our_call_with_pcmu(test):
    return call_to_baresip(test, "PCMU")


def test_baresip_calls_us_and_hangs_up(test):
    baresip, port = Baresip(test, "opus/48000/2,PCMU,PCMA"), free_port()
    ours = test.launch("ours", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} auto-accept=true {sound(test)}", "-m")
    ours.wait_for("waiting")
    baresip.say("dial", f"sip:bob@127.0.0.1:{port}")
    time.sleep(4)
    baresip.say("hangup")
    assert ours.wait() == 0, ours.text()[-1500:]
    return both(test, baresip)


def test_baresip_holds_and_resumes(test):
    baresip = Baresip(test, "PCMU")
    ours = test.launch("ours", f"fssipcall name=c uri=sip:alice@127.0.0.1:{baresip.port} {sound(test)}", "-e", "-m")
    time.sleep(2)
    baresip.say("hold")
    time.sleep(1.5)
    baresip.say("resume")
    time.sleep(2.5)
    ours.interrupt()
    assert ours.wait() == 0, ours.text()[-1500:]
    heard = tone_seconds(test.path("ours.wav"), 440)
    baresip.connection.close()
    baresip.program.end()
    # baresip 1.0.0 decodes nothing after its own hold (two of them with each other neither), but it counts what comes: 50
    # packets a second, 2 s before the hold and 2.5 s after it.
    received = int(re.search(r"packets:\s+\d+\s+(\d+)", baresip.program.text()).group(1))
    assert heard >= 2.5 and received >= 175, f"we heard baresip's 440 Hz for {heard:.1f} s, baresip received {received} packets"
    return f"we heard {heard:.1f} s, baresip received {received} packets"


def statistics(program):
    """(successful, failed) calls of sipp's closing screen."""
    text = program.text()
    count = [int(re.findall(rf"{word} call\s*\|[^|]*\|\s*(\d+)", text)[-1]) for word in ("Successful", "Failed")]
    return tuple(count)


def example(name):
    path = os.path.join(TOP, "build", "cargo", "release", name)
    assert os.path.exists(path), f"the example {name} is not built: ./run check builds it"
    return path


def test_sipp_calls_us(test):
    """sipp's built-in caller against an answering program with real media."""
    port = free_port()
    ours = test.start("ours", [example("sip_answer"), "--local-uri", f"sip:bob@127.0.0.1:{port}", "--calls", str(CALLS)])
    ours.wait_for("waiting")
    sipp = test.start("sipp", ["sipp", "-sn", "uac", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-p", str(free_port()), "-mp", str(free_port(4)), "-m", str(CALLS), "-r", "10", "-l", "20", "-d", "200", "-nostdin"], cwd=test.folder)
    status = sipp.wait(30 + CALLS)
    good, bad = statistics(sipp)
    assert (status, good, bad) == (0, CALLS, 0), f"exit {status}, {good} successful, {bad} failed"
    return f"{good} calls, {bad} failed"


def test_we_call_sipp(test):
    """Our calling program, call after call, against sipp's built-in callee."""
    port = free_port()
    sipp = test.start("sipp", ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-mp", str(free_port(4)), "-m", str(CALLS), "-nostdin"], cwd=test.folder)
    time.sleep(0.5)
    ours = test.start("ours", [example("sip_call"), f"sip:service@127.0.0.1:{port}", "--calls", str(CALLS), "--seconds", "0.2"])
    status = ours.wait(30 + CALLS)
    sipp.wait(40)
    good, bad = statistics(sipp)
    assert (status, good, bad) == (0, CALLS, 0), f"our exit {status}, sipp saw {good} successful, {bad} failed: {ours.text()[-1500:]}"
    return f"{good} calls, {bad} failed"


if __name__ == "__main__":
    words = sys.argv[1:]
    if "--calls" in words:
        at = words.index("--calls")
        CALLS = int(words[at + 1])
        del words[at : at + 2]
    sys.exit(run([value for name, value in list(globals().items()) if name.startswith("test_")], words))
