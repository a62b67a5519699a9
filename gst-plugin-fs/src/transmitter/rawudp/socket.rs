//! UDP sockets: options, and many packets with one call of the system.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, SystemTime};

use socket2::{Domain, Protocol, SockAddr, Socket as System, Type};

use crate::rtp::jitter_buffer::threads::PUT_OFF;

/// How many packets one call receives.
const RECEIVED: usize = 16;
/// No UDP packet is larger.
const LARGEST: usize = 1 << 16;
/// A packet that lay longer, in a socket that nobody read from or because the clock was set, counts as this old.
const MOST_AGE: Duration = PUT_OFF.saturating_add(Duration::from_millis(50));
/// How many packets one call sends.
const SENT: usize = 64;

/// A bound socket.
#[derive(Debug)]
pub(super) struct Socket {
    system: System,
    local: SocketAddr,
    /// Bound to the wildcard address of IPv6, and IPv4 as well.
    dual: bool,
}

/// Sizes of the system's buffers in bytes; 0 leaves the system's choice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BufferSizes {
    pub(super) send: u32,
    pub(super) receive: u32,
}

impl Socket {
    /// Binds a socket; without an address to all addresses of this host, of both families where the system has both.
    ///
    /// # Errors
    /// What the system says; `AddrInUse` for a port that is taken.
    pub(super) fn bind(ip: Option<IpAddr>, port: u16) -> io::Result<Self> {
        let Some(ip) = ip else {
            return match Self::bind_to(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port), true) {
                Err(e) if e.kind() != io::ErrorKind::AddrInUse => {
                    Self::bind_to(SocketAddr::from(([0, 0, 0, 0], port)), false)
                }
                result => result,
            };
        };
        Self::bind_to(SocketAddr::new(ip, port), false)
    }

    fn bind_to(address: SocketAddr, dual: bool) -> io::Result<Self> {
        let system = System::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            system.set_only_v6(!dual)?;
        }
        system.bind(&address.into())?;
        stamp_arrivals(&system)?;
        let local = system.local_addr()?.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { system, local, dual })
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.local.port()
    }

    /// Whether it can send to addresses of that family.
    pub(super) fn reaches(&self, ip: IpAddr) -> bool {
        self.dual || self.local.is_ipv4() == ip.is_ipv4()
    }

    /// The address in the form that this socket sends to.
    pub(super) fn destination(&self, address: SocketAddr) -> SockAddr {
        match address.ip() {
            IpAddr::V4(ip) if self.local.is_ipv6() => {
                SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()).into()
            }
            _ => address.into(),
        }
    }

    /// Asks the system for a way to that address; nothing is sent.
    ///
    /// # Errors
    /// `NetworkUnreachable`, `HostUnreachable` and the like.
    pub(super) fn check_route(&self, address: SocketAddr) -> io::Result<()> {
        let probe = System::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if !self.local.ip().is_unspecified() {
            probe.bind(&SocketAddr::new(self.local.ip(), 0).into())?;
        }
        probe.connect(&address.into())
    }

    /// Type of service (RFC 2474) of what is sent, in both families where it sends in both.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn set_tos(&self, tos: u32) -> io::Result<()> {
        if self.local.is_ipv6() {
            self.system.set_tclass_v6(tos)?;
        }
        if self.local.is_ipv4() || self.dual { self.system.set_tos_v4(tos) } else { Ok(()) }
    }

    /// Sizes of the system's buffers. It may give less.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn set_buffer_sizes(&self, sizes: BufferSizes) -> io::Result<()> {
        if sizes.send > 0 {
            self.system.set_send_buffer_size(sizes.send as usize)?;
        }
        if sizes.receive > 0 {
            self.system.set_recv_buffer_size(sizes.receive as usize)?;
        }
        Ok(())
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn send(&self, packet: &[u8], to: SocketAddr) -> io::Result<()> {
        self.system.send_to(packet, &self.destination(to)).map(drop)
    }

    /// Sends one packet that consists of these parts, to an address in this socket's form.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn send_parts(&self, parts: &[IoSlice<'_>], to: &SockAddr) -> io::Result<()> {
        loop {
            match self.system.send_to_vectored(parts, to) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent.map(drop),
            }
        }
    }

    #[cfg(test)]
    pub(super) fn system(&self) -> &System {
        &self.system
    }
}

/// Has the system note when packets arrive.
fn stamp_arrivals(socket: &System) -> io::Result<()> {
    let on: libc::c_int = 1;
    let (place, size) = (std::ptr::from_ref(&on).cast(), size_of_val(&on) as libc::socklen_t);
    let (level, option) = (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS);
    // SAFETY: the number lives during the call and has the size that is told.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, place, size) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.system.as_raw_fd()
    }
}

/// A packet to be sent.
pub(super) struct Outgoing<'a> {
    pub(super) socket: &'a Socket,
    pub(super) to: &'a SockAddr,
    pub(super) parts: &'a [IoSlice<'a>],
}

/// Sends packets in their order, those that follow each other on one socket with one call. `failed` is told the index of
/// each packet that the system refused.
pub(super) fn send_all(packets: &[Outgoing<'_>], mut failed: impl FnMut(usize, io::Error)) {
    let mut done = 0;
    while let Some(first) = packets.get(done) {
        let socket = first.socket.as_raw_fd();
        let rest = packets[done..].iter().take(SENT);
        let together: Vec<libc::mmsghdr> =
            rest.take_while(|p| p.socket.as_raw_fd() == socket).map(header).collect();
        match send_together(socket, together) {
            Ok(sent) => done += sent.max(1),
            Err(error) => {
                failed(done, error);
                done += 1;
            }
        }
    }
}

fn header(packet: &Outgoing<'_>) -> libc::mmsghdr {
    // SAFETY: all zero is a valid message header without anything.
    let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
    header.msg_hdr.msg_name = packet.to.as_ptr().cast_mut().cast();
    header.msg_hdr.msg_namelen = packet.to.len();
    header.msg_hdr.msg_iov = packet.parts.as_ptr().cast_mut().cast();
    header.msg_hdr.msg_iovlen = packet.parts.len();
    header
}

fn send_together(socket: RawFd, mut headers: Vec<libc::mmsghdr>) -> io::Result<usize> {
    loop {
        let count = headers.len() as libc::c_uint;
        // SAFETY: the headers point to addresses and parts that the caller has borrowed; IoSlice is an iovec.
        let sent = unsafe { libc::sendmmsg(socket, headers.as_mut_ptr(), count, 0) };
        match usize::try_from(sent) {
            Ok(sent) => return Ok(sent),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// Room for the packets of one call.
pub(super) struct Batch {
    bytes: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    parts: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    notes: Vec<Note>,
    /// When the packets were fetched, by the clock that the notes have.
    now: Duration,
}

/// Room for what the system notes about a packet: the time of its arrival.
#[repr(C, align(8))]
#[derive(Clone)]
struct Note([u8; 64]);

/// A received packet.
pub(super) struct Incoming<'a> {
    pub(super) bytes: &'a [u8],
    /// IPv4 as IPv4.
    pub(super) from: SocketAddr,
    /// How long it lay in the socket.
    pub(super) age: Duration,
}

impl Batch {
    /// Empty room. Its memory is the system's zero page until packets come.
    pub(super) fn new() -> Self {
        let mut batch = Self {
            bytes: vec![0; RECEIVED * LARGEST],
            // SAFETY: all zero is a valid address of no family.
            names: vec![unsafe { std::mem::zeroed() }; RECEIVED],
            parts: Vec::with_capacity(RECEIVED),
            headers: Vec::with_capacity(RECEIVED),
            notes: vec![Note([0; 64]); RECEIVED],
            now: Duration::ZERO,
        };
        for (place, name) in batch.bytes.chunks_mut(LARGEST).zip(&mut batch.names) {
            batch.parts.push(libc::iovec { iov_base: place.as_mut_ptr().cast(), iov_len: place.len() });
            // SAFETY: all zero is a valid message header without anything.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
            header.msg_hdr.msg_iovlen = 1;
            batch.headers.push(header);
        }
        let places = batch.parts.iter_mut().zip(&mut batch.notes);
        for (header, (part, note)) in batch.headers.iter_mut().zip(places) {
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_control = note.0.as_mut_ptr().cast();
        }
        batch
    }

    /// Receives what is there, without waiting; answers how many packets. Fewer than [`Batch::room`] means that no more
    /// are there.
    ///
    /// # Errors
    /// What the system says; an empty socket is no error.
    pub(super) fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        for header in &mut self.headers {
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = size_of::<Note>();
        }
        let (count, flags) = (self.headers.len() as libc::c_uint, libc::MSG_DONTWAIT);
        let headers = self.headers.as_mut_ptr();
        // SAFETY: the headers point to bytes and names of this batch, which nobody else touches meanwhile.
        let got = unsafe { libc::recvmmsg(socket.as_raw_fd(), headers, count, flags, std::ptr::null_mut()) };
        self.now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        usize::try_from(got).or_else(|_| {
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            }
        })
    }

    /// One of the packets that came last.
    pub(super) fn packet(&self, index: usize) -> Option<Incoming<'_>> {
        let header = self.headers.get(index)?;
        let bytes = self.bytes.get(index * LARGEST..)?.get(..header.msg_len as usize)?;
        let age = arrival(&header.msg_hdr).map_or(Duration::ZERO, |at| self.now.saturating_sub(at));
        Some(Incoming { bytes, from: address(self.names.get(index)?)?, age: age.min(MOST_AGE) })
    }
}

/// When the system got the packet, since 1970.
fn arrival(header: &libc::msghdr) -> Option<Duration> {
    // SAFETY: the system filled in the note and its length.
    let note = unsafe { libc::CMSG_FIRSTHDR(header).as_ref() }?;
    if (note.cmsg_level, note.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
        return None;
    }
    // SAFETY: a note of this type holds a timespec; the read does not ask for alignment.
    let at = unsafe { libc::CMSG_DATA(note).cast::<libc::timespec>().read_unaligned() };
    Some(Duration::new(at.tv_sec.try_into().ok()?, at.tv_nsec.try_into().ok()?))
}

/// The address in it, IPv4 as IPv4.
fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let place = std::ptr::from_ref(name);
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: an address of this family is of this type, and the storage has room and alignment for each.
            let v4 = unsafe { &*place.cast::<libc::sockaddr_in>() };
            let ip = IpAddr::from(u32::from_be(v4.sin_addr.s_addr).to_be_bytes());
            Some(SocketAddr::new(ip, u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*place.cast::<libc::sockaddr_in6>() };
            let (ip, port) = (Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port));
            Some(match ip.to_ipv4_mapped() {
                Some(v4) => SocketAddr::new(v4.into(), port),
                None => std::net::SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id).into(),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> Socket {
        Socket::bind(Some(IpAddr::from([127, 0, 0, 1])), 0).unwrap()
    }

    fn received(socket: &Socket, batch: &mut Batch, wanted: usize) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut all = Vec::new();
        while all.len() < wanted {
            let got = batch.receive(socket).unwrap();
            all.extend((0..got).filter_map(|i| batch.packet(i)).map(|p| (p.bytes.to_vec(), p.from)));
        }
        all
    }

    #[test]
    fn many_packets_go_and_come_in_their_order() {
        let (a, b) = (loopback(), loopback());
        let to = a.destination(b.local);
        let packets: Vec<Vec<u8>> = (0..100u8).map(|i| vec![i; usize::from(i) + 1]).collect();
        let halves: Vec<[IoSlice<'_>; 2]> =
            packets.iter().map(|p| p.split_at(p.len() / 2)).map(|(x, y)| [x, y].map(IoSlice::new)).collect();
        let out: Vec<Outgoing<'_>> =
            halves.iter().map(|parts| Outgoing { socket: &a, to: &to, parts }).collect();
        send_all(&out, |i, e| panic!("packet {i}: {e}"));
        let got = received(&b, &mut Batch::new(), packets.len());
        assert!(got.iter().all(|(_, from)| *from == a.local));
        assert_eq!(got.into_iter().map(|(bytes, _)| bytes).collect::<Vec<_>>(), packets);
    }

    #[test]
    fn the_age_of_a_packet_is_known() {
        let (a, b) = (loopback(), loopback());
        let mut batch = Batch::new();
        // The system begins to note a little after it was asked to.
        let noted = (0..100).any(|_| {
            a.send(b"x", b.local).unwrap();
            std::thread::sleep(Duration::from_millis(20));
            assert_eq!(batch.receive(&b).unwrap(), 1);
            (Duration::from_millis(20)..=MOST_AGE).contains(&batch.packet(0).unwrap().age)
        });
        assert!(noted);
    }

    #[test]
    fn a_refused_packet_does_not_hold_up_the_others() {
        let (a, b) = (loopback(), loopback());
        let (good, none) = (a.destination(b.local), SocketAddr::from(([192, 0, 2, 1], 9)).into());
        let part = [IoSlice::new(b"x")];
        let out: Vec<Outgoing<'_>> =
            [&good, &none, &good].map(|to| Outgoing { socket: &a, to, parts: &part }).into();
        let mut refused = Vec::new();
        send_all(&out, |i, _| refused.push(i));
        assert_eq!(refused, [1], "from the loopback nothing goes to the world");
        assert_eq!(received(&b, &mut Batch::new(), 2).len(), 2);
    }

    #[test]
    fn the_wildcard_takes_both_families() {
        let any = Socket::bind(None, 0).unwrap();
        let mut batch = Batch::new();
        let families: &[&str] = if any.dual { &["127.0.0.1", "::1"] } else { &["127.0.0.1"] };
        for ip in families {
            let ip: IpAddr = ip.parse().unwrap();
            let peer = Socket::bind(Some(ip), 0).unwrap();
            assert!(any.reaches(ip));
            peer.send(b"in", SocketAddr::new(ip, any.port())).unwrap();
            assert_eq!(received(&any, &mut batch, 1), [(b"in".to_vec(), peer.local)]);
            any.send(b"out", peer.local).unwrap();
            assert_eq!(received(&peer, &mut batch, 1), [(b"out".to_vec(), SocketAddr::new(ip, any.port()))]);
        }
    }

    #[test]
    fn a_taken_port_is_in_use_for_the_wildcard_too() {
        let taken = loopback();
        let error = Socket::bind(None, taken.port()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
