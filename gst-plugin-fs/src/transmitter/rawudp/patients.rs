//! Sockets whose packets all go to jitter buffers with time to spare. Where the loop has much to do, it does not wait for them,
//! but looks at all of them together every [`PUT_OFF`]: a round that comes with each packet costs as much as the packet.

use std::sync::{Arc, Weak};
use std::time::Instant;

use super::io::{Entry, Inner};
use super::lock;
use super::pace::Load;
use super::socket::Batch;
use crate::rtp::jitter_buffer::threads::{self, PUT_OFF};

/// Those of a loop; its thread alone knows them.
pub(super) struct Patients {
    /// With their tokens. Nobody's socket stays open for this.
    list: Vec<(u64, Weak<Entry>)>,
    next_look: Option<Instant>,
    /// Of all sockets, since they were counted last.
    packets: usize,
    load: Load,
}

impl Patients {
    /// None yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { list: Vec::new(), next_look: None, packets: 0, load: Load::of_packets(now) }
    }

    /// When they are to be looked at.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// Whether they are to be looked at now.
    pub(super) fn is_turn(&self, now: Instant) -> bool {
        self.next_look.is_some_and(|look| look <= now)
    }

    /// Has the packets of a socket read, and says whether its next can wait.
    pub(super) fn read(&mut self, entry: &Entry, batch: &mut Batch) -> bool {
        let before = threads::packets_that_can_wait();
        let Some(found) = entry.run(|handler| handler.readable(batch)) else { return false };
        let can_wait = threads::packets_that_can_wait().wrapping_sub(before);
        self.packets += found.packets;
        lock(&entry.patience).note(found, can_wait)
    }

    /// One more, if there is much to do.
    pub(super) fn take_in(&mut self, home: &Inner, entry: &Arc<Entry>) {
        let is_new = || self.list.iter().all(|(token, _)| *token != entry.token);
        if self.load.high && entry.arm(home, false) && is_new() {
            self.list.push((entry.token, Arc::downgrade(entry)));
        }
    }

    /// Looks at all of them. One whose next packet cannot wait is not among them any more. True if there is none such.
    pub(super) fn look(&mut self, home: &Inner, batch: &mut Batch) -> bool {
        self.next_look = Some(Instant::now() + PUT_OFF);
        let mut list = std::mem::take(&mut self.list);
        let before = list.len();
        list.retain(|(_, entry)| {
            let Some(entry) = entry.upgrade() else { return false };
            let stays = self.read(&entry, batch);
            if !stays {
                entry.arm(home, true);
            }
            stays
        });
        self.list = list;
        self.list.len() == before
    }

    /// Counts what came in a round. There are none any more where little comes.
    pub(super) fn count(&mut self, home: &Inner, now: Instant) {
        let packets = std::mem::take(&mut self.packets);
        if !self.load.is_high(packets, now) {
            for entry in self.list.drain(..).filter_map(|(_, entry)| entry.upgrade()) {
                entry.arm(home, true);
            }
        }
        if self.list.is_empty() {
            self.next_look = None;
        } else {
            self.next_look.get_or_insert(now + PUT_OFF);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    use super::super::io::{Handler, Loop, Reason, Registration};
    use super::super::pace::Found;
    use super::*;

    /// A hang is what it detects.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Reads what is there, for somebody with time or without.
    struct Reader {
        socket: UdpSocket,
        has_time: AtomicBool,
        packets: AtomicUsize,
    }

    impl Handler for Reader {
        fn readable(&self, _batch: &mut Batch) -> Found {
            let mut found = Found::default();
            while self.socket.recv(&mut [0; 9]).is_ok() {
                found.packets += 1;
                if self.has_time.load(Ordering::Relaxed) {
                    threads::count_packet_that_can_wait();
                }
            }
            self.packets.fetch_add(found.packets, Ordering::Relaxed);
            found
        }

        fn due(&self, _now: Instant) -> Option<Instant> {
            None
        }
    }

    fn reader(home: &Arc<Loop>) -> (Arc<Reader>, Registration) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let (has_time, packets) = (AtomicBool::new(true), AtomicUsize::new(0));
        let reader = Arc::new(Reader { socket, has_time, packets });
        let registration = home.register(&reader.socket, reader.clone());
        registration.read(Reason::Media, true);
        (reader, registration)
    }

    /// Sends 800 packets a second until `met`; says how many to each.
    fn feed(readers: &[(Arc<Reader>, Registration)], met: impl Fn() -> bool) -> usize {
        let (end, mut count) = (Instant::now() + PATIENCE, 0);
        while !met() {
            assert!(Instant::now() < end);
            for (reader, _) in readers {
                reader.socket.send_to(b"x", reader.socket.local_addr().unwrap()).unwrap();
            }
            count += 1;
            std::thread::sleep(Duration::from_millis(10));
        }
        count
    }

    fn wait(met: impl Fn() -> bool) {
        feed(&[], met);
    }

    #[test]
    fn sockets_are_left_alone_while_there_is_much_to_do_and_their_packets_can_wait() {
        let home = Loop::start().unwrap();
        let mut readers: Vec<_> = (0..8).map(|_| reader(&home)).collect();
        let waited_for = |(reader, _): &(Arc<Reader>, Registration)| home.waits_for(&reader.socket).unwrap();
        assert!(readers.iter().all(waited_for));
        let mut sent = feed(&readers, || !readers.iter().any(waited_for));
        readers[0].0.has_time.store(false, Ordering::Relaxed);
        let (settled, rounds) = (AtomicUsize::new(0), AtomicUsize::new(0));
        // A look that began before may still have it left alone once more.
        sent += feed(&readers, || {
            let row = if waited_for(&readers[0]) { settled.load(Ordering::Relaxed) + 1 } else { 0 };
            settled.store(row, Ordering::Relaxed);
            row == 5
        });
        sent += feed(&readers, || {
            assert!(waited_for(&readers[0]));
            rounds.fetch_add(1, Ordering::Relaxed) == 30
        });
        wait(|| readers.iter().all(waited_for));
        wait(|| readers.iter().all(|(reader, _)| reader.packets.load(Ordering::Relaxed) == sent));
        readers[0].0.has_time.store(true, Ordering::Relaxed);
        feed(&readers, || !readers.iter().any(waited_for));
        for (reader, registration) in readers.drain(..) {
            registration.end();
            assert_eq!(home.waits_for(&reader.socket), None);
            drop(registration);
            wait(|| Arc::strong_count(&reader) == 1);
        }
    }
}
