//! The wire between two sides: a socket of the test that hands on what it gets, and keeps what each side sent. It may take
//! its time and lose packets.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fs_proto::{Candidate, CandidateType};

/// One component between side `a` and side `b`.
pub struct Wire {
    socket: UdpSocket,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// What `a` sent, and what `b` sent.
    seen: [Mutex<Vec<Vec<u8>>>; 2],
    stop: AtomicBool,
    /// Of a thousand packets of `a`.
    loss: AtomicU32,
    /// How many of the next packets of `a` are lost.
    drop: AtomicU32,
}

impl State {
    fn loses(&self, dice: &mut u64) -> bool {
        let dropped =
            self.drop.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        dropped || *dice % 1000 < u64::from(self.loss.load(Ordering::Relaxed))
    }
}

impl Wire {
    /// Hands on between the two addresses.
    pub fn between(a: SocketAddr, b: SocketAddr) -> Self {
        Self::slow(a, b, Duration::ZERO)
    }

    /// Hands on between the two addresses after some time.
    pub fn slow(a: SocketAddr, b: SocketAddr, delay: Duration) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wait = if delay.is_zero() { Duration::from_millis(50) } else { Duration::from_millis(1) };
        socket.set_read_timeout(Some(wait)).unwrap();
        let state = Arc::<State>::default();
        let (ours, shared) = (socket.try_clone().unwrap(), state.clone());
        let thread = std::thread::spawn(move || {
            let (mut packet, mut dice) = ([0; 2048], 0x2545_f491_4f6c_dd1d_u64);
            let mut waiting = VecDeque::<(Instant, Vec<u8>, SocketAddr)>::new();
            while !shared.stop.load(Ordering::Relaxed) {
                if let Ok((length, from)) = ours.recv_from(&mut packet) {
                    let to = if from == a { b } else { a };
                    let lost = from == a && shared.loses(&mut dice);
                    let side = usize::from(from != a);
                    shared.seen[side].lock().unwrap().push(packet[..length].to_vec());
                    if !lost {
                        waiting.push_back((Instant::now() + delay, packet[..length].to_vec(), to));
                    }
                }
                while waiting.front().is_some_and(|(due, ..)| *due <= Instant::now()) {
                    let (_, packet, to) = waiting.pop_front().unwrap();
                    let _ = ours.send_to(&packet, to);
                }
            }
        });
        Self { socket, state, thread: Some(thread) }
    }

    /// What each side takes for the other's address.
    pub fn candidate(&self, component: u32) -> Candidate {
        let port = self.socket.local_addr().unwrap().port();
        Candidate::new("L1", component, CandidateType::Host, "127.0.0.1", port)
    }

    /// What `a` has sent since the last look.
    pub fn taken_from_a(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.seen[0].lock().unwrap())
    }

    /// What `b` has sent since the last look.
    pub fn taken_from_b(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.seen[1].lock().unwrap())
    }

    /// Loses that many of a thousand packets of `a`.
    pub fn lose(&self, per_mille: u32) {
        self.state.loss.store(per_mille, Ordering::Relaxed);
    }

    /// Loses the next packets of `a`.
    pub fn drop_next(&self, packets: u32) {
        self.state.drop.store(packets, Ordering::Relaxed);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
