//! The socket loop: one thread waits for all sockets given to it, instead of a thread for each socket.
//!
//! Transmitters whose packets go to a session of RTP share the loop of the process ([`Loop::shared`]): behind them stand
//! jitter buffers, which never block. Where an application may block the data flow, a transmitter has a loop of its
//! own. The thread ends with the last [`Registration`].

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use super::pace::{Found, Load, Patience, ROUND};
use super::patients::Patients;
use super::socket::Batch;
use super::{CAT, lock};
use crate::rtp::jitter_buffer::threads::Round;
use crate::transmitter::inlet::Feed;

/// The loop's own event: a change of plans.
const WAKE: u64 = 0;

/// How many sockets are looked at before deadlines are.
const EVENTS: usize = 64;

/// The name of the thread, at most 15 characters.
const THREAD: &str = "fs-rawudp";

/// What is called in the loop's thread.
pub(super) trait Handler: Send + Sync {
    /// Packets wait in the socket, or it is looked at without anybody knowing that. Says what was there.
    fn readable(&self, batch: &mut Batch) -> Found;

    /// The time of [`Registration::wake_at`] has come; answers when to be called again.
    fn due(&self, now: Instant) -> Option<Instant>;
}

/// A thread and the sockets that it waits for.
pub(super) struct Loop {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the loop's thread has of it.
pub(super) struct Inner {
    epoll: OwnedFd,
    wake: OwnedFd,
    entries: Mutex<Entries>,
    /// A deadline is another than when they were looked at last, so most rounds need not look at them.
    deadlines_changed: AtomicBool,
    stopped: AtomicBool,
    thread: OnceLock<ThreadId>,
}

#[derive(Default)]
struct Entries {
    last_token: u64,
    by_token: HashMap<u64, Arc<Entry>>,
}

/// A socket of the loop.
pub(super) struct Entry {
    pub(super) token: u64,
    socket: RawFd,
    handler: Arc<dyn Handler>,
    reading: Mutex<Reasons>,
    /// Written by the loop's thread.
    pub(super) patience: Mutex<Patience>,
    due: Mutex<Option<Instant>>,
    /// Whether the handler may still be called.
    wanted: AtomicBool,
    /// Held while the handler runs.
    running: Mutex<()>,
}

/// A socket's place in a loop; the handler is not called any more once this is gone.
pub(super) struct Registration {
    home: Arc<Loop>,
    entry: Arc<Entry>,
}

/// Why a socket is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// An element takes its packets.
    Media,
    /// A server was asked something.
    Answer,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reasons {
    media: bool,
    answer: bool,
}

impl Reasons {
    fn any(self) -> bool {
        self.media || self.answer
    }
}

impl Loop {
    /// The loop of this process, started if there is none.
    ///
    /// # Errors
    /// What the system says about epoll, eventfd or threads.
    pub(super) fn shared() -> io::Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Loop>> = Mutex::new(Weak::new());
        let mut shared = lock(&SHARED);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Self::start()?;
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// A loop with a thread of its own.
    ///
    /// # Errors
    /// As [`Loop::shared`].
    pub(super) fn start() -> io::Result<Arc<Self>> {
        // SAFETY: the call takes no pointers; a descriptor it gives is nobody else's.
        let epoll = unsafe { owned(libc::epoll_create1(libc::EPOLL_CLOEXEC)) }?;
        // SAFETY: as above.
        let wake = unsafe { owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) }?;
        let inner = Arc::new(Inner {
            epoll,
            wake,
            entries: Mutex::default(),
            deadlines_changed: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            thread: OnceLock::new(),
        });
        inner.control(libc::EPOLL_CTL_ADD, libc::EPOLLIN, inner.wake.as_raw_fd(), WAKE)?;
        let running = inner.clone();
        let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || running.run())?;
        Ok(Arc::new(Self { inner, thread: Mutex::new(Some(thread)) }))
    }

    /// Takes a socket in. It is read from once [`Registration::read`] says so. The socket must stay open while it is
    /// registered.
    pub(super) fn register(
        self: &Arc<Self>,
        socket: &impl AsRawFd,
        handler: Arc<dyn Handler>,
    ) -> Registration {
        let mut entries = lock(&self.inner.entries);
        entries.last_token += 1;
        let token = entries.last_token;
        let entry = Arc::new(Entry {
            token,
            socket: socket.as_raw_fd(),
            handler,
            reading: Mutex::default(),
            patience: Mutex::default(),
            due: Mutex::default(),
            wanted: AtomicBool::new(true),
            running: Mutex::default(),
        });
        entries.by_token.insert(token, entry.clone());
        Registration { home: self.clone(), entry }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.inner.stopped.store(true, Ordering::Release);
        self.inner.wake();
        let Some(thread) = lock(&self.thread).take() else { return };
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            gst::error!(CAT, "the socket loop ended by a panic");
        }
    }
}

impl Registration {
    /// Adds or removes a reason to read from the socket. When it returns after the last one is gone, the handler is not
    /// reading any more, unless it is the caller.
    pub(super) fn read(&self, reason: Reason, wanted: bool) {
        let inner = &self.home.inner;
        let ends = {
            let mut reasons = lock(&self.entry.reading);
            let before = reasons.any();
            match reason {
                Reason::Media => reasons.media = wanted,
                Reason::Answer => reasons.answer = wanted,
            }
            let now = reasons.any();
            let operation = if now { libc::EPOLL_CTL_ADD } else { libc::EPOLL_CTL_DEL };
            if now != before
                && let Err(e) = inner.control(operation, libc::EPOLLIN, self.entry.socket, self.entry.token)
            {
                gst::error!(CAT, "the socket loop refuses a socket: {e}");
            }
            before && !now
        };
        if ends {
            self.wait();
        }
    }

    /// Asks for a call of [`Handler::due`] at that time, or earlier if that was asked for before.
    pub(super) fn wake_at(&self, when: Instant) {
        {
            let mut due = lock(&self.entry.due);
            *due = earlier(*due, Some(when));
        }
        self.home.inner.deadlines_changed.store(true, Ordering::Release);
        self.home.inner.wake();
    }

    /// Waits until the handler has returned.
    fn wait(&self) {
        if self.home.inner.thread.get() != Some(&std::thread::current().id()) {
            drop(lock(&self.entry.running));
        }
    }
}

impl Feed for Registration {
    fn want(&self, wanted: bool) {
        self.read(Reason::Media, wanted);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.end();
    }
}

impl Registration {
    /// Leaves the loop: the handler is not called any more when this returns, unless it is the caller.
    pub(super) fn end(&self) {
        self.entry.wanted.store(false, Ordering::Release);
        self.read(Reason::Media, false);
        self.read(Reason::Answer, false);
        lock(&self.home.inner.entries).by_token.remove(&self.entry.token);
        self.wait();
    }
}

impl Inner {
    fn control(&self, operation: i32, events: i32, socket: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: token };
        // SAFETY: both descriptors are open and the event lives during the call.
        let done = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, socket, &mut event) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn wake(&self) {
        // SAFETY: the descriptor is open. It fails only if the counter is full, and then the loop wakes anyway.
        let _ = unsafe { libc::eventfd_write(self.wake.as_raw_fd(), 1) };
    }

    fn run(&self) {
        crate::streaming_threads::feed_any();
        // This is the only place that sets it.
        let _ = self.thread.set(std::thread::current().id());
        crate::streaming_threads::give_way(true);
        let mut batch = Batch::new();
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        let mut now = Instant::now();
        let (mut load, mut patients) = (Load::of_a_round(now), Patients::new(now));
        let mut deadline = None;
        let mut come_back = None;
        while !self.stopped.load(Ordering::Acquire) {
            if self.deadlines_changed.swap(false, Ordering::AcqRel) {
                deadline = self.next_deadline();
            }
            let next_round = come_back.map(|after| now + after);
            let timeout = timeout_ms(earlier(earlier(deadline, next_round), patients.next_look()));
            let (count, place) = (EVENTS as i32, events.as_mut_ptr());
            // SAFETY: the place has room for so many events and lives during the call.
            let ready = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), place, count, timeout) };
            let Ok(ready) = usize::try_from(ready) else {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                gst::error!(CAT, "the socket loop cannot wait: {error}");
                break;
            };
            now = Instant::now();
            let patients_turn = patients.is_turn(now);
            // What lay in its socket is put off no longer.
            let round = Round::begin(load.high && !patients_turn);
            for event in &events[..ready] {
                self.serve(event.u64, &mut batch, &mut patients);
            }
            let can_wait = patients_turn && patients.look(self, &mut batch) && ready == 0;
            come_back = round.and_then(|round| round.end(can_wait));
            now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.call_due(now);
                deadline = self.next_deadline();
            }
            patients.count(self, now);
            if load.is_high(ready, now) {
                std::thread::sleep(ROUND);
            }
        }
        Round::no_more();
    }

    fn serve(&self, token: u64, batch: &mut Batch, patients: &mut Patients) {
        if token == WAKE {
            let mut count = 0;
            // SAFETY: the descriptor is open and the number lives during the call; there is nothing to be done if
            // somebody took the count already.
            let _ = unsafe { libc::eventfd_read(self.wake.as_raw_fd(), &mut count) };
            return;
        }
        let entry = lock(&self.entries).by_token.get(&token).cloned();
        if let Some(entry) = entry
            && patients.read(&entry, batch)
        {
            patients.take_in(self, &entry);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        lock(&self.entries).by_token.values().filter_map(|entry| *lock(&entry.due)).min()
    }

    fn call_due(&self, now: Instant) {
        let is_due = |entry: &&Arc<Entry>| lock(&entry.due).is_some_and(|due| due <= now);
        let due: Vec<Arc<Entry>> = lock(&self.entries).by_token.values().filter(is_due).cloned().collect();
        for entry in due {
            *lock(&entry.due) = None;
            entry.run(|handler| {
                let next = handler.due(now);
                let mut due = lock(&entry.due);
                *due = earlier(*due, next);
            });
        }
    }
}

impl Entry {
    pub(super) fn run<R>(&self, call: impl FnOnce(&dyn Handler) -> R) -> Option<R> {
        let _running = lock(&self.running);
        self.wanted.load(Ordering::Acquire).then(|| call(&*self.handler))
    }

    /// Has the loop wait for its packets, or not. False if nobody wants to read from it.
    pub(super) fn arm(&self, home: &Inner, waits: bool) -> bool {
        // Held, as the socket may be closed and its number another's once there is no reason any more.
        let reasons = lock(&self.reading);
        let events = if waits { libc::EPOLLIN } else { 0 };
        reasons.any() && home.control(libc::EPOLL_CTL_MOD, events, self.socket, self.token).is_ok()
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// What epoll waits: -1 = for ever, and rather a millisecond too long than too short.
fn timeout_ms(deadline: Option<Instant>) -> i32 {
    let Some(deadline) = deadline else { return -1 };
    let wait = deadline.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
    i32::try_from(wait.as_millis()).unwrap_or(i32::MAX)
}

/// # Safety
/// The descriptor, if it is one, is nobody else's.
unsafe fn owned(descriptor: i32) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller says so.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

#[cfg(test)]
impl Loop {
    /// Whether epoll waits for packets of a socket; `None` if it does not know it.
    pub(super) fn waits_for(&self, socket: &impl AsRawFd) -> Option<bool> {
        let of = format!("/proc/self/fdinfo/{}", self.inner.epoll.as_raw_fd());
        let all = std::fs::read_to_string(of).unwrap();
        let mut lines = all.lines().filter_map(|line| line.strip_prefix("tfd:"));
        lines.find_map(|line| {
            let mut words = line.split_whitespace();
            let is_it = words.next()?.parse::<RawFd>() == Ok(socket.as_raw_fd());
            let events = u32::from_str_radix(words.nth(1)?, 16).unwrap();
            is_it.then_some(events & libc::EPOLLIN as u32 != 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_not_met_too_early() {
        assert_eq!(timeout_ms(None), -1);
        assert_eq!(timeout_ms(Some(Instant::now())), 0);
        let deadline = Instant::now() + Duration::from_micros(100_200);
        let wait = timeout_ms(Some(deadline));
        assert!((1..=101).contains(&wait), "{wait}");
    }

    struct Told(std::sync::mpsc::Sender<&'static str>);

    impl Handler for Told {
        fn readable(&self, _batch: &mut Batch) -> Found {
            self.0.send("readable").unwrap();
            Found { packets: 1, rtcp: false }
        }

        fn due(&self, _now: Instant) -> Option<Instant> {
            self.0.send("due").unwrap();
            None
        }
    }

    #[test]
    fn a_socket_is_served_while_somebody_wants_it() {
        let (home, socket) = (Loop::start().unwrap(), std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        let registration = home.register(&socket, Arc::new(Told(tell)));
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        registration.wake_at(Instant::now() + Duration::from_millis(20));
        assert_eq!(told.recv(), Ok("due"), "nobody reads yet");
        registration.read(Reason::Media, true);
        assert_eq!(told.recv(), Ok("readable"));
        registration.read(Reason::Answer, true);
        registration.read(Reason::Media, false);
        assert_eq!(told.iter().next(), Some("readable"), "one reason is enough");
        registration.end();
        while told.try_recv().is_ok() {}
        std::thread::sleep(Duration::from_millis(20));
        assert!(told.try_recv().is_err(), "nothing comes after the end");
    }

    #[test]
    fn the_thread_ends_with_the_last_socket() {
        let first = Loop::shared().unwrap();
        let again = Loop::shared().unwrap();
        assert!(Arc::ptr_eq(&first, &again), "one for all");
        let inner = Arc::downgrade(&first.inner);
        drop((first, again));
        assert!(inner.upgrade().is_none(), "its thread is gone");
    }
}
