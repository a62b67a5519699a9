#!/usr/bin/python3
"""A peer that is no conference but a pair of sockets: whose SSRC is whose, sources that change in the call, say goodbye, flood or send
nonsense, and the type of service of what comes from us. Each is measured by what is heard. Prints a line "ok - ..." or "not ok - ..."
a test; the environment is that of call.py.
"""

import math
import socket
import struct
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, Gst

import call
import checks
from calls import Party
from checks import RATE, check, host
from session import hears, silent, until

PACKET = RATE // 50
PCMU, OTHER_PCMU = 0, 100
TONE, OTHER_TONE = 440, 880
FLOOD = 3000
TOS = 0xb8


def mu_law(sample):
    """ITU-T G.711."""
    sign, size = (0x80 if sample < 0 else 0), min(abs(sample), 32635) + 132
    exponent = size.bit_length() - 8
    return ~(sign | exponent << 4 | size >> exponent + 3 & 0x0f) & 0xff


def rtp(ssrc, number, payload_type, tone=TONE):
    first = number * PACKET
    sound = bytes(mu_law(int(12000 * math.sin(2 * math.pi * tone * (first + n) / RATE))) for n in range(PACKET))
    return struct.pack("!BBHII", 0x80, payload_type, number & 0xffff, first & 0xffffffff, ssrc) + sound


def report(ssrc, name, leaves=False):
    """An empty receiver report, a CNAME and perhaps a goodbye (RFC 3550 section 6)."""
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name.encode() + b"\0"
    chunk += b"\0" * (-len(chunk) % 4)
    packet = struct.pack("!BBHI", 0x80, 201, 1, ssrc) + struct.pack("!BBH", 0x81, 202, len(chunk) // 4) + chunk
    return packet + (struct.pack("!BBHI", 0x81, 203, 1, ssrc) if leaves else b"")


class Peer:
    """Sockets for RTP and RTCP."""

    def __init__(self):
        self.sockets, self.thread, self.talking, self.number = {}, None, False, 0
        for component in (1, 2):
            self.sockets[component] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sockets[component].bind(("127.0.0.1", 0))
        self.to = {}

    def candidates(self):
        return [host(component, "127.0.0.1", one.getsockname()[1], "L1") for component, one in self.sockets.items()]

    def send(self, packet, component=1):
        self.sockets[component].sendto(packet, self.to[component])

    def speak(self, ssrc, payload_type=PCMU, tone=TONE):
        """From now on, instead of what it said before."""
        self.hush()
        self.talking = True
        self.thread = threading.Thread(target=self.talk, args=(ssrc, payload_type, tone))
        self.thread.start()

    def talk(self, ssrc, payload_type, tone):
        due = time.monotonic()
        while self.talking:
            self.send(rtp(ssrc, self.number, payload_type, tone))
            self.number += 1
            due += 0.02
            time.sleep(max(0, due - time.monotonic()))

    def hush(self):
        self.talking = False
        if self.thread:
            self.thread.join()
            self.thread = None

    def end(self):
        self.hush()
        for one in self.sockets.values():
            one.close()


def pcmu(number):
    return Farstream.Codec.new(number, "PCMU", Farstream.MediaType.AUDIO, RATE)


def begin(streams=1):
    """Bob with so many streams, and a peer for each."""
    bob = Party("bob", 660)
    bob.session.set_codec_preferences([pcmu(Farstream.CODEC_ID_ANY)])
    peers = []
    for _ in range(streams):
        leg, peer = bob.leg(TONE), Peer()
        leg.open(2)
        peer.to = {component: (candidate.ip, candidate.port) for component, candidate in leg.candidates.items()}
        leg.stream.set_remote_codecs([pcmu(PCMU)])
        peers.append((leg, peer))
    bob.pipeline.set_state(Gst.State.PLAYING)
    return bob, peers


def ssrcs(bob):
    return sorted(int(pad.get_name().split("_")[2]) for pad in bob.conference.srcpads)


def end(bob, peers):
    for _, peer in peers:
        peer.end()
    bob.end()


def check_whose():
    """By the address, by an SSRC that was named, by the CNAME; with two streams nothing else tells."""
    bob, peers = begin(2)
    (first, one), (second, two) = peers
    bob.session.props.no_rtcp_timeout = 0
    stranger = Peer()
    stranger.to = one.to
    first.stream.force_remote_candidates(one.candidates())
    second.stream.force_remote_candidates(two.candidates())
    one.speak(1)
    hears(first, "by the address of its packets")
    stranger.speak(77)
    silent(second, "of a stranger")
    second.stream.add_id(77)
    hears(second, "of the SSRC that was named")
    stranger.hush()
    second.stream.props.participant.props.cname = "carol@example.org"
    stranger.speak(88)
    silent(second, "of another SSRC")
    stranger.to = {1: one.to[1], 2: one.to[2]}
    stranger.send(report(88, "carol@example.org"), 2)
    hears(second, "of the CNAME of its participant")
    check(ssrcs(bob)[0] == 1 and 88 in ssrcs(bob), f"the pads are those of {ssrcs(bob)}")
    stranger.end()
    end(bob, peers)


def check_changes():
    """Another SSRC, another payload type, other sequence numbers, a goodbye and a return."""
    bob, peers = begin()
    (leg, peer), = peers
    leg.stream.force_remote_candidates(peer.candidates())
    peer.speak(1)
    hears(leg, "at first")
    peer.speak(2)
    hears(leg, "from another SSRC")
    until("one pad is left", lambda: ssrcs(bob) == [2])
    peer.number += 20000
    peer.speak(2)
    hears(leg, "with other sequence numbers")
    leg.stream.set_remote_codecs([pcmu(OTHER_PCMU)])
    peer.speak(2, OTHER_PCMU)
    hears(leg, "with another payload type")
    until("one pad is left, that of the payload type", lambda: [pad.get_name() for pad in bob.conference.srcpads] == [f"src_1_2_{OTHER_PCMU}"])
    peer.hush()
    peer.send(report(2, "alice@example.org", True), 2)
    until("a goodbye removes the pad", lambda: not bob.conference.srcpads)
    peer.speak(2, OTHER_PCMU)
    hears(leg, "after a return")
    end(bob, peers)


def check_floods():
    """SSRCs without end, and then a new one that means it."""
    bob, peers = begin()
    (leg, peer), = peers
    bob.session.props.no_rtcp_timeout = -1
    leg.stream.force_remote_candidates(peer.candidates())
    peer.speak(1)
    hears(leg, "before the flood")
    stranger = Peer()
    stranger.to = peer.to
    for number in range(FLOOD):
        stranger.send(rtp(0x40000000 + number, 1, PCMU))
        stranger.send(report(0x50000000 + number, f"{number}@example.org"), 2)
        if number % 20 == 0:
            time.sleep(0.001)
    hears(leg, "after the flood")
    sources = bob.session.props.internal_session.props.num_sources
    check(sources < 1000, f"{sources} sources are kept of {2 * FLOOD}")
    peer.speak(2)
    hears(leg, "from an SSRC that is new after the flood")
    for length in range(0, 40):
        for first in (0x00, 0x80, 0x8f, 0xa0, 0xbf):
            for component in (1, 2):
                stranger.send(bytes([first, 200 + length % 8, 0xff, 0xff] + [0xaa] * 40)[:length] or b"\0", component)
    hears(leg, "after packets that are none")
    stranger.end()
    end(bob, peers)


def check_type_of_service():
    bob, peers = begin()
    (leg, peer), = peers
    bob.session.props.tos = TOS
    for one in peer.sockets.values():
        one.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        one.settimeout(20)
    leg.stream.force_remote_candidates(peer.candidates())
    for component, one in peer.sockets.items():
        _, ancillary, _, _ = one.recvmsg(2048, 64)
        seen = [data[0] for level, kind, data in ancillary if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS)]
        check(seen == [TOS], f"component {component}: packets carry the type of service: {seen}")
    end(bob, peers)


if __name__ == "__main__":
    Gst.init(None)
    call.check_loaded()
    check_whose()
    check_changes()
    check_floods()
    check_type_of_service()
    checks.leave()
