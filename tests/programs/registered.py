"""Calls through kamailio as registrar and proxy, over each transport that the phones have: two of ours, baresip, linphonec. Run by
peers.py."""
import os

from softphones import Baresip, Kamailio, Linphone
from sound import tone_seconds
from talk import both, sound, tone

TRANSPORTS = ("udp", "tcp", "tls")


def account(kamailio, user, transport):
    """The properties of a user of the registrar."""
    return f"local-uri=sip:{user}@fs.invalid proxy={kamailio.proxy(transport)} transport={transport} ca-file={kamailio.authority} password=secret"


def test_registered_at_kamailio_and_called(test):
    """Two launch users over each transport; then a wrong password, and nobody of that name."""
    kamailio, notes = Kamailio(test), []
    for transport in TRANSPORTS:
        bob = test.phone(f"bob-{transport}", f"fssipcall name=c {account(kamailio, 'bob', transport)} register=true auto-accept=true {sound(test, 660, 'bob.wav')}")
        bob.wait_for("fssip-call-registration .*state=registered")
        alice = test.phone(f"alice-{transport}", f"fssipcall name=c {account(kamailio, 'alice', transport)} uri=sip:bob@fs.invalid {sound(test, 440, 'alice.wav')}", (2.5, "hangup"))
        for program in (alice, bob):
            assert program.wait(20) == 0, program.text()[-1500:]
        heard = tone_seconds(test.path("alice.wav"), 660), tone_seconds(test.path("bob.wav"), 440)
        assert min(heard) >= 1.2, f"{transport}: heard {heard}"
        notes.append(f"{transport} {heard[0]:.1f} and {heard[1]:.1f} s")
    eve, alice = account(kamailio, "eve", "udp").replace("secret", "guess"), account(kamailio, "alice", "udp")
    wrong = test.phone("wrong", f"fssipcall name=c {eve} register=true audiotestsrc is-live=true ! c.audio_sink")
    assert wrong.wait(20) == 1 and "registration failed: 401" in wrong.text(), wrong.text()[-1500:]
    nobody = test.phone("nobody", f"fssipcall name=c {alice} uri=sip:nobody@fs.invalid audiotestsrc is-live=true ! c.audio_sink")
    assert nobody.wait(20) == 1 and "404" in nobody.text(), nobody.text()[-1500:]
    for program in (wrong, nobody):
        assert "secret" not in program.text() and "guess" not in program.text(), "a password is shown"
    return ", ".join(notes)


def test_another_name_and_a_registrar_without_proxy(test):
    """The password belongs to auth-user, which is not the user of local-uri; the registrar alone is named, and one of its users
    calls the other there."""
    kamailio = Kamailio(test)
    at = f"127.0.0.1:{kamailio.port}"
    bob = test.phone("bob", f"fssipcall name=c local-uri=sip:bob@fs.invalid registrar={at} auth-user=robert password=secret register=true auto-accept=true {sound(test, 660, 'bob.wav')}")
    bob.wait_for("fssip-call-registration .*state=registered")
    alice = test.phone("alice", f"fssipcall name=c local-uri=sip:alice@fs.invalid auth-user=alicia password=secret proxy={at} uri=sip:bob@fs.invalid {sound(test, 440, 'alice.wav')}", (2, "hangup"))
    for program in (alice, bob):
        assert program.wait(20) == 0, program.text()[-1500:]
    heard = tone_seconds(test.path("alice.wav"), 660), tone_seconds(test.path("bob.wav"), 440)
    assert min(heard) >= 0.8, f"heard {heard}"
    return f"heard {heard[0]:.1f} and {heard[1]:.1f} s"


def call_each_other(test, kamailio, transport, user, dial):
    """We call the user, then the user calls us; how many seconds we heard of each call."""
    ours, heard = f"fssipcall name=c {account(kamailio, 'bob', transport)} {sound(test)}", []
    caller = test.phone(f"caller-{transport}", ours.replace("name=c", f"name=c uri=sip:{user}@fs.invalid"), (2, "hangup"))
    assert caller.wait(30) == 0, f"{transport}: {caller.text()[-1500:]}"
    heard.append(tone_seconds(test.path("ours.wav"), 440))
    called = test.phone(f"called-{transport}", ours.replace("name=c", "name=c register=true auto-accept=true"), (2, "hangup"))
    called.wait_for("state=registered")
    dial("sip:bob@fs.invalid")
    assert called.wait(30) == 0, f"{transport}: {called.text()[-1500:]}"
    heard.append(tone_seconds(test.path("ours.wav"), 440))
    assert min(heard) >= 0.8, f"{transport}: we heard {heard}"
    return heard


def test_baresip_and_we_call_each_other_through_kamailio(test):
    kamailio, notes = Kamailio(test), []
    for transport in TRANSPORTS:
        way = f';auth_user=alice;auth_pass=secret;outbound="{kamailio.proxy(transport)};transport={transport}"'
        baresip = Baresip(test, "PCMU", account=way, modules=f"sip_certificate {kamailio.folder}/both.pem\nsip_cafile {kamailio.authority}\n", aor=f"sip:alice@fs.invalid;transport={transport}")
        baresip.program.wait_for(r"200 OK .*binding")
        call_each_other(test, kamailio, transport, "alice", lambda uri: baresip.say("dial", uri))
        notes.append(f"{transport}: {both(test, baresip, 0.8)}")
        os.rename(baresip.folder, f"{baresip.folder}-{transport}")
    return "; ".join(notes)


def test_linphone_and_we_call_each_other_through_kamailio(test):
    kamailio, notes = Kamailio(test), []
    for transport in TRANSPORTS:
        linphone = Linphone(test, tone(test), transport=transport, sip_more=f"root_ca={kamailio.authority}", registrar=f"{kamailio.proxy(transport)};transport={transport}")
        linphone.wait_for("LinphoneRegistrationOk")
        heard = call_each_other(test, kamailio, transport, "lin", linphone.call)
        theirs = linphone.heard(660)
        # It records both calls into one file.
        assert theirs >= 1.6, f"{transport}: linphone heard us for {theirs:.1f} s"
        notes.append(f"{transport}: we heard {heard[0]:.1f} and {heard[1]:.1f} s, linphone {theirs:.1f} s")
        for place in (linphone.folder, linphone.record):
            os.rename(place, f"{place}-{transport}")
    return "; ".join(notes)
