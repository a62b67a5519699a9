"""Encryption with keys in the session descriptions (SDES), mandatory and optional on either side, both ways, with baresip and
linphonec. Run by peers.py."""
import os

from programs import free_port
from softphones import Baresip, Linphone
from sound import tone_seconds
from talk import sound, tone

POLICIES = ("mandatory", "optional", "none")


def we_call(test, name, uri, policy):
    return test.phone(name, f"fssipcall name=c uri={uri} srtp={policy} {sound(test)}", (1.7, "hangup"))


def it_calls(test, name, dial, policy):
    port = free_port()
    ours = test.phone(name, f"fssipcall name=c local-uri=sip:bob@127.0.0.1:{port} auto-accept=true srtp={policy} {sound(test)}", (1.7, "hangup"))
    ours.wait_for("waiting")
    dial(f"sip:bob@127.0.0.1:{port}")
    return ours


def talk(test, ours, what, encrypted):
    """The call goes well, encrypted or not; what we heard."""
    assert ours.wait(25) == 0, f"{what}: {ours.text()[-1500:]}"
    assert ("fssip-call-encrypted" in ours.text()) == encrypted, f"{what}: {ours.text()[-1500:]}"
    heard = tone_seconds(test.path("ours.wav"), 440)
    assert heard >= 0.7, f"{what}: we heard it for {heard:.1f} s"
    return f"{what} {heard:.1f} s"


def each_way(test, must, best_effort, name, uri, dial):
    """All of our policies with a peer that must encrypt, or may; a peer that must takes no offer that leaves it the choice, and one
    without `best_effort` takes no keys on RTP/AVP. What was heard in each call."""
    notes = []
    for policy in POLICIES:
        what, encrypted = f"{name}-{policy}", policy != "none"
        if must and policy != "mandatory":
            refused = we_call(test, f"to-{what}", uri, policy)
            assert refused.wait(20) == 1 and "status=488" in refused.text(), f"{what}: {refused.text()[-1500:]}"
        else:
            notes.append(talk(test, we_call(test, f"to-{what}", uri, policy), f"to {what}", encrypted and (best_effort or policy == "mandatory")))
        if encrypted or not must:
            notes.append(talk(test, it_calls(test, f"of-{what}", dial, policy), f"of {what}", encrypted))
    return notes


def test_baresip_encrypts(test):
    """Its srtp-mand is RTP/SAVP, its srtp best effort on RTP/AVP."""
    notes = []
    for account in ("srtp-mand", "srtp"):
        baresip = Baresip(test, "PCMU", account=f";mediaenc={account}", modules="module srtp.so\n")
        calls = each_way(test, account == "srtp-mand", True, account, f"sip:alice@127.0.0.1:{baresip.port}", lambda at: baresip.say("dial", at))
        theirs = baresip.each_heard(660)
        assert len(theirs) == len(calls) and min(theirs) >= 0.7, f"{account}: baresip heard {theirs} in {calls}"
        os.rename(baresip.folder, f"{baresip.folder}-{account}")
        notes += calls
    return ", ".join(notes)


def test_linphone_encrypts(test):
    """It offers RTP/SAVP whether it must or may."""
    notes = []
    for must in (1, 0):
        linphone = Linphone(test, tone(test), encryption="srtp", sip_more=f"media_encryption_mandatory={must}")
        calls = each_way(test, must, False, "must" if must else "may", f"sip:lin@127.0.0.1:{linphone.port}", linphone.call)
        theirs = linphone.heard(660)
        # It records all calls into one file.
        assert theirs >= 0.7 * len(calls), f"linphone heard us for {theirs:.1f} s in {calls}"
        for place in (linphone.folder, linphone.record):
            os.rename(place, f"{place}-{must}")
        notes += calls
    return ", ".join(notes)
