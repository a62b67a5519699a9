#!/usr/bin/python3
"""The parameters of the built-in transmitters from Python: what set_transmitter_ht takes, what it refuses and how it says so, and that
nice finds candidates in each of its compatibility modes. EXPECT_LIBRARY names the library that is expected. Prints a line
"ok - ..." or "not ok - ..." a test.
"""
import os
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, GObject, Gst

import checks
from checks import check, host, preferred, relay

PATIENCE_SECONDS = 30
RTP, RTCP, ANY = 1, 2, 0


def on(ip, *components):
    """The parameter for local addresses."""
    return {"preferred-local-candidates": preferred([host(component, ip) for component in components])}


def texts(*values):
    return GObject.Value(GObject.TYPE_STRV, list(values))


SERVER = {"ip": "127.0.0.1", "port": 9, "username": "alice", "password": "secret"}
LOCAL = {"rawudp": (RTP, RTCP), "nice": (ANY,), "multicast": (RTP, RTCP), "shm": ()}
TAKEN = {
    "rawudp": [
        {"stun-ip": "127.0.0.1", "stun-port": 9, "stun-timeout": 1}, {"stun-servers": "127.0.0.1:9,127.0.0.1"}, {"upnp-mapping": False},
        {"upnp-discovery": False, "upnp-discovery-timeout": 1, "upnp-mapping-timeout": 60}, {"mapping-gateway": "127.0.0.1"},
        {"min-port": 20000, "max-port": 60000}, {"send-buffer-size": 100000, "receive-buffer-size": 200000}, {"symmetric-rtp": True},
        {"send-component-mux": True}, {"associate-on-source": False}, {"sending": False}],
    "nice": [
        {"stun-ip": "127.0.0.1", "stun-port": 9}, {"controlling-mode": False}, {"ice-udp": True, "ice-tcp": False}, {"reliable": True},
        {"min-port": 20000, "max-port": 60000}, {"debug": False}, {"send-component-mux": True}, {"trickle": True},
        {"consent-freshness": True}, {"relay-info": relay(SERVER)}, {"relay-info": relay({**SERVER, "relay-type": "tcp"})}],
    "multicast": [{"source-filter": texts("127.0.0.1")}, {"sending": False}],
    "shm": [{"create-local-candidates": True}, {"create-local-candidates": False}],
}
REFUSED = {
    "rawudp": [
        {"stun-ip": "server.example"}, {"stun-ip": "127.0.0.1", "stun-port": 70000}, {"stun-servers": "127.0.0.1:x"},
        {"stun-timeout": 0}, {"stun-timeout": 61}, {"mapping-gateway": "router"}, {"min-port": 70000}, {"max-port": "many"},
        {"min-port": 6000, "max-port": 5000}, {"send-buffer-size": -1}, {"receive-buffer-size": "big"}, {"symmetric-rtp": "perhaps"},
        {"no-such-thing": 1}],
    "nice": [
        {"stun-ip": "127.0.0.1", "stun-port": 65536}, {"compatibility-mode": 6}, {"ice-udp": False, "ice-tcp": False},
        {"min-port": 6000, "max-port": 5000}, {"trickle": "perhaps"}, {"relay-info": relay({"ip": "127.0.0.1"})}, {"relay-info": 7},
        {"relay-info": relay({**SERVER, "relay-type": "sctp"})}, {"no-such-thing": 1}],
    "multicast": [{"source-filter": texts("somebody")}, {"source-filter": 7}, {"no-such-thing": 1}],
    "shm": [{"create-local-candidates": "perhaps"}, {"no-such-thing": 1}],
}


class Side:
    def __init__(self):
        self.prepared, self.candidates = False, []
        self.pipeline = Gst.Pipeline()
        self.conference = Gst.ElementFactory.make("fsrtpconference")
        self.pipeline.add(self.conference)
        self.pipeline.get_bus().set_sync_handler(self.message)
        self.session = self.conference.new_session(Farstream.MediaType.AUDIO)
        self.stream = self.session.new_stream(self.conference.new_participant(), Farstream.StreamDirection.BOTH)

    def message(self, _bus, message):
        structure = message.get_structure()
        if message.type == Gst.MessageType.ELEMENT and structure.get_name() == "farstream-local-candidates-prepared":
            self.prepared = True
        elif message.type == Gst.MessageType.ELEMENT and structure.get_name() == "farstream-new-local-candidate":
            self.candidates.append(structure.get_value("candidate").component_id)
        return Gst.BusSyncReply.DROP

    def end(self):
        self.pipeline.set_state(Gst.State.NULL)
        self.stream.destroy()
        self.session.destroy()


def described(parameters):
    return ", ".join(f"{name}={value if isinstance(value, (int, str, list)) else '...'}" for name, value in parameters.items())


def take(transmitter, parameters):
    side = Side()
    local = on("127.0.0.1", *LOCAL[transmitter]) if LOCAL[transmitter] else {}
    try:
        good, text = side.stream.set_transmitter_ht(transmitter, local | parameters), ""
    except GLib.Error as error:
        good, text = False, f": {error.message}"
    check(good, f"{transmitter} takes {described(parameters)}{text}")
    side.end()


def refuse(transmitter, parameters):
    side = Side()
    try:
        side.stream.set_transmitter_ht(transmitter, parameters)
        check(False, f"{transmitter} refuses {described(parameters)}")
    except GLib.Error as error:
        named = any(name in error.message for name in parameters)
        fits = error.matches(Farstream.Error.quark(), Farstream.Error.INVALID_ARGUMENTS)
        check(named and fits and "secret" not in error.message, f"{transmitter} refuses {described(parameters)}: {error.message}")
    side.end()


def gather(mode):
    """In each mode both components have candidates, and the gathering ends."""
    side = Side()
    side.stream.set_transmitter_ht("nice", on("127.0.0.1", ANY) | {"compatibility-mode": mode})
    end = time.monotonic() + PATIENCE_SECONDS
    while not side.prepared and time.monotonic() < end:
        time.sleep(0.01)
    check(side.prepared and set(side.candidates) == {RTP, RTCP},
          f"nice in compatibility mode {mode} finds {len(side.candidates)} candidates")
    side.end()


def main():
    Gst.init(None)
    for table, act in ((TAKEN, take), (REFUSED, refuse)):
        for transmitter, cases in table.items():
            for parameters in cases:
                act(transmitter, parameters)
    for mode in range(6):
        gather(mode)
    for _ in range(5):
        # The end comes while the server's name is looked up; libnice accesses a stream that is gone then.
        take("nice", {"stun-ip": "localhost", "stun-port": 9})
    wanted = os.environ["EXPECT_LIBRARY"]
    with open("/proc/self/maps", encoding="utf-8") as maps:
        mapped = sorted({line.split()[-1] for line in maps if "/libfarstream-0.2.so" in line})
    check(mapped == [wanted], f"the library in this process is {mapped} (wanted: {wanted})")
    checks.leave()


main()
