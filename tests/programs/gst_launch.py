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


def test_a_malformed_offer_is_refused_and_the_next_caller_served(test):
    port = free_port()
    bob = waiting(test, port)
    eve = test.start("eve", ["sipp", "-sf", os.path.join(os.path.dirname(__file__), "sipp", "malformed_offer.xml"), "-i", "127.0.0.1", "-p", str(free_port()), "-m", "1", "-nostdin", "-timeout", "30s", "-timeout_error", f"127.0.0.1:{port}"], cwd=test.folder)
    assert eve.wait() == 0, f"the SDP is answered with 400: {eve.text()[-1500:]}"
    assert bob.child.poll() is None, f"bob goes on waiting: {bob.text()[-1500:]}"
    alice = calling(test, port, "-e")
    time.sleep(2.5)
    alice.interrupt()
    assert alice.wait() == 0 and bob.wait() == 0, alice.text()[-1500:]
    return heard(test, 1.0)


def test_a_malformed_answer_ends_the_call_with_an_error(test):
    port = free_port()
    nonsense = sipp(test, "malformed_answer", port)
    alice = calling(test, port)
    assert alice.wait() == 1, alice.text()[-1500:]
    assert "sdp" in alice.text().lower(), f"says what is wrong: {alice.text()[-1500:]}"
    assert nonsense.wait() == 0, f"ACK and BYE came: {nonsense.text()[-1500:]}"


def test_an_unknown_codec_is_named_with_what_there_is(test):
    alice = calling(test, free_port(), extra="codecs=QUUX")
    assert alice.wait() in (1, 255), alice.text()[-1500:]
    assert "QUUX" in alice.text() and "PCMU" in alice.text(), alice.text()[-1500:]


def test_a_network_that_cannot_be_reached_is_named(test):
    alice = test.launch("alice", "fssipcall name=c local-uri=sip:alice@127.0.0.1 uri=sip:bob@192.0.2.1 " + TALK.format(freq=440, wav=test.path("alice.wav")))
    assert alice.wait(45) in (1, 255), alice.text()[-1500:]
    assert "192.0.2.1" in alice.text(), alice.text()[-1500:]


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


def two_phones(test, actions, alice="", bob="", more_alice="", more_bob=""):
    """Bob answers alice, who does the actions; returns both after their end, which has to be a good one."""
    port = free_port()
    talk = lambda freq, wav: TALK.format(freq=freq, wav=test.path(wav))
    called = test.phone("bob", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} auto-accept=true {bob} {talk(660, 'bob.wav')} {more_bob}")
    called.wait_for("state=waiting")
    caller = test.phone("alice", f"fssipcall name=c uri=sip:bob@127.0.0.1:{port} {alice} {talk(440, 'alice.wav')} {more_alice}", *actions)
    for program in (caller, called):
        assert program.wait(25) == 0, program.text()[-1500:]
    return caller, called


def test_hold_silences_both_ways_until_it_is_over(test):
    caller, called = two_phones(test, [(1, "hold"), (3, "unhold"), (5, "hangup")])
    for program, originator in ((caller, "local"), (called, "remote")):
        for on_hold in (True, False):
            assert f"fssip-call-hold on-hold={on_hold} originator={originator}" in program.text(), program.text()[-1500:]
    note = heard(test, 2.2)
    # The caller goes on sending while it holds, as RFC 3264 has it; what it does not do is listen.
    quiet = seconds(test.path("alice.wav")) - tone_seconds(test.path("alice.wav"), 660)
    assert quiet > 1.2, f"the caller heard the callee but for {quiet:.1f} s, though it held it for 2 s"
    return f"{note}; {quiet:.1f} s of silence while held"


def test_digits_are_sent_and_received(test):
    _, called = two_phones(test, [(0.5, "send-dtmf=159*0#"), (3.5, "hangup")], alice="codecs=PCMU")
    digits = "".join(line[-1] for line in called.text().splitlines() if line.startswith("fssip-call-dtmf"))
    assert digits == "159*0#", f"received {digits!r}"


def test_encryption_optional_and_mandatory(test):
    for alice, bob, encrypted in (("optional", "optional", True), ("mandatory", "optional", True), ("optional", "none", False)):
        caller, called = two_phones(test, [(2, "hangup")], alice=f"srtp={alice}", bob=f"srtp={bob}")
        for program in (caller, called):
            assert ("fssip-call-encrypted" in program.text()) == encrypted, program.text()[-1500:]
        heard(test, 1.0)
    port = free_port()
    waiting(test, port)
    refused = calling(test, port, extra="srtp=mandatory")
    assert refused.wait() == 1 and "488" in refused.text(), refused.text()[-1500:]


PICTURES = "videotestsrc is-live=true pattern={pattern} ! video/x-raw,width=320,height=240,framerate=15/1 ! c.video_sink  c.video_src ! videoconvert ! video/x-raw,format=RGB ! filesink location={file}"


def mean_colour(path):
    """Of the last whole picture of 320x240 in a file of raw RGB."""
    size, data = 320 * 240 * 3, open(path, "rb").read()
    assert len(data) >= 10 * size, f"{len(data) // size} pictures in {path}"
    last = data[(len(data) // size - 1) * size :][:size]
    return [sum(last[n::3]) / (size // 3) for n in range(3)]


def test_pictures_flow_both_ways(test):
    files = [test.path(name) for name in ("alice.rgb", "bob.rgb")]
    two_phones(test, [(3, "hangup")], more_alice=PICTURES.format(pattern="red", file=files[0]), more_bob=PICTURES.format(pattern="blue", file=files[1]))
    heard(test, 1.5)
    (seen_by_alice, seen_by_bob) = (mean_colour(file) for file in files)
    assert seen_by_alice[2] > 150 > 100 > seen_by_alice[0], f"alice saw {seen_by_alice}, bob shows blue"
    assert seen_by_bob[0] > 150 > 100 > seen_by_bob[2], f"bob saw {seen_by_bob}, alice shows red"


def test_a_call_over_ice(test):
    caller, called = two_phones(test, [(3, "hangup")], alice="transmitter=nice", bob="transmitter=nice srtp=optional", more_bob="")
    for program in (caller, called):
        assert "fssip-call-ice connected=True" in program.text(), program.text()[-1500:]
    return heard(test, 1.5)


def test_wrong_properties_are_named(test):
    for words in ("transmitter=shm", "transport=sctp", "register=true", "codecs=opus/x"):
        failed = test.launch("failed", f"fssipcall name=c uri=sip:bob@127.0.0.1:9 {words} audiotestsrc is-live=true ! c.audio_sink")
        assert failed.wait() in (1, 255), failed.text()[-1500:]
        name = "local-uri" if words.startswith("register") else words.split("=")[0]
        assert f"property {name}:" in failed.text(), failed.text()[-1500:]


if __name__ == "__main__":
    sys.exit(run([value for name, value in list(globals().items()) if name.startswith("test_")], sys.argv[1:]))
