#!/usr/bin/python3
"""Calls with programs of others: baresip and linphonec (sound, pictures, digits, hold, ICE), and sipp's built-in caller and callee
(many calls). The tests of encrypted.py and registered.py (kamailio as registrar and proxy) run with them.

Run inside the build's environment: meson devenv -C build /usr/bin/python3 $PWD/tests/programs/peers.py [--calls N] [word of a test's name ...]
"""
import os
import re
import sys
import time

from programs import TOP, assert_ours, free_port, run
from encrypted import *  # the tests of both are run here
from registered import *
from softphones import VIDEO, Baresip, Linphone, Wire, certificate
from sound import tone_seconds
from talk import both, secrets, sound, tone

CALLS = 100


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


def to_baresip(test, baresip, *at, extra="", transport="", more=""):
    """We call it, do what `at` says, and hang up; both have to be heard."""
    line = f"fssipcall name=c uri=sip:alice@127.0.0.1:{baresip.port}{transport} {extra} {sound(test)} {more}"
    ours = test.phone("ours", line, *at)
    assert ours.wait(25) == 0, ours.text()[-1500:]
    return ours


def test_baresip_over_tcp_and_tls(test):
    folder = test.path("certificate")
    os.makedirs(folder)
    authority = certificate(folder)
    baresip = Baresip(test, "PCMU", modules=f"sip_certificate {folder}/both.pem\n")
    to_baresip(test, baresip, (1.5, "hangup"), transport=";transport=tcp")
    heard = tone_seconds(test.path("ours.wav"), 440)
    assert heard >= 0.8, f"over TCP we heard it for {heard:.1f} s"
    line = f"fssipcall name=c uri=sip:alice@127.0.0.1:{baresip.port + 1} transport=tls ca-file={authority} {sound(test)}"
    ours = test.phone("secure", line, (2.5, "hangup"))
    assert ours.wait(25) == 0, ours.text()[-1500:]
    return both(test, baresip, 1.2)


def test_digits_to_and_from_baresip(test):
    baresip = Baresip(test, "PCMU")
    line = f"fssipcall name=c uri=sip:alice@127.0.0.1:{baresip.port} {sound(test)}"
    ours = test.phone("ours", line, (0.5, "send-dtmf=42#"), (4, "hangup"))
    ours.wait_for("established")
    time.sleep(2)
    for digit in "17":
        baresip.say("sndcode", digit)
        time.sleep(0.4)
        baresip.say("sndcode", "\x04")
        time.sleep(0.3)
    assert ours.wait(25) == 0, ours.text()[-1500:]
    received = "".join(re.findall("fssip-call-dtmf digit=(.)", ours.text()))
    seen = "".join(param for kind, param in baresip.events if kind == "CALL_DTMF_START")
    assert seen == "42#", f"baresip saw {baresip.events}"
    assert received == "17", f"we received {received!r}"


def test_we_hold_baresip(test):
    baresip = Baresip(test, "PCMU")
    ours = to_baresip(test, baresip, (1, "hold"), (3, "unhold"), (5, "hangup"))
    assert ours.text().count("fssip-call-hold") == 2, ours.text()[-1500:]
    heard = tone_seconds(test.path("ours.wav"), 440)
    assert 2 < heard < 4.5, f"we heard it for {heard:.1f} s of 5, 2 of them on hold"
    return f"we heard baresip for {heard:.1f} s of 5, 2 of them on hold"


def test_pictures_to_and_from_baresip(test):
    baresip = Baresip(test, "PCMU", modules=VIDEO)
    pictures = "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! c.video_sink  c.video_src ! videoconvert ! video/x-raw,format=RGB ! filesink location=" + test.path("seen.rgb")
    ours = to_baresip(test, baresip, (4, "hangup"), more=pictures)
    assert "fssip-call-media codec=VP8/90000 media=video" in ours.text(), ours.text()[-1500:]
    frames = os.path.getsize(test.path("seen.rgb")) // (320 * 240 * 3)
    baresip.end()
    assert frames >= 20, f"we saw {frames} pictures of baresip's: {baresip.program.text()[-1500:]}"
    # Its closing figures are those of sound and pictures: 50 packets of sound a second, at least 15 of pictures.
    received = [int(n) for n in re.findall(r"packets:\s+\d+\s+(\d+)", baresip.program.text())]
    assert len([n for n in received if n >= 40]) == 2, f"baresip received {received} packets: {baresip.program.text()[-1500:]}"
    return f"we saw {frames} pictures, baresip received {received} packets"


def with_linphone(test, linphone, *at, extra="", transport="", least=1.5):
    ours = test.phone("ours", f"fssipcall name=c uri=sip:lin@127.0.0.1:{linphone.port}{transport} {extra} {sound(test)}", *at)
    assert ours.wait(30) == 0, ours.text()[-1500:]
    heard, theirs = tone_seconds(test.path("ours.wav"), 440), linphone.heard(660)
    assert heard >= least and theirs >= least, f"we heard linphone for {heard:.1f} s, linphone us for {theirs:.1f} s"
    return ours, f"we heard {heard:.1f} s, linphone {theirs:.1f} s"


def test_linphone_answers_our_call(test):
    return with_linphone(test, Linphone(test, tone(test)), (4, "hangup"))[1]


def test_linphone_calls_us_over_tcp(test):
    linphone, port = Linphone(test, tone(test), transport="tcp"), free_port()
    ours = test.phone("ours", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} auto-accept=true {sound(test)}", (3, "hangup"))
    ours.wait_for("waiting")
    linphone.call(f"sip:bob@127.0.0.1:{port};transport=tcp")
    assert ours.wait(20) == 0, ours.text()[-1500:]
    heard, theirs = tone_seconds(test.path("ours.wav"), 440), linphone.heard(660)
    assert heard >= 1.5 and theirs >= 1.5, f"we heard linphone for {heard:.1f} s, linphone us for {theirs:.1f} s"
    return f"we heard {heard:.1f} s, linphone {theirs:.1f} s"


def test_linphone_calls_us_with_encryption_holds_and_sends_digits(test):
    linphone, port = Linphone(test, tone(test), encryption="srtp", sip_more="media_encryption_mandatory=1"), free_port()
    ours = test.phone("ours", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} auto-accept=true srtp=optional {sound(test)}", (2, "send-dtmf=58"), (9, "hangup"))
    ours.wait_for("waiting")
    linphone.call(f"sip:bob@127.0.0.1:{port}")
    ours.wait_for("state=established")
    time.sleep(3)
    linphone.say("7")
    time.sleep(1)
    linphone.say("pause 1")
    ours.wait_for("fssip-call-hold on-hold=True originator=remote")
    time.sleep(1)
    linphone.say("resume 1")
    ours.wait_for("fssip-call-hold on-hold=False originator=remote")
    assert ours.wait(25) == 0, ours.text()[-1500:]
    assert "fssip-call-encrypted" in ours.text(), ours.text()[-1500:]
    received = "".join(re.findall("fssip-call-dtmf digit=(.)", ours.text()))
    assert received == "7", f"we received {received!r}"
    seen = "".join(re.findall(r"Receiving (?:dtmf|tone) (.)", linphone.program.text()))
    heard = tone_seconds(test.path("ours.wav"), 440)
    assert seen == "58", f"linphone saw {seen!r}: {linphone.program.text()[-1500:]}"
    assert heard >= 3, f"we heard linphone for {heard:.1f} s"
    return f"we heard {heard:.1f} s"


def called_by_linphone(test, linphone, ours, uri, least=1.2):
    """It calls our phone, which hangs up."""
    ours.wait_for("waiting")
    linphone.call(f"{uri}")
    assert ours.wait(25) == 0, ours.text()[-1500:] + linphone.program.text()[-1500:]
    heard, theirs = tone_seconds(test.path("ours.wav"), 440), linphone.heard(660)
    assert heard >= least and theirs >= least, f"we heard linphone for {heard:.1f} s, linphone us for {theirs:.1f} s"
    return f"we heard {heard:.1f} s, linphone {theirs:.1f} s"


def test_baresip_calls_us_over_tls(test):
    """Its TLS stands at the port after that of UDP; ours at the port of local-uri."""
    folder, port = secrets(test), free_port()
    baresip = Baresip(test, "PCMU", modules=f"sip_certificate {folder}/both.pem\nsip_cafile {folder}/certificate.pem\n")
    ours = test.phone("ours", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} transport=tls certificate={folder}/both.pem auto-accept=true {sound(test)}", (2.5, "hangup"))
    ours.wait_for("waiting")
    baresip.say("dial", f"sip:bob@127.0.0.1:{port};transport=tls")
    assert ours.wait(25) == 0, ours.text()[-1500:] + baresip.program.text()[-1500:]
    return both(test, baresip, 1.2)


def test_we_call_each_other_over_tls_ws_and_wss(test):
    folder, notes = secrets(test), []
    for transport in ("tls", "ws", "wss"):
        port = free_port()
        bob = test.phone(f"bob-{transport}", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} transport={transport} certificate={folder}/certificate.pem private-key={folder}/key.pem ca-file={folder}/certificate.pem auto-accept=true {sound(test)}")
        bob.wait_for("waiting")
        alice = test.phone(f"alice-{transport}", f"fssipcall name=c uri=sip:bob@127.0.0.1:{port} transport={transport} ca-file={folder}/certificate.pem audiotestsrc is-live=true freq=440 ! c.audio_sink  c.audio_src ! audioconvert ! wavenc ! filesink location={test.path('alice.wav')}", (2, "hangup"))
        for program in (alice, bob):
            assert program.wait(25) == 0, f"{transport}: {program.text()[-1500:]}"
        heard = tone_seconds(test.path("alice.wav"), 660), tone_seconds(test.path("ours.wav"), 440)
        assert min(heard) >= 0.8, f"{transport}: heard {heard}"
        notes.append(f"{transport} {heard[0]:.1f} and {heard[1]:.1f} s")
    stranger = test.phone("stranger", f"fssipcall name=c uri=sip:bob@127.0.0.1:{port} transport=tls audiotestsrc is-live=true ! c.audio_sink")
    assert stranger.wait(25) == 1, stranger.text()[-1500:]
    return ", ".join(notes)


def test_linphone_over_tls(test):
    """It calls our listener, whose certificate it checks."""
    folder, port = secrets(test), free_port()
    linphone = Linphone(test, tone(test), transport="tls", sip_more=f"root_ca={folder}/certificate.pem")
    ours = test.phone("ours", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} transport=tls certificate={folder}/both.pem auto-accept=true {sound(test)}", (3, "hangup"))
    return called_by_linphone(test, linphone, ours, f"sip:bob@127.0.0.1:{port};transport=tls")


def test_we_hold_linphone(test):
    linphone = Linphone(test, tone(test))
    ours, note = with_linphone(test, linphone, (1, "hold"), (3, "unhold"), (5.5, "hangup"))
    assert ours.text().count("fssip-call-hold") == 2, ours.text()[-1500:]
    heard = tone_seconds(test.path("ours.wav"), 440)
    assert 2 < heard < 5, f"we heard it for {heard:.1f} s of 5.5, 2 of them on hold"
    return note


def over_a_wire(test, make, uri, it_calls=False):
    """A call over ICE from one namespace to a peer in another, or from there."""
    wire = Wire()
    try:
        peer = make(dict(ip="192.0.2.1", prefix=wire.inside(1)))
        time.sleep(1.5)
        port = free_port()
        end = f"local-uri=sip:bob@192.0.2.2:{port} auto-accept=true" if it_calls else f"uri={uri(peer)}"
        ours = test.phone("ours", f"fssipcall name=c {end} transmitter=nice {sound(test)}", (5, "hangup"), prefix=wire.inside(2))
        if it_calls:
            ours.wait_for("waiting")
            peer.call(f"sip:bob@192.0.2.2:{port}")
        assert ours.wait(30) == 0, ours.text()[-1500:]
        assert "fssip-call-ice connected=True" in ours.text(), ours.text()[-1500:]
        heard, theirs = tone_seconds(test.path("ours.wav"), 440), peer.heard(660)
        assert heard >= 2 and theirs >= 2, f"we heard the peer for {heard:.1f} s, the peer us for {theirs:.1f} s"
        return f"we heard {heard:.1f} s, the peer {theirs:.1f} s"
    finally:
        for program in test.programs:
            program.end()
        wire.close()


def test_pictures_to_and_from_linphone(test):
    """Each way round: who calls offers the pictures."""
    linphone, port, notes = Linphone(test, tone(test), pictures=True), free_port(), []
    pictures = "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! c.video_sink  c.video_src ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=320,height=240 ! filesink location="
    for name, end in (("to", f"uri=sip:lin@127.0.0.1:{linphone.port}"), ("of", f"local-uri=sip:bob@127.0.0.1:{port} auto-accept=true")):
        seen = test.path(f"{name}.rgb")
        ours = test.phone(name, f"fssipcall name=c {end} {sound(test)} {pictures}{seen}", (5, "hangup"))
        if name == "of":
            ours.wait_for("waiting")
            linphone.call(f"sip:bob@127.0.0.1:{port}")
        assert ours.wait(30) == 0, ours.text()[-1500:]
        assert "fssip-call-media codec=VP8/90000 media=video" in ours.text(), ours.text()[-1500:]
        # A still picture is sent about once a second.
        notes.append(os.path.getsize(seen) // (320 * 240 * 3))
    assert min(notes) >= 3, f"we saw {notes} pictures of linphone's"
    theirs = linphone.heard(660)
    decoded = linphone.log().count("First video frame decoded successfully")
    received = [int(n) for n in re.findall(r"VIDEO SESSION'S.*?message-received +(\d+) packets", linphone.log(), re.S)]
    assert decoded == 2 and theirs >= 3 and min(received) >= 50, f"linphone decoded {decoded} of 2 streams, received {received} packets, heard us for {theirs:.1f} s"
    return f"we saw {notes} pictures, linphone received {received} packets of ours and heard us for {theirs:.1f} s"


def baresip_with_ice(test):
    return lambda more: Baresip(test, "PCMU", account=";medianat=ice", modules="module ice.so\nmodule stun.so\n", interface="wire", **more)


def test_ice_with_baresip(test):
    return over_a_wire(test, baresip_with_ice(test), lambda peer: f"sip:alice@192.0.2.1:{peer.port}")


def test_baresip_calls_us_over_ice(test):
    return over_a_wire(test, baresip_with_ice(test), None, it_calls=True)


def test_ice_with_linphone(test):
    make = lambda more: Linphone(test, tone(test), nat="protocols=stun,ice\nstun_server=192.0.2.1:9", **more)
    return over_a_wire(test, make, lambda peer: f"sip:lin@192.0.2.1:{peer.port}")


def test_linphone_calls_us_over_ice(test):
    """It chooses the pairs, and tells them in a re-INVITE."""
    offers = []

    def make(more):
        offers.append(Linphone(test, tone(test), nat="protocols=stun,ice\nstun_server=192.0.2.1:9", **more))
        return offers[0]

    note = over_a_wire(test, make, None, it_calls=True)
    assert offers[0].log().count("a=remote-candidates:") >= 1, "there was no offer after ICE"
    return note


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
