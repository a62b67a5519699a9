//! The shared threads, with work that only counts, and who may wait for them. What packets make of it is in
//! `tests/rtp_jitter_buffer.rs`.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fs_proto::jitter_buffer::{Config, Header, Outcome};

use super::flow::{Item, State};
use super::threads::{self, PUT_OFF, Place, Round, TO_SPARE, Work};

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

/// Threads live while somebody has entered. They are those of the process, so one test at a time has them.
struct Entered(#[expect(dead_code, reason = "its end counts")] MutexGuard<'static, ()>);

impl Entered {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        threads::enter();
        Self(alone)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        threads::leave();
        let end = Instant::now() + PATIENCE;
        while !threads::are_gone() && Instant::now() < end {
            std::thread::yield_now();
        }
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
    assert!(round.end(false).is_some(), "somebody has to see whether it is done");
    ran(&work, &told);
    assert!(told.recv_timeout(Duration::from_millis(60)).is_err(), "once for both");
    threads::schedule(&work);
    ran(&work, &told);
    assert_eq!(Round::begin(false).unwrap().end(false), None);
}

/// Is held by whoever tells it to go on.
struct Held {
    place: Place,
    go_on: Mutex<Receiver<()>>,
}

impl Work for Held {
    fn work(&self) {
        self.go_on.lock().unwrap().recv_timeout(PATIENCE).unwrap();
    }

    fn place(&self) -> &Place {
        &self.place
    }
}

#[test]
fn after_a_round_that_can_wait_the_next_comes_later_unless_something_is_left() {
    let _entered = Entered::new();
    let (go, go_on) = channel();
    let held: Arc<dyn Work> = Arc::new(Held { place: Place::default(), go_on: Mutex::new(go_on) });
    let (work, told) = work();
    let round = |can_wait| {
        let round = Round::begin(false).unwrap();
        threads::schedule(&work);
        round.end(can_wait)
    };
    assert_eq!(round(false), Some(Round::LATEST));
    ran(&work, &told);
    assert_eq!(round(true), Some(PUT_OFF));
    ran(&work, &told);
    let first = Round::begin(false).unwrap();
    threads::schedule(&held);
    threads::schedule(&work);
    assert_eq!(first.end(true), Some(PUT_OFF));
    let end = Instant::now() + PATIENCE;
    // Another thread takes it, when a round finds it left.
    while told.try_recv().is_err() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(4));
        let next = Round::begin(false).unwrap().end(true);
        assert!(next.is_none() || next == Some(Round::LATEST), "{next:?}");
    }
    go.send(()).unwrap();
}

/// Rounds from now on until what is put off is over.
fn busy_rounds() {
    let end = Instant::now() + PUT_OFF + Round::LATEST;
    while Instant::now() < end {
        std::thread::sleep(Round::LATEST / 4);
        let _ = Round::begin(true).unwrap().end(false);
    }
}

#[test]
fn a_busy_round_puts_off_for_a_while_and_does_all_of_it_together() {
    let _entered = Entered::new();
    let ((first, first_told), (second, second_told)) = (work(), work());
    let round = || Round::begin(true).unwrap();
    let began = Instant::now();
    let busy = round();
    threads::schedule_with_others(&first);
    assert!(busy.end(false).is_some());
    std::thread::sleep(PUT_OFF / 2);
    let busy = round();
    threads::schedule_with_others(&first);
    threads::schedule_with_others(&second);
    let _ = busy.end(false);
    busy_rounds();
    let took = [ran(&first, &first_told), ran(&second, &second_told)].map(|ran| ran - began);
    assert!(took.iter().all(|took| *took >= PUT_OFF), "{took:?}");
    assert!(first_told.try_recv().is_err() && second_told.try_recv().is_err(), "once each");
}

#[test]
fn what_is_put_off_runs_when_it_is_urgent_and_when_rounds_end() {
    let _entered = Entered::new();
    let (work, told) = work();
    let round = || Round::begin(true).unwrap();
    let began = Instant::now();
    let first = round();
    threads::schedule_with_others(&work);
    assert!(first.end(false).is_some());
    let in_time = began.elapsed() < PUT_OFF;
    let second = round();
    threads::schedule(&work);
    assert!(second.end(false).is_some());
    ran(&work, &told);
    busy_rounds();
    // On a machine that was busy elsewhere for so long, it ran before it was urgent, too.
    assert!(told.try_recv().is_err() || !in_time, "it ran twice");
    // There are no more rounds.
    let last = round();
    threads::schedule_with_others(&work);
    assert!(last.end(false).is_some());
    Round::no_more();
    ran(&work, &told);
    // In no round, or one of little, nothing is put off.
    threads::schedule_with_others(&work);
    ran(&work, &told);
    let calm = Round::begin(false).unwrap();
    threads::schedule_with_others(&work);
    let _ = calm.end(false);
    ran(&work, &told);
}

/// A source of 20 ms a packet, after its first two packets, which came on time and went on.
fn running(latency_ms: u64) -> State {
    let mut state = State::new();
    state.buffer.configure(Config { latency_ns: latency_ms * MS, ..Config::default() });
    state.buffer.set_clock_rate(8000);
    give(&mut state, 0, 0);
    give(&mut state, 1, 20);
    while state.buffer.pop(1000 * MS).is_some() {}
    (state.last_out, state.is_audio) = (Some(160), true);
    state
}

const MS: u64 = 1_000_000;

fn give(state: &mut State, number: u16, came_ms: u64) {
    let header = Header { sequence_number: number, timestamp: u32::from(number) * 160, payload_type: 0 };
    let item = Item::Packet(gst::Buffer::new(), header.timestamp);
    assert_eq!(state.buffer.push(header, came_ms * MS, came_ms * MS, item), Outcome::Kept);
}

#[test]
fn only_packets_in_order_with_time_left_can_wait() {
    gst::init().unwrap();
    let can_wait = |latency_ms, number, came_ms| {
        let mut state = running(latency_ms);
        give(&mut state, number, came_ms);
        state.can_wait(came_ms * MS)
    };
    let least = u64::try_from(TO_SPARE.as_millis()).unwrap();
    assert!(can_wait(least + 30, 2, 40));
    assert!(can_wait(least + 30, 2, 69));
    assert!(!can_wait(least + 30, 2, 71), "it came late");
    assert!(!can_wait(least - 1, 2, 40), "there is no time at all");
    assert!(!can_wait(least + 30, 3, 60), "one is missing");
    let mut row = running(least);
    let can_wait = [2, 3, 4].map(|number| {
        give(&mut row, number, 20 * u64::from(number));
        row.can_wait(20 * u64::from(number) * MS)
    });
    assert_eq!(can_wait, [true, true, false], "the first has waited for 40 ms");
    let mut first = running(least + 30);
    first.last_out = None;
    give(&mut first, 2, 40);
    assert!(!first.can_wait(40 * MS), "somebody waits for it");
    let mut video = running(least + 30);
    video.is_audio = false;
    give(&mut video, 2, 40);
    assert!(!video.can_wait(40 * MS), "the rest of a picture comes with it");
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
