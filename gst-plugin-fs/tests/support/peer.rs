//! A socket of the test that plays the peer.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fs_core::prelude::*;
use fs_proto::{Candidate, CandidateType, StreamDirection};
use gst::prelude::*;

use super::{PATIENCE, Side, audio};

/// Sends PCMU packets, 20 ms each, from a socket of its own.
pub struct Peer {
    pub socket: Arc<UdpSocket>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    pub fn new() -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        Self { socket, stop: Arc::default(), thread: None }
    }

    pub fn candidate(&self, component: u32) -> Candidate {
        let port = self.socket.local_addr().unwrap().port();
        Candidate::new("L1", component, CandidateType::Host, "127.0.0.1", port)
    }

    pub fn speak(&mut self, to: SocketAddr, ssrc: u32) {
        let (socket, stop) = (self.socket.clone(), self.stop.clone());
        self.thread = Some(std::thread::spawn(move || {
            let mut sequence = 0u16;
            while !stop.load(Ordering::Relaxed) {
                let _ = socket.send_to(&rtp(0, sequence, ssrc), to);
                sequence = sequence.wrapping_add(1);
                std::thread::sleep(Duration::from_millis(20));
            }
        }));
    }

    pub fn hush(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        self.stop.store(false, Ordering::Relaxed);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.hush();
    }
}

/// A PCMU-sized packet.
pub fn rtp(pt: u8, sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, pt];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.resize(172, 0x55);
    packet
}

/// An empty receiver report, a source description with a CNAME, and perhaps a goodbye.
pub fn rtcp(ssrc: u32, cname: &str, bye: bool) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    let mut chunk = ssrc.to_be_bytes().to_vec();
    chunk.extend([1, u8::try_from(cname.len()).unwrap()]);
    chunk.extend(cname.as_bytes());
    chunk.push(0);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    packet.extend([0x81, 202]);
    packet.extend(u16::try_from(chunk.len() / 4).unwrap().to_be_bytes());
    packet.extend(chunk);
    if bye {
        packet.extend([0x81, 203, 0, 1]);
        packet.extend(ssrc.to_be_bytes());
    }
    packet
}

fn address(candidate: &Candidate) -> SocketAddr {
    SocketAddr::new(candidate.ip.parse().unwrap(), candidate.port)
}

/// A side that receives PCMU; the addresses of its RTP and its RTCP socket.
pub fn listening(no_rtcp_timeout: i32) -> (Side, SocketAddr, SocketAddr) {
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    side.session.set_property("no-rtcp-timeout", no_rtcp_timeout);
    let local = side.open();
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000), audio(8, "PCMA", 8000)]).unwrap();
    let find = |component| address(local.iter().find(|c| c.component_id == component).unwrap());
    let (rtp, rtcp) = (find(1), find(2));
    (side, rtp, rtcp)
}

/// Waits until something is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}
