#!/usr/bin/python3
"""What a person types: whole SIP calls in gst-launch-1.0 lines, their sound, their messages and their exit statuses.

Run inside the build's environment: meson devenv -C build /usr/bin/python3 $PWD/tests/programs/gst_launch.py [word of a test's name ...]
"""
import os
import subprocess
import sys
import time

from programs import TOP, assert_ours, free_port, run
from sound import seconds, tone_seconds

TALK = "audiotestsrc is-live=true freq={freq} ! c.audio_sink  c.audio_src ! audioconvert ! wavenc ! filesink location={wav}"


def waiting(test, port, freq=660, extra=""):
    bob = test.launch("bob", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} auto-accept=true {extra} " + TALK.format(freq=freq, wav=test.path("bob.wav")), "-m")
    bob.wait_for(r"state=\(\w+\)\w*waiting|waiting")
    return bob


def calling(test, port, *flags, freq=440, extra=""):
    return test.launch("alice", f"fssipcall name=c uri=sip:bob@127.0.0.1:{port} {extra} " + TALK.format(freq=freq, wav=test.path("alice.wav")), "-m", *flags)


def heard(test, minimum):
    """Both files hold the other's tone, and not their own side's."""
    alice, bob = (tone_seconds(test.path(name), freq) for name, freq in (("alice.wav", 660), ("bob.wav", 440)))
    assert alice >= minimum and bob >= minimum, f"alice heard 660 Hz for {alice:.1f} s, bob 440 Hz for {bob:.1f} s"
    assert tone_seconds(test.path("alice.wav"), 440) == 0 and tone_seconds(test.path("bob.wav"), 660) == 0, "a side hears itself"
    return f"alice heard {alice:.1f} s, bob {bob:.1f} s"


def test_the_elements_come_from_our_files(_test):
    for element in ("fsrtpconference", "fssipcall"):
        out = subprocess.run(["gst-inspect-1.0", element], capture_output=True, text=True, check=True).stdout
        file = next(line.split()[-1] for line in out.splitlines() if line.strip().startswith("Filename"))
        assert os.path.realpath(file).startswith(os.path.realpath(os.path.join(TOP, "build"))), f"{element} comes from {file}"


def test_two_lines_talk_and_the_caller_hangs_up_with_ctrl_c(test):
    port = free_port()
    bob = waiting(test, port)
    alice = calling(test, port, "-e")
    assert_ours(alice)
    assert_ours(bob)
    time.sleep(3)
    alice.interrupt()
    assert alice.wait() == 0, alice.text()[-1500:]
    assert bob.wait() == 0, f"the peer's BYE is the end of bob's pipeline: {bob.text()[-1500:]}"
    return heard(test, 1.5)


def test_the_callee_hangs_up(test):
    port = free_port()
    bob = test.launch("bob", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} auto-accept=true " + TALK.format(freq=660, wav=test.path("bob.wav")), "-m", "-e")
    bob.wait_for("waiting")
    alice = calling(test, port)
    time.sleep(3)
    bob.interrupt()
    assert bob.wait() == 0, bob.text()[-1500:]
    assert alice.wait() == 0, f"the peer's BYE ends the caller's pipeline with EOS: {alice.text()[-1500:]}"
    return heard(test, 1.5)


def test_the_end_of_the_source_ends_the_call(test):
    port = free_port()
    bob = waiting(test, port)
    line = "audiotestsrc is-live=true freq=440 num-buffers=120 ! c.audio_sink  c.audio_src ! audioconvert ! wavenc ! filesink location=" + test.path("alice.wav")
    alice = test.launch("alice", f"fssipcall name=c uri=sip:bob@127.0.0.1:{port} {line}", "-m")
    assert alice.wait() == 0, alice.text()[-1500:]
    assert bob.wait() == 0, bob.text()[-1500:]
    return heard(test, 1.0)


def test_each_codec_that_is_asked_for_is_the_one_that_is_used(test):
    for codec in ("PCMU", "PCMA", "OPUS"):
        port = free_port()
        bob = waiting(test, port)
        alice = calling(test, port, "-e", extra=f"codecs={codec}")
        time.sleep(2.5)
        alice.interrupt()
        assert alice.wait() == 0 and bob.wait() == 0, alice.text()[-1500:]
        assert codec in alice.text() and codec in bob.text(), f"{codec} stands in no message of the call: {alice.text()[-3000:]}"
        heard(test, 1.0)
    return "PCMU, PCMA, OPUS"


def sipp(test, scenario, port, *more):
    path = os.path.join(os.path.dirname(__file__), "sipp", f"{scenario}.xml")
    program = test.start(f"sipp-{scenario}", ["sipp", "-sf", path, "-i", "127.0.0.1", "-p", str(port), "-mp", str(free_port(4)), "-m", "1", "-nostdin", "-timeout", "30s", "-timeout_error", *more], cwd=test.folder)
    time.sleep(0.3)
    return program


def test_a_refusal_is_an_error_with_status_and_reason(test):
    port = free_port()
    busy = sipp(test, "busy", port)
    alice = calling(test, port)
    assert alice.wait() == 1, alice.text()[-1500:]
    assert "486" in alice.text() and "Busy Here" in alice.text(), alice.text()[-1500:]
    assert busy.wait() == 0, "the refusal was acknowledged"


def test_ctrl_c_while_it_rings_cancels(test):
    port = free_port()
    ringing = sipp(test, "ringing", port)
    alice = calling(test, port, "-e")
    alice.wait_for("ringing")
    alice.interrupt()
    alice.wait()
    assert ringing.wait() == 0, f"the peer got CANCEL and the ACK for its 487: {ringing.text()[-1500:]}"


def test_nobody_there(test):
    start = time.time()
    alice = calling(test, free_port())
    assert alice.wait(45) == 1, alice.text()[-1500:]
    assert "ERROR" in alice.text(), alice.text()[-1500:]
    return f"said so after {time.time() - start:.1f} s"


def test_a_port_in_use_is_named(test):
    port = free_port()
    waiting(test, port)
    second = test.launch("second", f"fssipcall name=c local-uri=sip:eve@127.0.0.1:{port} auto-accept=true " + TALK.format(freq=550, wav=test.path("eve.wav")))
    # The state change itself fails, for which gst-launch has a status of its own.
    assert second.wait() in (1, 255), second.text()[-1500:]
    assert str(port) in second.text() and "in use" in second.text().lower(), second.text()[-1500:]


def test_no_codec_in_common_is_refused_with_488(test):
    port = free_port()
    bob = waiting(test, port, extra="codecs=PCMA")
    alice = calling(test, port, extra="codecs=PCMU")
    assert alice.wait() == 1, alice.text()[-1500:]
    assert "488" in alice.text(), alice.text()[-1500:]
    assert bob.child.poll() is None, f"bob goes on waiting: {bob.text()[-1500:]}"
    again = test.launch("again", f"fssipcall name=c uri=sip:bob@127.0.0.1:{port} codecs=PCMA " + TALK.format(freq=440, wav=test.path("alice.wav")), "-e")
    time.sleep(2.5)
    again.interrupt()
    assert again.wait() == 0 and bob.wait() == 0, again.text()[-1500:]
    return heard(test, 1.0)


def test_the_sink_may_be_left_out(test):
    """Listening only: no audio_sink is requested, and the call still stands and ends."""
    port = free_port()
    bob = waiting(test, port)
    alice = test.launch("alice", f"fssipcall name=c uri=sip:bob@127.0.0.1:{port} c.audio_src ! audioconvert ! wavenc ! filesink location=" + test.path("alice.wav"), "-e")
    time.sleep(2.5)
    alice.interrupt()
    assert alice.wait() == 0 and bob.wait() == 0, alice.text()[-1500:]
    tone = tone_seconds(test.path("alice.wav"), 660)
    assert tone > 1, f"alice heard 660 Hz for {tone:.1f} s of {seconds(test.path('alice.wav')):.1f} s"


if __name__ == "__main__":
    sys.exit(run([value for name, value in list(globals().items()) if name.startswith("test_")], sys.argv[1:]))
