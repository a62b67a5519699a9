//! The shared threads, with work that only counts. What packets make of it is in `tests/rtp_jitter_buffer.rs`.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::threads::{self, PUT_OFF, Place, Round, Work};

/// A hang is what it detects.
const PATIENCE: Duration = Duration::from_secs(20);

struct Told {
    place: Place,
    tell: Mutex<Sender<Instant>>,
}

impl Work for Told {
    fn work(&self) {
        self.tell.lock().unwrap().send(Instant::now()).unwrap();
    }

    fn place(&self) -> &Place {
        &self.place
    }
}

fn work() -> (Arc<dyn Work>, Receiver<Instant>) {
    let (tell, told) = channel();
    (Arc::new(Told { place: Place::default(), tell: Mutex::new(tell) }), told)
}

/// Waits for a run, and until the thread has come back from it.
fn ran(work: &Arc<dyn Work>, told: &Receiver<Instant>) -> Instant {
    let ran = told.recv_timeout(PATIENCE).unwrap();
    let end = Instant::now() + PATIENCE;
    while !work.place().is_idle() {
        assert!(Instant::now() < end);
        std::thread::yield_now();
    }
    ran
}

/// Threads live while somebody has entered.
struct Entered;

impl Entered {
    fn new() -> Self {
        threads::enter();
        Self
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        threads::leave();
    }
}

#[test]
fn what_a_round_schedules_begins_with_its_end() {
    let _entered = Entered::new();
    let (work, told) = work();
    let round = Round::begin(false).unwrap();
    assert!(Round::begin(true).is_none(), "they do not nest");
    threads::schedule(&work);
    threads::schedule(&work);
    assert!(told.recv_timeout(Duration::from_millis(60)).is_err());
    assert!(round.end(), "somebody has to see whether it is done");
    ran(&work, &told);
    assert!(told.recv_timeout(Duration::from_millis(60)).is_err(), "once for both");
    threads::schedule(&work);
    ran(&work, &told);
    assert!(!Round::begin(false).unwrap().end());
}

#[test]
fn a_busy_round_puts_off_until_the_next_or_for_a_while() {
    let _entered = Entered::new();
    let (work, told) = work();
    let round = || Round::begin(true).unwrap();
    // The next one comes.
    let first = round();
    threads::schedule_with_next(&work);
    assert!(first.end());
    let second = round();
    threads::schedule(&work);
    assert!(second.end());
    ran(&work, &told);
    // On a machine that was busy elsewhere, it may have run twice.
    while told.try_recv().is_ok() {}
    // It does not come.
    let put_off = Instant::now();
    let third = round();
    threads::schedule_with_next(&work);
    assert!(third.end());
    while put_off.elapsed() < PUT_OFF + Round::LATEST {
        std::thread::sleep(Round::LATEST / 4);
        let _ = round().end();
    }
    let took = ran(&work, &told) - put_off;
    assert!(took >= PUT_OFF, "{took:?}");
    // There are no more rounds.
    let last = round();
    threads::schedule_with_next(&work);
    assert!(last.end());
    Round::no_more();
    ran(&work, &told);
    // In no round, or one of little, nothing is put off.
    threads::schedule_with_next(&work);
    ran(&work, &told);
    let calm = Round::begin(false).unwrap();
    threads::schedule_with_next(&work);
    let _ = calm.end();
    ran(&work, &told);
}

#[test]
fn the_time_of_a_work_comes_without_anybody_else() {
    let _entered = Entered::new();
    let (work, told) = work();
    let start = Instant::now();
    threads::wake_at(&work, start + Duration::from_secs(3600));
    threads::wake_at(&work, start + Duration::from_millis(40));
    assert!(ran(&work, &told) >= start + Duration::from_millis(40));
    let earlier = Instant::now();
    threads::wake_at(&work, earlier + Duration::from_millis(60));
    threads::wake_at(&work, earlier + Duration::from_millis(5));
    assert!(ran(&work, &told) >= earlier + Duration::from_millis(5));
    assert!(told.recv_timeout(Duration::from_millis(120)).is_err(), "only the last wish counts");
}
