//! PCP (RFC 6887) and NAT-PMP (RFC 6886): the same port, and an answer tells which of them a gateway speaks.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::{Gateway, other};
use crate::transmitter::rawudp::random;

const PCP: u8 = 2;
const NAT_PMP: u8 = 0;
const ANSWER: u8 = 0x80;
const ANNOUNCE: u8 = 0;
const MAP: u8 = 1;
const UDP: u8 = 17;
/// RFC 6886 section 3.1: the first wait, doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// What one mapping may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// A gateway that speaks one of the two.
#[derive(Debug)]
pub(super) struct PortControl {
    socket: UdpSocket,
    own: IpAddr,
    pcp: bool,
    nonce: [u8; 12],
}

/// Asks what the gateway speaks.
///
/// # Errors
/// Why there is no answer.
pub(super) fn search(own: IpAddr, gateway: SocketAddr, end: Instant) -> io::Result<PortControl> {
    let socket = UdpSocket::bind(SocketAddr::new(own, 0))?;
    socket.connect(gateway)?;
    let mut nonce = [0; 12];
    random(&mut nonce);
    let mut found = PortControl { socket, own, pcp: true, nonce };
    let request = pcp_request(ANNOUNCE, own, 0);
    found.pcp = found.exchange(&request, end, |answer| match *answer {
        [PCP, op, ..] if op == ANSWER | ANNOUNCE => Some(true),
        [NAT_PMP, ..] => Some(false),
        _ => None,
    })?;
    Ok(found)
}

impl PortControl {
    /// Sends until `read` takes an answer.
    fn exchange<T>(&self, request: &[u8], end: Instant, read: impl Fn(&[u8]) -> Option<T>) -> io::Result<T> {
        let mut wait = FIRST_WAIT;
        let mut answer = [0; 1100];
        loop {
            self.socket.send(request)?;
            let again = (Instant::now() + wait).min(end);
            wait *= 2;
            while let Some(left) = again.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            {
                self.socket.set_read_timeout(Some(left))?;
                match self.socket.recv(&mut answer) {
                    Ok(size) => {
                        if let Some(told) = read(answer.get(..size).unwrap_or_default()) {
                            return Ok(told);
                        }
                    }
                    Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                    Err(e) => return Err(e),
                }
            }
            if Instant::now() >= end {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    fn request(&self, port: u16, outside: u16, life: u32) -> Vec<u8> {
        if !self.pcp {
            return nat_pmp_map(port, outside, life);
        }
        let mut request = pcp_request(MAP, self.own, life);
        request.extend(self.nonce);
        request.extend([UDP, 0, 0, 0]);
        request.extend(port.to_be_bytes());
        request.extend(outside.to_be_bytes());
        request.extend(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped().octets());
        request
    }

    fn ask(&self, port: u16, outside: u16, life: u32) -> io::Result<Mapped> {
        let request = self.request(port, outside, life);
        let read =
            |answer: &[u8]| if self.pcp { pcp_map(answer, &self.nonce, port) } else { nat_pmp(answer, port) };
        self.exchange(&request, Instant::now() + PATIENCE, read)?
            .map_err(|code| other(format!("{} result {code}", if self.pcp { "PCP" } else { "NAT-PMP" })))
    }
}

impl Gateway for PortControl {
    fn map(&mut self, socket: SocketAddr, life: Duration) -> io::Result<(SocketAddr, Duration)> {
        let life = u32::try_from(life.as_secs()).unwrap_or(u32::MAX);
        let mapped = self.ask(socket.port(), socket.port(), life)?;
        let ip = match mapped.ip {
            Some(ip) => ip,
            None => self.exchange(&[NAT_PMP, 0], Instant::now() + PATIENCE, nat_pmp_address)?,
        };
        Ok((SocketAddr::new(ip, mapped.port), mapped.life))
    }

    fn unmap(&mut self, socket: SocketAddr, _outside: SocketAddr) -> io::Result<()> {
        self.ask(socket.port(), 0, 0).map(drop)
    }
}

/// What was mapped: NAT-PMP tells the address on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mapped {
    ip: Option<IpAddr>,
    port: u16,
    life: Duration,
}

/// RFC 6887 section 7.1.
fn pcp_request(op: u8, own: IpAddr, life: u32) -> Vec<u8> {
    let own: Ipv6Addr = match own {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut request = vec![PCP, op, 0, 0];
    request.extend(life.to_be_bytes());
    request.extend(own.octets());
    request
}

/// RFC 6887 sections 7.2 and 11.1: the mapping, or the result code.
fn pcp_map(answer: &[u8], nonce: &[u8; 12], port: u16) -> Option<Result<Mapped, u16>> {
    if answer.len() < 60 || answer[..2] != [PCP, ANSWER | MAP] || answer.get(24..36)? != nonce {
        return None;
    }
    if read_u16(answer, 40)? != port {
        return None;
    }
    if answer[3] != 0 {
        return Some(Err(answer[3].into()));
    }
    let ip = Ipv6Addr::from(<[u8; 16]>::try_from(answer.get(44..60)?).ok()?);
    let ip = IpAddr::from(ip).to_canonical();
    let life = Duration::from_secs(read_u32(answer, 4)?.into());
    Some(Ok(Mapped { ip: Some(ip), port: read_u16(answer, 42)?, life }))
}

/// RFC 6886 section 3.3.
fn nat_pmp_map(port: u16, outside: u16, life: u32) -> Vec<u8> {
    let mut request = vec![NAT_PMP, MAP, 0, 0];
    request.extend(port.to_be_bytes());
    request.extend(outside.to_be_bytes());
    request.extend(life.to_be_bytes());
    request
}

fn nat_pmp(answer: &[u8], port: u16) -> Option<Result<Mapped, u16>> {
    if answer.get(..2)? != [NAT_PMP, ANSWER | MAP] {
        return None;
    }
    let code = read_u16(answer, 2)?;
    if code != 0 {
        return Some(Err(code));
    }
    let life = Duration::from_secs(read_u32(answer, 12)?.into());
    let mapped = Mapped { ip: None, port: read_u16(answer, 10)?, life };
    (read_u16(answer, 8)? == port).then_some(Ok(mapped))
}

/// RFC 6886 section 3.2.
fn nat_pmp_address(answer: &[u8]) -> Option<IpAddr> {
    if answer.get(..4)? != [NAT_PMP, ANSWER, 0, 0] {
        return None;
    }
    Some(Ipv4Addr::from(read_u32(answer, 8)?).into())
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
