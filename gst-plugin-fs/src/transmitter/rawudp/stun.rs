//! STUN binding requests (RFC 8489) as a pure state machine: which address does a server see?
//!
//! Nothing here sends, waits or reads a clock. The owner calls [`Client::poll`] when [`Client::next_deadline`] has come and
//! sends what it gives, and hands received packets to [`Client::handle`]. Several servers are asked at once; the first good
//! answer counts.
//!
//! ```text
//!            poll: request                     poll: request again, 500 ms, 1 s, 2 s, ... (section 6.2.1)
//!   new ──────────────────────▶ waiting ◀─────────────┐
//!                                │ │ └────────────────┘
//!       success with an address  │ └─ error, seven requests without answer ─▶ given up
//!                                ▼     (300 Try Alternate: begins anew with the other server, once)
//!                             Answer
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

const COOKIE: u32 = 0x2112_A442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
/// Octets of a message without attributes.
pub(in crate::transmitter) const HEADER: usize = 20;

const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const ALTERNATE_SERVER: u16 = 0x8023;
const FINGERPRINT: u16 = 0x8028;
/// Comprehension-required attributes that may stand in an answer and say nothing that matters here: USERNAME,
/// MESSAGE-INTEGRITY, UNKNOWN-ATTRIBUTES, REALM, NONCE, and those of RFC 3489.
const PASSED_OVER: [u16; 10] =
    [0x0004, 0x0005, 0x0006, 0x0008, 0x000A, 0x000B, 0x0014, 0x0015, 0x001C, 0x001E];

/// Wait before the first repetition (section 6.2.1).
const FIRST_RTO: Duration = Duration::from_millis(500);
/// Requests to one server: Rc.
const MOST_REQUESTS: u32 = 7;
/// What the last request waits, in first waits: Rm.
const LAST_WAIT: u32 = 16;

/// A transaction id.
pub(in crate::transmitter) type Id = [u8; 12];

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Where the server saw the request come from.
    pub(super) mapped: SocketAddr,
    /// Who said so.
    pub(super) server: SocketAddr,
    /// From request to answer; `None` if it cannot be told which request was answered.
    pub(super) round_trip: Option<Duration>,
}

/// What a received packet meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handled {
    /// It is no answer to a request of ours.
    NotOurs,
    /// It is one, and there is nothing to tell yet.
    Taken,
    /// Now the address is known.
    Answered(Answer),
}

/// Requests to some servers about one socket.
#[derive(Debug)]
pub(super) struct Client {
    transactions: Vec<Transaction>,
    /// When to give up on all.
    end: Instant,
}

#[derive(Debug)]
struct Transaction {
    server: SocketAddr,
    id: Id,
    requests: u32,
    /// When the next request is due, or the last one has waited long enough.
    next: Instant,
    last_sent: Instant,
    /// The server was named by another one.
    redirected: bool,
}

impl Transaction {
    fn new(server: SocketAddr, id: Id, now: Instant, redirected: bool) -> Self {
        Self { server, id, requests: 0, next: now, last_sent: now, redirected }
    }
}

impl Client {
    /// Will ask these servers from `now` until `patience` is over. `random` gives the transaction ids.
    pub(super) fn new(
        servers: &[SocketAddr],
        patience: Duration,
        now: Instant,
        mut random: impl FnMut() -> Id,
    ) -> Self {
        let begin = |server: &SocketAddr| Transaction::new(*server, random(), now, false);
        Self { transactions: servers.iter().map(begin).collect(), end: now + patience }
    }

    /// Whether nothing can come any more.
    pub(super) fn is_over(&self) -> bool {
        self.transactions.is_empty()
    }

    /// When to call [`Client::poll`].
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.transactions.iter().map(|t| t.next.min(self.end)).min()
    }

    /// The requests that are due, and to whom.
    pub(super) fn poll(&mut self, now: Instant) -> Vec<(SocketAddr, [u8; HEADER])> {
        let end = self.end;
        self.transactions.retain(|t| now < end && (now < t.next || t.requests < MOST_REQUESTS));
        let due = self.transactions.iter_mut().filter(|t| t.next <= now);
        due.map(|t| {
            t.requests += 1;
            t.last_sent = now;
            let factor = if t.requests == MOST_REQUESTS { LAST_WAIT } else { 1 << (t.requests - 1) };
            t.next = now + FIRST_RTO * factor;
            (t.server, request(&t.id))
        })
        .collect()
    }

    /// Takes a packet. A server that redirects is followed once.
    pub(super) fn handle(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Instant,
        random: impl FnOnce() -> Id,
    ) -> Handled {
        let Some(message) = Message::parse(packet) else { return Handled::NotOurs };
        let same = |t: &Transaction| {
            t.id == message.id
                && t.server.ip() == from.ip()
                && t.server.port() == from.port()
                && t.requests > 0
        };
        let Some(index) = self.transactions.iter().position(same) else { return Handled::NotOurs };
        let transaction = self.transactions.swap_remove(index);
        match message.says {
            Says::Mapped(mapped) => {
                let round_trip = now.saturating_duration_since(transaction.last_sent);
                let round_trip = (transaction.requests == 1).then_some(round_trip);
                Handled::Answered(Answer { mapped, server: transaction.server, round_trip })
            }
            Says::TryAlternate(other) => {
                let known =
                    self.transactions.iter().any(|t| t.server == other) || other == transaction.server;
                if !transaction.redirected && !known && other.is_ipv4() == transaction.server.is_ipv4() {
                    self.transactions.push(Transaction::new(other, random(), now, true));
                }
                Handled::Taken
            }
            Says::Nothing => Handled::Taken,
        }
    }
}

/// A binding request without attributes.
pub(in crate::transmitter) fn request(id: &Id) -> [u8; HEADER] {
    let mut packet = [0; HEADER];
    packet[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
    packet[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    packet[8..].copy_from_slice(id);
    packet
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Mapped(SocketAddr),
    TryAlternate(SocketAddr),
    /// An error, an answer without address, or one that cannot be understood (section 6.3.3).
    Nothing,
}

/// An answer to a binding request.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    id: Id,
    says: Says,
}

impl Message {
    /// Reads an answer; `None` for whatever is none, broken ones included.
    fn parse(packet: &[u8]) -> Option<Self> {
        let kind = read_u16(packet, 0)?;
        let length = usize::from(read_u16(packet, 2)?);
        let is_answer = kind == BINDING_SUCCESS || kind == BINDING_ERROR;
        if !is_answer || packet.get(4..8)? != COOKIE.to_be_bytes() || packet.len() != HEADER + length {
            return None;
        }
        let id: Id = packet.get(8..HEADER)?.try_into().ok()?;
        let (mut plain, mut xored, mut alternate, mut code) = (None, None, None, None);
        let mut understood = true;
        let mut at = HEADER;
        while at < packet.len() {
            let (name, size) = (read_u16(packet, at)?, usize::from(read_u16(packet, at + 2)?));
            let value = packet.get(at + 4..at + 4 + size)?;
            match name {
                // The first of a kind counts (section 14).
                MAPPED_ADDRESS => plain = plain.or(address(value)),
                XOR_MAPPED_ADDRESS => xored = xored.or(address(value).map(|a| unxor(a, &id))),
                ALTERNATE_SERVER => alternate = alternate.or(address(value)),
                ERROR_CODE => code = code.or(error_code(value)),
                FINGERPRINT if value != fingerprint(&packet[..at]).to_be_bytes() => return None,
                required if required < 0x8000 && !PASSED_OVER.contains(&required) => understood = false,
                _ => {}
            }
            at += 4 + size.next_multiple_of(4);
        }
        let says = match (kind, xored.or(plain), code, alternate) {
            _ if !understood => Says::Nothing,
            (BINDING_SUCCESS, Some(mapped), ..) if mapped.port() != 0 => Says::Mapped(mapped),
            (BINDING_ERROR, _, Some(300), Some(other)) if other.port() != 0 => Says::TryAlternate(other),
            _ => Says::Nothing,
        };
        Some(Self { id, says })
    }
}

fn read_u16(packet: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?))
}

/// The value of MAPPED-ADDRESS and its relatives (section 14.1).
fn address(value: &[u8]) -> Option<SocketAddr> {
    let port = read_u16(value, 2)?;
    let ip = match (value.get(1)?, value.get(4..)?) {
        (1, v4) => IpAddr::from(<[u8; 4]>::try_from(v4).ok()?),
        (2, v6) => IpAddr::from(<[u8; 16]>::try_from(v6).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Takes back what section 14.2 does to an address.
fn unxor(address: SocketAddr, id: &Id) -> SocketAddr {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(id);
    let ip = match address.ip() {
        IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) ^ COOKIE).into(),
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) ^ u128::from_be_bytes(mask)).into(),
    };
    SocketAddr::new(ip, address.port() ^ (COOKIE >> 16) as u16)
}

fn error_code(value: &[u8]) -> Option<u16> {
    Some(u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?))
}

/// CRC-32 of ITU V.42 over what stands before the attribute, with STUN's own mask (section 14.7).
pub(in crate::transmitter) fn fingerprint(before: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in before {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc ^ 0x5354_554E
}

#[cfg(test)]
mod tests;
