#!/usr/bin/python3
"""Calls with programs of others: baresip and linphonec (sound, pictures, digits, hold, encryption, ICE), kamailio as registrar and
proxy, and sipp's built-in caller and callee (many calls).

Run inside the build's environment: meson devenv -C build /usr/bin/python3 $PWD/tests/programs/peers.py [--calls N] [word of a test's name ...]
"""
import os
import re
import sys
import time

from programs import TOP, assert_ours, free_port, run
from softphones import VIDEO, Baresip, Kamailio, Linphone, Wire, certificate
from sound import tone_seconds

CALLS = 100

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


def test_baresip_encrypts(test):
    """Its srtp-mand is RTP/SAVP, its srtp best effort on RTP/AVP; each way round."""
    notes = []
    for account, ours in (("srtp-mand", "mandatory"), ("srtp", "mandatory"), ("srtp", "optional")):
        baresip = Baresip(test, "PCMU", account=f";mediaenc={account}", modules="module srtp.so\n")
        call = to_baresip(test, baresip, (2, "hangup"), extra=f"srtp={ours}")
        assert "fssip-call-encrypted" in call.text(), call.text()[-1500:]
        notes.append(f"{account} and {ours}: {both(test, baresip, 0.8)}")
        os.rename(baresip.folder, f"{baresip.folder}-{len(notes)}")
    return "; ".join(notes)


def test_baresip_that_encrypts_calls_us(test):
    baresip, port = Baresip(test, "PCMU", account=";mediaenc=srtp-mand", modules="module srtp.so\n"), free_port()
    ours = test.phone("ours", f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} auto-accept=true srtp=mandatory {sound(test)}", (2.5, "hangup"))
    ours.wait_for("waiting")
    baresip.say("dial", f"sip:bob@127.0.0.1:{port}")
    assert ours.wait(20) == 0, ours.text()[-1500:]
    assert "cipher=AES_CM_128_HMAC_SHA1_80" in ours.text(), ours.text()[-1500:]
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


def tone(test, seconds=30, frequency=440, rate=8000):
    """A WAV file with a tone."""
    import math
    import struct
    import wave

    path = test.path("tone.wav")
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (int(12000 * math.sin(2 * math.pi * frequency * n / rate)) for n in range(seconds * rate))
        file.writeframes(b"".join(struct.pack("<h", s) for s in samples))
    return path


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


def test_linphone_encrypts(test):
    ours, note = with_linphone(test, Linphone(test, tone(test), encryption="srtp"), (4, "hangup"), extra="srtp=mandatory")
    assert "fssip-call-encrypted" in ours.text(), ours.text()[-1500:]
    return note


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


def secrets(test):
    """A folder with key.pem, certificate.pem and both.pem for 127.0.0.1."""
    folder = test.path("certificate")
    os.makedirs(folder)
    certificate(folder)
    return folder


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


def over_a_wire(test, make, uri):
    """A call over ICE from one namespace to a peer in another."""
    wire = Wire()
    try:
        peer = make(dict(ip="192.0.2.1", prefix=wire.inside(1)))
        time.sleep(1.5)
        line = f"fssipcall name=c uri={uri(peer)} transmitter=nice {sound(test)}"
        ours = test.phone("ours", line, (5, "hangup"), prefix=wire.inside(2))
        assert ours.wait(30) == 0, ours.text()[-1500:]
        assert "fssip-call-ice connected=True" in ours.text(), ours.text()[-1500:]
        heard, theirs = tone_seconds(test.path("ours.wav"), 440), peer.heard(660)
        assert heard >= 2 and theirs >= 2, f"we heard the peer for {heard:.1f} s, the peer us for {theirs:.1f} s"
        return f"we heard {heard:.1f} s, the peer {theirs:.1f} s"
    finally:
        for program in test.programs:
            program.end()
        wire.close()


def test_ice_with_baresip(test):
    make = lambda more: Baresip(test, "PCMU", account=";medianat=ice", modules="module ice.so\nmodule stun.so\n", interface="wire", **more)
    return over_a_wire(test, make, lambda peer: f"sip:alice@192.0.2.1:{peer.port}")


def test_ice_with_linphone(test):
    make = lambda more: Linphone(test, tone(test), nat="protocols=stun,ice\nstun_server=192.0.2.1:9", **more)
    return over_a_wire(test, make, lambda peer: f"sip:lin@192.0.2.1:{peer.port}")


def test_registered_at_kamailio_and_called(test):
    """Two launch users over each transport; then a wrong password, and nobody of that name."""
    kamailio, notes = Kamailio(test), []
    account = lambda user, transport: f"local-uri=sip:{user}@fs.invalid proxy={kamailio.proxy(transport)} transport={transport} ca-file={kamailio.authority} password=secret"
    for transport in ("udp", "tcp", "tls"):
        bob = test.phone(f"bob-{transport}", f"fssipcall name=c {account('bob', transport)} register=true auto-accept=true audiotestsrc is-live=true freq=660 ! c.audio_sink  c.audio_src ! audioconvert ! wavenc ! filesink location={test.path('bob.wav')}")
        bob.wait_for("fssip-call-registration .*state=registered")
        alice = test.phone(f"alice-{transport}", f"fssipcall name=c {account('alice', transport)} uri=sip:bob@fs.invalid audiotestsrc is-live=true freq=440 ! c.audio_sink  c.audio_src ! audioconvert ! wavenc ! filesink location={test.path('alice.wav')}", (2.5, "hangup"))
        for program in (alice, bob):
            assert program.wait(20) == 0, program.text()[-1500:]
        heard = tone_seconds(test.path("alice.wav"), 660), tone_seconds(test.path("bob.wav"), 440)
        assert min(heard) >= 1.2, f"{transport}: heard {heard}"
        notes.append(f"{transport} {heard[0]:.1f} and {heard[1]:.1f} s")
    wrong = test.phone("wrong", f"fssipcall name=c {account('eve', 'udp').replace('secret', 'guess')} register=true audiotestsrc is-live=true ! c.audio_sink")
    assert wrong.wait(20) == 1 and "registration failed: 401" in wrong.text(), wrong.text()[-1500:]
    nobody = test.phone("nobody", f"fssipcall name=c {account('alice', 'udp')} uri=sip:nobody@fs.invalid audiotestsrc is-live=true ! c.audio_sink")
    assert nobody.wait(20) == 1 and "404" in nobody.text(), nobody.text()[-1500:]
    for program in (wrong, nobody):
        assert "secret" not in program.text() and "guess" not in program.text(), "a password is shown"
    return ", ".join(notes)


def test_baresip_and_we_call_each_other_through_kamailio(test):
    kamailio, notes = Kamailio(test), []
    for transport in ("udp", "tcp"):
        account = f';auth_user=alice;auth_pass=secret;outbound="{kamailio.proxy(transport)};transport={transport}"'
        baresip = Baresip(test, "PCMU", account=account, aor=f"sip:alice@fs.invalid;transport={transport}")
        baresip.program.wait_for(r"\[1 binding\]")
        ours = f"fssipcall name=c local-uri=sip:bob@fs.invalid proxy={kamailio.proxy(transport)} transport={transport} password=secret {sound(test)}"
        caller = test.phone(f"caller-{transport}", ours.replace("name=c", "name=c uri=sip:alice@fs.invalid"), (2, "hangup"))
        assert caller.wait(20) == 0, caller.text()[-1500:]
        called = test.phone(f"called-{transport}", ours.replace("name=c", "name=c register=true auto-accept=true"), (2, "hangup"))
        called.wait_for("state=registered")
        baresip.say("dial", "sip:bob@fs.invalid")
        assert called.wait(20) == 0, called.text()[-1500:]
        notes.append(f"{transport}: {both(test, baresip, 0.8)}")
        os.rename(baresip.folder, f"{baresip.folder}-{transport}")
    return "; ".join(notes)


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
