//! A sender and a receiver in virtual time, with a link between them that is slow, far or lossy.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::*;

/// A bottleneck with a queue, then a way that takes time and loses packets at random.
struct Link {
    byte_rate: f64,
    queue: usize,
    delay: Duration,
    loss: f64,
}

enum Event {
    Send,
    Arrive { sequence: u16, stamp: Stamp, size: usize },
    Report(Feedback),
    Deadline,
}

struct World {
    link: Link,
    sender: Control,
    receiver: Control,
    events: BinaryHeap<(Reverse<Duration>, Reverse<u64>)>,
    waiting: std::collections::HashMap<u64, Event>,
    serial: u64,
    random: u64,
    free: Duration,
    sequence: u16,
    /// What the application gives at most, in bytes per second.
    source: f64,
    arrived: Vec<(Duration, usize)>,
    dropped: u64,
}

const PACKET: usize = 1000;
/// What the application sends before the first report, in bytes per second.
const FIRST: f64 = 1500.0;

impl World {
    fn new(link: Link) -> Self {
        let control = Control::new(Variant::Standard, Duration::ZERO);
        let mut world = Self {
            link,
            sender: control.clone(),
            receiver: control,
            events: BinaryHeap::new(),
            waiting: std::collections::HashMap::new(),
            serial: 0,
            random: 0x2545_f491_4f6c_dd1d,
            free: Duration::ZERO,
            sequence: 65_000,
            source: f64::INFINITY,
            arrived: Vec::new(),
            dropped: 0,
        };
        world.at(Duration::ZERO, Event::Send);
        world.at(Duration::ZERO, Event::Deadline);
        world
    }

    fn at(&mut self, when: Duration, event: Event) {
        self.serial += 1;
        self.waiting.insert(self.serial, event);
        self.events.push((Reverse(when), Reverse(self.serial)));
    }

    /// 0 to 1, the same in each run.
    fn dice(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn run(&mut self, until: Duration) {
        while let Some((Reverse(now), Reverse(id))) = self.events.pop() {
            if now > until {
                self.events.push((Reverse(now), Reverse(id)));
                return;
            }
            let Some(event) = self.waiting.remove(&id) else { continue };
            self.handle(now, event);
        }
    }

    fn handle(&mut self, now: Duration, event: Event) {
        match event {
            Event::Send => self.send(now),
            Event::Arrive { sequence, stamp, size } => {
                self.arrived.push((now, size));
                if self.receiver.on_packet(now, 1, sequence, Some(stamp), size) {
                    self.report(now);
                }
            }
            Event::Report(feedback) => {
                assert!(self.sender.on_feedback(now, 2, &feedback), "{feedback:?} at {now:?}");
            }
            Event::Deadline => {
                self.sender.on_deadline(now);
                if self.receiver.on_deadline(now) {
                    self.report(now);
                }
                self.at(now + Duration::from_millis(1), Event::Deadline);
            }
        }
    }

    fn send(&mut self, now: Duration) {
        let sending = self.sender.on_sending(now, PACKET);
        let left = now + sending.wait;
        let begin = self.free.max(left);
        let queued = (begin - left).as_secs_f64() * self.link.byte_rate;
        self.sequence = self.sequence.wrapping_add(1);
        if queued > self.link.queue as f64 || self.dice() < self.link.loss {
            self.dropped += 1;
        } else {
            self.free = begin + Duration::from_secs_f64(PACKET as f64 / self.link.byte_rate);
            let event = Event::Arrive { sequence: self.sequence, stamp: sending.stamp, size: PACKET };
            self.at(self.free + self.link.delay, event);
        }
        let wanted = self.source.min(self.sender.byte_rate().unwrap_or(FIRST) * 1.2);
        self.at(left + Duration::from_secs_f64(PACKET as f64 / wanted), Event::Send);
    }

    fn report(&mut self, now: Duration) {
        for (ssrc, feedback) in self.receiver.feedback(now) {
            assert_eq!(ssrc, 1);
            let back = Feedback::from_bytes(&feedback.to_bytes()).unwrap();
            self.at(now + self.link.delay, Event::Report(back));
        }
    }

    fn rate(&self) -> f64 {
        self.sender.byte_rate().unwrap()
    }

    /// Bytes per second that arrived in the last while.
    fn throughput(&self, from: u64, to: u64) -> f64 {
        let (from, to) = (Duration::from_secs(from), Duration::from_secs(to));
        let bytes: usize =
            self.arrived.iter().filter(|(t, _)| *t > from && *t <= to).map(|(_, size)| size).sum();
        bytes as f64 / (to - from).as_secs_f64()
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn it_fills_a_bottleneck_and_loses_little() {
    let mut world =
        World::new(Link { byte_rate: 100_000.0, queue: 20_000, delay: Duration::from_millis(40), loss: 0.0 });
    world.run(seconds(60));
    let got = world.throughput(20, 60);
    assert!((70_000.0..=100_500.0).contains(&got), "{got} of 100000");
    let lost = world.dropped as f64 / (world.dropped as f64 + world.arrived.len() as f64);
    assert!(lost < 0.05, "{lost}");
}

#[test]
fn losses_lead_to_the_rate_of_the_equation() {
    for loss in [0.005, 0.02, 0.1] {
        let delay = Duration::from_millis(30);
        let mut world = World::new(Link { byte_rate: 1e8, queue: 1_000_000, delay, loss });
        world.run(seconds(120));
        let got = world.throughput(40, 120);
        // At most this many loss events; fewer where several losses fall into one round trip.
        let least = byte_rate(PACKET as f64, delay * 2, loss);
        assert!(got > 0.6 * least && got < 3.0 * least, "loss {loss}: {got}, equation {least}");
    }
}

#[test]
fn a_link_that_becomes_lossy_brings_the_rate_down_and_a_good_one_up_again() {
    let mut world =
        World::new(Link { byte_rate: 1e8, queue: 1_000_000, delay: Duration::from_millis(20), loss: 0.001 });
    world.run(seconds(30));
    let good = world.rate();
    world.link.loss = 0.15;
    world.run(seconds(40));
    let bad = world.rate();
    assert!(bad < good / 4.0, "{bad} after {good}");
    world.link.loss = 0.001;
    world.run(seconds(120));
    assert!(world.rate() > 3.0 * bad, "{} after {bad}", world.rate());
}

#[test]
fn a_broken_link_stops_all_but_a_trickle() {
    let mut world =
        World::new(Link { byte_rate: 1e6, queue: 100_000, delay: Duration::from_millis(20), loss: 0.001 });
    world.run(seconds(20));
    world.link.loss = 1.0;
    world.run(seconds(60));
    assert!(world.rate() < 200.0, "{}", world.rate());
    world.link.loss = 0.0;
    world.run(seconds(200));
    assert!(world.rate() > 10_000.0, "it recovers: {}", world.rate());
}

#[test]
fn a_peer_that_never_reports_gets_what_was_configured() {
    let mut control = Control::new(Variant::Standard, Duration::ZERO);
    for second in 0..600 {
        for packet in 0..100 {
            let sending = control.on_sending(seconds(second) + Duration::from_millis(10 * packet), PACKET);
            assert!(sending.wait.is_zero());
        }
        control.on_deadline(seconds(second + 1));
        assert_eq!((control.byte_rate(), control.deadline()), (None, None), "after {second} s");
    }
    let empty =
        Feedback { time: 599_970_000, delay: Duration::ZERO, receive_byte_rate: 0, loss_event_rate: 0.0 };
    assert!(!control.on_feedback(seconds(600), 7, &empty), "without a receive rate it says nothing");
    assert_eq!(control.byte_rate(), None);
    let report = Feedback {
        time: 599_980_000,
        delay: Duration::ZERO,
        receive_byte_rate: 100_000,
        loss_event_rate: 0.0,
    };
    assert!(control.on_feedback(seconds(600), 7, &report), "it may begin late");
    assert!(control.byte_rate().is_some_and(|rate| rate > 10_000.0), "{:?}", control.byte_rate());
    for second in 600..1200 {
        control.on_sending(seconds(second), PACKET);
        control.on_deadline(seconds(second));
    }
    assert!(control.byte_rate().is_some_and(|rate| rate < 200.0), "but then it may not fall silent");
    control.forget(7);
    assert_eq!((control.byte_rate(), control.deadline()), (None, None), "unless it left");
}

#[test]
fn an_application_that_sends_little_does_not_lose_its_rate() {
    let mut world =
        World::new(Link { byte_rate: 1e6, queue: 100_000, delay: Duration::from_millis(20), loss: 0.0 });
    world.source = 20_000.0;
    world.run(seconds(30));
    assert!(world.rate() >= 35_000.0, "{}", world.rate());
    assert_eq!(world.dropped, 0);
}

#[test]
fn the_rate_follows_a_bottleneck_that_narrows() {
    let mut world =
        World::new(Link { byte_rate: 200_000.0, queue: 20_000, delay: Duration::from_millis(30), loss: 0.0 });
    world.run(seconds(40));
    world.link.byte_rate = 100_000.0;
    world.run(seconds(80));
    let (wide, narrow) = (world.throughput(20, 40), world.throughput(60, 80));
    assert!((0.3..0.75).contains(&(narrow / wide)), "{narrow} after {wide}");
}

#[test]
fn a_flood_of_sources_and_wrong_reports_do_no_harm() {
    let mut control = Control::new(Variant::Standard, Duration::ZERO);
    let now = seconds(5);
    let stamp = Stamp { rtt: Duration::from_millis(50), time: 0 };
    for ssrc in 0..10_000 {
        control.on_packet(now, ssrc, 0, Some(stamp), 100);
    }
    assert_eq!(control.feedback(now).len(), 0, "nothing is due yet");
    assert!(control.on_deadline(now + seconds(1)));
    assert_eq!(control.feedback(now + seconds(1)).len(), MAX_SOURCES);
    let feedback = |time, delay| Feedback {
        time,
        delay: Duration::from_micros(delay),
        receive_byte_rate: 1000,
        loss_event_rate: 0.5,
    };
    assert!(!control.on_feedback(now, 7, &feedback(6_000_000, 0)), "of the future");
    assert!(!control.on_feedback(now, 7, &feedback(4_000_000, 2_000_000)), "before it was sent");
    assert!(control.on_feedback(now, 7, &feedback(4_900_000, 0)));
    assert!(!control.on_feedback(now, 7, &feedback(4_800_000, 0)), "older than another");
    for reporter in 0..1000 {
        control.on_feedback(now, reporter, &feedback(4_900_000, 0));
    }
    assert!(control.outlets_for_test() <= MAX_SOURCES);
}

#[test]
fn packets_without_a_stamp_want_no_report() {
    let mut control = Control::new(Variant::Standard, Duration::ZERO);
    assert!(!control.on_packet(seconds(1), 1, 0, None, 100));
    let stamp = Stamp { rtt: Duration::ZERO, time: 0 };
    assert!(control.on_packet(seconds(1), 1, 1, Some(stamp), 100));
    control.on_packet(seconds(1), 1, 2, None, 100);
    assert!(control.feedback(seconds(2)).is_empty());
    control.on_packet(seconds(2), 1, 3, Some(stamp), 100);
    assert_eq!(control.feedback(seconds(3)).len(), 1);
}

#[test]
fn the_slowest_receiver_decides() {
    let mut control = Control::new(Variant::Standard, Duration::ZERO);
    let feedback =
        Feedback { time: 0, delay: Duration::ZERO, receive_byte_rate: 1_000_000, loss_event_rate: 0.0 };
    assert!(control.on_feedback(Duration::from_millis(50), 1, &feedback));
    let alone = control.byte_rate().unwrap();
    let lossy = Feedback { loss_event_rate: 0.3, ..feedback };
    assert!(control.on_feedback(Duration::from_millis(51), 2, &lossy));
    assert!(control.byte_rate().unwrap() < alone / 2.0);
    let later = Feedback { time: 30_000_000, ..feedback };
    assert!(control.on_feedback(seconds(31), 1, &later));
    control.on_deadline(seconds(31));
    assert!(control.byte_rate().unwrap() > alone / 2.0, "who is silent does not count");
}
