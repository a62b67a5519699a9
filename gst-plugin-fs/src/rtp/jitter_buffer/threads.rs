//! Streaming threads that all jitter buffers of the process share.
//!
//! A thread of its own for each jitter buffer would be woken for each packet, which costs more than to decode it. Here the
//! socket loop hands over what came in one of its rounds, and one thread goes through it. A sink that holds its thread
//! back, as one that waits for its time does, must not hold back others: where a thread has been in one buffer for longer
//! than [`STUCK`], another one takes over, so in the worst case there are as many threads as buffers.
//!
//! An application in Python may end these threads with `pthread_exit` in its callback. Rust ends the process when that
//! unwinds a function which has anything to clean up, so [`main`] and [`Work::work`] have nothing, neither over the call to
//! the next pad nor anywhere else; what has is in functions of its own that are not inlined.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::debug::CONFERENCE as CAT;

/// How long a thread may be in one buffer before it does not count any more. Decoding a packet takes far less.
const STUCK: Duration = Duration::from_millis(3);

/// How long a thread that stands by looks away while others have more than one buffer to do.
const LOOK: Duration = Duration::from_millis(20);

/// How long a thread too many is kept.
const SPARE: Duration = Duration::from_secs(1);

/// How long what can wait is put off, counted from the first of it. All of it is then done in one go: a thread that is woken for
/// each costs more than what it does.
pub(crate) const PUT_OFF: Duration = Duration::from_millis(35);

/// What can wait is not to be played for so long: it is put off, and should the thread that it is then left to be held by a sink, that
/// is noticed as much later.
pub(super) const TO_SPARE: Duration = PUT_OFF.saturating_mul(2).saturating_add(Round::LATEST);

/// The name of the threads, at most 15 characters.
const NAME: &std::ffi::CStr = c"fs-jitterbuffer";

/// What has data to hand on now and then.
pub(super) trait Work: Send + Sync {
    /// Hands on what is ready. Called in one thread at a time. See the module about what it may keep: nothing.
    fn work(&self);

    /// Its place among the others.
    fn place(&self) -> &Place;
}

/// Where a [`Work`] stands.
#[derive(Debug, Default)]
pub(super) struct Place {
    stand: AtomicU8,
    /// When it asked to be called; written under the lock of all.
    due: Mutex<Option<Instant>>,
}

const IDLE: u8 = 0;
const READY: u8 = 1;
const RUNNING: u8 = 2;
/// Running, and to be called again.
const AGAIN: u8 = 3;
const PUT_OFF_NOW: u8 = 4;

/// Whether the thread is in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Now {
    Elsewhere,
    InRound,
    /// In one of so much that putting off pays.
    InBusyRound,
}

impl Place {
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.stand.load(Ordering::Acquire) == IDLE
    }

    /// Notes that it is to be called. True if it has to be put among what is ready for that.
    fn is_to_be_queued(&self) -> bool {
        loop {
            let (from, to) = match self.stand.load(Ordering::Acquire) {
                RUNNING => (RUNNING, AGAIN),
                READY | AGAIN => return false,
                from => (from, READY),
            };
            if self.stand.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return to == READY;
            }
        }
    }
}

thread_local! {
    static NOW: Cell<Now> = const { Cell::new(Now::Elsewhere) };
    static CAN_WAIT: Cell<usize> = const { Cell::new(0) };
}

static SHARED: Threads = Threads::new();

/// Calls `work` soon, in one of the threads. Costs little if it is about to be called anyway.
pub(super) fn schedule(work: &Arc<dyn Work>) {
    SHARED.schedule(work);
}

/// Calls `work` within [`PUT_OFF`], with others that can wait; outside of busy rounds as [`schedule`]. For one packet.
pub(super) fn schedule_with_others(work: &Arc<dyn Work>) {
    count_packet_that_can_wait();
    SHARED.schedule_with_others(work);
}

/// Tells whoever brought a packet to a jitter buffer that it can wait.
pub(crate) fn count_packet_that_can_wait() {
    CAN_WAIT.set(CAN_WAIT.get().wrapping_add(1));
}

/// How many packets that can wait this thread gave to jitter buffers so far; it wraps.
pub(crate) fn packets_that_can_wait() -> usize {
    CAN_WAIT.get()
}

/// Calls `work` at that time. Only the last such wish counts.
pub(super) fn wake_at(work: &Arc<dyn Work>, when: Instant) {
    SHARED.wake_at(work, when);
}

/// There is one more that may be scheduled, until [`leave`].
pub(super) fn enter() {
    SHARED.lock().users += 1;
}

/// One fewer; with the last one the threads end.
pub(super) fn leave() {
    let mut all = SHARED.lock();
    all.users = all.users.saturating_sub(1);
    if all.users == 0 {
        SHARED.watch.notify_all();
        SHARED.spare.notify_all();
    }
}

/// Whether no thread does anything any more.
#[cfg(test)]
pub(super) fn are_gone() -> bool {
    let all = SHARED.lock();
    let waits = all.spares > 0 || all.watcher != Watcher::Nobody;
    !waits && all.starting.is_none() && all.running.is_empty() && all.ready.is_empty()
}

/// While it lives, nothing that the calling thread schedules is begun with: that is done for all at once by
/// [`Round::end`].
#[derive(Debug)]
pub(crate) struct Round {
    began: Instant,
}

impl Round {
    /// Begins one, a busy one where many packets come. They do not nest: an inner one has no effect.
    pub(crate) fn begin(busy: bool) -> Option<Self> {
        let begins = NOW.get() == Now::Elsewhere;
        begins.then(|| {
            NOW.set(if busy { Now::InBusyRound } else { Now::InRound });
            Self { began: Instant::now() }
        })
    }

    /// Ends it. The time after which the caller has to come back with another round, to see whether the threads got on with
    /// what is left to them, and for what is put off. `can_wait`: all that came in the round could wait, and
    /// did for [`PUT_OFF`] at most.
    pub(crate) fn end(self, can_wait: bool) -> Option<Duration> {
        let began = self.began;
        drop(self);
        let mut all = SHARED.lock();
        if all.ready.is_empty() && all.put_off.is_empty() {
            all.looked_after = None;
            return None;
        }
        let now = Instant::now();
        // A thread was to take it, and is held by a sink.
        let is_left = all.ready.front().is_some_and(|(_, since)| *since < began);
        let after = if can_wait && !is_left && all.put_off.is_empty() { PUT_OFF } else { Self::LATEST };
        all.looked_after = Some(now + 2 * after);
        all.collect_put_off(now);
        SHARED.call(&mut all, now);
        Some(after)
    }

    /// For a caller who will have no more rounds: the threads look after themselves again.
    pub(crate) fn no_more() {
        let mut all = SHARED.lock();
        all.looked_after = None;
        let now = Instant::now();
        all.collect_put_off(now + PUT_OFF);
        SHARED.call(&mut all, now);
    }

    /// After so long at the latest, most of the time; half of what the threads count on.
    pub(crate) const LATEST: Duration = Duration::from_millis(10);
}

impl Drop for Round {
    fn drop(&mut self) {
        NOW.set(Now::Elsewhere);
    }
}

/// The threads and what they have to do. One of those that have nothing to do watches: it waits for the next time that
/// somebody asked for, and looks whether the others get on. The rest are spare.
struct Threads {
    all: Mutex<All>,
    watch: Condvar,
    spare: Condvar,
}

struct All {
    users: usize,
    ready: VecDeque<(Arc<dyn Work>, Instant)>,
    /// What was scheduled meanwhile is still in there.
    put_off: Vec<Arc<dyn Work>>,
    put_off_until: Option<Instant>,
    /// By time and address, so that each has one entry.
    due: BTreeMap<(Instant, usize), Weak<dyn Work>>,
    /// The threads that are in a buffer, since when.
    running: Vec<(u64, Instant)>,
    last_thread: u64,
    /// A thread that was begun and does nothing yet. There is never a second one, so there are no more threads than what they
    /// are in and two.
    starting: Option<u64>,
    watcher: Watcher,
    watcher_called: bool,
    /// Until when somebody with rounds looks whether the threads get on.
    looked_after: Option<Instant>,
    spares: usize,
    spares_called: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watcher {
    /// All threads are in buffers, or there are none.
    Nobody,
    /// Nothing is ready that would have to be looked after.
    Rests,
    Looks,
}

/// A [`Work`] in the hands of a thread: a reference that nothing drops by itself.
#[derive(Clone, Copy)]
struct InHand(*const dyn Work);

impl Threads {
    const fn new() -> Self {
        let all = All {
            users: 0,
            ready: VecDeque::new(),
            put_off: Vec::new(),
            put_off_until: None,
            due: BTreeMap::new(),
            running: Vec::new(),
            last_thread: 0,
            starting: None,
            watcher: Watcher::Nobody,
            watcher_called: false,
            looked_after: None,
            spares: 0,
            spares_called: 0,
        };
        Self { all: Mutex::new(all), watch: Condvar::new(), spare: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn schedule(&'static self, work: &Arc<dyn Work>) {
        if !work.place().is_to_be_queued() {
            return;
        }
        let now = Instant::now();
        let mut all = self.lock();
        all.ready.push_back((work.clone(), now));
        if NOW.get() == Now::Elsewhere {
            self.call(&mut all, now);
        }
    }

    fn schedule_with_others(&'static self, work: &Arc<dyn Work>) {
        if NOW.get() != Now::InBusyRound {
            return self.schedule(work);
        }
        let stand = &work.place().stand;
        match stand.compare_exchange(IDLE, PUT_OFF_NOW, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                let mut all = self.lock();
                all.put_off_until.get_or_insert_with(|| Instant::now() + PUT_OFF);
                all.put_off.push(work.clone());
            }
            Err(PUT_OFF_NOW) => {}
            Err(_) => self.schedule(work),
        }
    }

    fn wake_at(&'static self, work: &Arc<dyn Work>, when: Instant) {
        let address = Arc::as_ptr(work).addr();
        let mut all = self.lock();
        let before = work.place().due.lock().unwrap_or_else(PoisonError::into_inner).replace(when);
        if before == Some(when) {
            return;
        }
        if let Some(before) = before {
            all.due.remove(&(before, address));
        }
        all.due.insert((when, address), Arc::downgrade(work));
        let is_first = all.due.first_key_value().is_some_and(|(key, _)| *key == (when, address));
        // Otherwise a thread that comes back from a buffer sees it.
        if is_first && all.watcher != Watcher::Nobody {
            self.watch.notify_one();
        } else if is_first && all.running.is_empty() {
            self.begin(&mut all);
        }
    }

    /// Sees to it that somebody does what is ready.
    fn call(&'static self, all: &mut All, now: Instant) {
        if all.ready.is_empty() {
            return;
        }
        if all.is_attended(now) {
            self.set_watch(all, now);
            return;
        }
        if all.spares > all.spares_called {
            all.spares_called += 1;
            self.spare.notify_one();
        } else if all.watcher != Watcher::Nobody && !all.watcher_called {
            all.watcher_called = true;
            self.watch.notify_one();
        } else {
            self.begin(all);
        }
    }

    /// Starts a thread.
    fn begin(&'static self, all: &mut All) {
        if all.starting.is_some() {
            return;
        }
        all.last_thread += 1;
        let number = all.last_thread;
        let data = Box::into_raw(Box::new((self, number)));
        // SAFETY: the C ABI of a function does not depend on whether it may be unwound.
        let main = unsafe {
            std::mem::transmute::<
                unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void,
                unsafe extern "C" fn(*mut c_void) -> *mut c_void,
            >(main)
        };
        let mut error = std::ptr::null_mut();
        // SAFETY: the thread takes the data, and nobody waits for its end.
        unsafe {
            let thread = glib::ffi::g_thread_try_new(NAME.as_ptr(), Some(main), data.cast(), &raw mut error);
            if thread.is_null() {
                drop(Box::from_raw(data));
                let error: glib::Error = glib::translate::from_glib_full(error);
                gst::error!(CAT, "no thread for jitter buffers: {error}");
                return;
            }
            glib::ffi::g_thread_unref(thread);
        }
        all.starting = Some(number);
    }

    /// What a thread does next; `None`: it ends.
    fn next(&'static self, number: u64) -> Option<InHand> {
        let mut all = self.lock();
        all.running.retain(|(other, _)| *other != number);
        all.starting.take_if(|starting| *starting == number);
        let mut patient = false;
        loop {
            let now = Instant::now();
            all.collect_due(now);
            if let Some(work) = all.take(now, patient) {
                all.running.push((number, now));
                work.place().stand.store(RUNNING, Ordering::Release);
                self.set_watch(&mut all, now);
                return Some(InHand(Arc::into_raw(work)));
            }
            if all.users == 0 && all.ready.is_empty() {
                return None;
            }
            let ends;
            (all, patient, ends) = self.idle(all, now);
            if ends {
                return None;
            }
        }
    }

    /// Somebody has to look after what waits, should the thread that is to do it not come back soon.
    fn set_watch(&'static self, all: &mut All, now: Instant) {
        match all.watcher {
            _ if all.looked_after.is_some_and(|until| now < until) && all.due.is_empty() => {}
            Watcher::Rests if !all.ready.is_empty() => self.watch.notify_one(),
            Watcher::Nobody if all.ready.is_empty() && all.due.is_empty() => {}
            Watcher::Nobody if all.spares > 0 => self.spare.notify_one(),
            Watcher::Nobody => self.begin(all),
            _ => {}
        }
    }

    /// Waits as the part that is free. Answers whether the thread was not called, so that it takes only what nobody else
    /// does, and whether it is one too many.
    fn idle<'a>(&'a self, mut all: MutexGuard<'a, All>, now: Instant) -> (MutexGuard<'a, All>, bool, bool) {
        if all.watcher == Watcher::Nobody {
            let looks = !all.ready.is_empty();
            all.watcher = if looks { Watcher::Looks } else { Watcher::Rests };
            let first = all.due.first_key_value().map(|((when, _), _)| when.saturating_duration_since(now));
            let time = first.into_iter().chain(looks.then_some(LOOK)).min();
            (all, _) = wait(&self.watch, all, time);
            all.watcher = Watcher::Nobody;
            let called = std::mem::take(&mut all.watcher_called);
            return (all, !called, false);
        }
        // One of them is kept.
        let time = (all.spares > 0).then_some(SPARE);
        all.spares += 1;
        let late;
        (all, late) = wait(&self.spare, all, time);
        all.spares -= 1;
        let called = all.spares_called > 0;
        all.spares_called = all.spares_called.saturating_sub(1);
        let too_many = late && !called && all.spares > 0;
        (all, !called, too_many)
    }

    /// A thread is done with a work.
    fn done(&'static self, work: InHand) {
        // SAFETY: the reference was made in `next` and is given back once.
        let work = unsafe { Arc::from_raw(work.0) };
        let stand = &work.place().stand;
        if stand.compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire).is_err() {
            stand.store(READY, Ordering::Release);
            self.lock().ready.push_back((work, Instant::now()));
        }
    }
}

impl All {
    /// Whether a thread is about to take what is ready.
    fn is_attended(&self, now: Instant) -> bool {
        let stuck = |since: &Instant| now.saturating_duration_since(*since) >= STUCK;
        self.starting.is_some()
            || self.watcher_called
            || self.spares_called > 0
            || self.running.iter().any(|(_, since)| !stuck(since))
    }

    fn take(&mut self, now: Instant, patient: bool) -> Option<Arc<dyn Work>> {
        let (_, since) = self.ready.front()?;
        if patient && now.saturating_duration_since(*since) < STUCK && self.is_attended(now) {
            return None;
        }
        self.ready.pop_front().map(|(work, _)| work)
    }

    fn collect_due(&mut self, now: Instant) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let Some(work) = entry.remove().upgrade() else { continue };
            *work.place().due.lock().unwrap_or_else(PoisonError::into_inner) = None;
            if work.place().is_to_be_queued() {
                self.ready.push_back((work, now));
            }
        }
    }

    /// What was put off until then is ready, unless it was scheduled meanwhile.
    fn collect_put_off(&mut self, then: Instant) {
        if self.put_off_until.is_none_or(|until| until > then) {
            return;
        }
        self.put_off_until = None;
        for work in self.put_off.drain(..) {
            let stand = &work.place().stand;
            if stand.compare_exchange(PUT_OFF_NOW, READY, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                self.ready.push_back((work, then));
            }
        }
    }
}

/// Waits, and says whether that took as long as it was allowed to.
fn wait<'a>(on: &Condvar, all: MutexGuard<'a, All>, time: Option<Duration>) -> (MutexGuard<'a, All>, bool) {
    let Some(time) = time else { return (on.wait(all).unwrap_or_else(PoisonError::into_inner), false) };
    let (all, result) = on.wait_timeout(all, time).unwrap_or_else(PoisonError::into_inner);
    (all, result.timed_out())
}

/// A thread's life. It has nothing to be dropped: see the module.
unsafe extern "C-unwind" fn main(data: *mut c_void) -> *mut c_void {
    // SAFETY: it is what `begin` made.
    let (threads, number) = unsafe { begun(data) };
    while let Some(work) = threads.next_of(number) {
        // SAFETY: the reference is held until `done`.
        unsafe { (*work.0).work() };
        threads.done_with(work);
    }
    std::ptr::null_mut()
}

#[inline(never)]
unsafe fn begun(data: *mut c_void) -> (&'static Threads, u64) {
    crate::streaming_threads::give_way(true);
    // SAFETY: the caller says so.
    *unsafe { Box::from_raw(data.cast::<(&'static Threads, u64)>()) }
}

impl Threads {
    #[inline(never)]
    fn next_of(&'static self, number: u64) -> Option<InHand> {
        self.next(number)
    }

    #[inline(never)]
    fn done_with(&'static self, work: InHand) {
        self.done(work);
    }
}
