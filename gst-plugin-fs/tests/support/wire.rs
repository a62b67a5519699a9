//! The wire between two sides: a socket of the test that hands on what it gets, and keeps what one side sent.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fs_proto::{Candidate, CandidateType};

/// One component between side `a` and side `b`.
pub struct Wire {
    socket: UdpSocket,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Hands on between the two addresses.
    pub fn between(a: SocketAddr, b: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let (seen, stop) = (Arc::<Mutex<Vec<Vec<u8>>>>::default(), Arc::<AtomicBool>::default());
        let (ours, copies, ended) = (socket.try_clone().unwrap(), seen.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut packet = [0; 2048];
            while !ended.load(Ordering::Relaxed) {
                let Ok((length, from)) = ours.recv_from(&mut packet) else { continue };
                let to = if from == a { b } else { a };
                if from == a {
                    copies.lock().unwrap().push(packet[..length].to_vec());
                }
                let _ = ours.send_to(&packet[..length], to);
            }
        });
        Self { socket, seen, stop, thread: Some(thread) }
    }

    /// What each side takes for the other's address.
    pub fn candidate(&self, component: u32) -> Candidate {
        let port = self.socket.local_addr().unwrap().port();
        Candidate::new("L1", component, CandidateType::Host, "127.0.0.1", port)
    }

    /// What `a` has sent since the last look.
    pub fn taken_from_a(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
