//! Streams in virtual time: packets of 20 ms at 8000 Hz unless a test says otherwise.

use super::*;

const MS: u64 = 1_000_000;
/// A packet, in milliseconds and in ticks.
const PACKET: u64 = 20;
const TICKS: u32 = 160;

/// A packet that is known by its place in the stream; numbers and timestamps may begin anywhere.
struct Stream {
    buffer: JitterBuffer<u64>,
    first_number: u16,
    first_timestamp: u32,
}

impl Stream {
    fn new() -> Self {
        Self::from(1000, 50_000)
    }

    fn from(first_number: u16, first_timestamp: u32) -> Self {
        let mut buffer = JitterBuffer::new(Config::default());
        buffer.set_clock_rate(8000);
        Self { buffer, first_number, first_timestamp }
    }

    /// One whose first `count` packets came out.
    fn running(count: u64) -> Self {
        let mut stream = Self::new();
        stream.run(0..count);
        stream
    }

    fn run(&mut self, packets: std::ops::Range<u64>) {
        for i in packets {
            assert_eq!(self.push(i), Outcome::Kept);
        }
        let now = self.buffer.deadline_ns().unwrap();
        while self.buffer.pop(now).is_some() {}
    }

    fn header(&self, i: u64) -> Header {
        Header {
            sequence_number: self.first_number.wrapping_add(i as u16),
            timestamp: self.first_timestamp.wrapping_add((i as u32).wrapping_mul(TICKS)),
            payload_type: 0,
        }
    }

    /// On time.
    fn push(&mut self, i: u64) -> Outcome {
        self.push_at(i, i * PACKET)
    }

    fn push_at(&mut self, i: u64, ms: u64) -> Outcome {
        self.buffer.push(self.header(i), ms * MS, ms * MS, i)
    }

    fn pop_at(&mut self, ms: u64) -> Option<Out<u64>> {
        self.buffer.pop(ms * MS)
    }

    fn packets_at(&mut self, ms: u64) -> Vec<u64> {
        std::iter::from_fn(|| self.pop_at(ms)).filter_map(|out| packet(&out).map(|(i, _)| i)).collect()
    }
}

fn packet(out: &Out<u64>) -> Option<(u64, u64)> {
    match out {
        Out::Packet { packet, time_ns, .. } => Some((*packet, *time_ns)),
        _ => None,
    }
}

fn lost(sequence_number: u16, count: u32, ms: u64, duration_ms: u64) -> Option<Out<u64>> {
    Some(Out::Lost { sequence_number, count, time_ns: ms * MS, duration_ns: duration_ms * MS })
}

fn kept(i: u64, ms: u64, discontinuous: bool) -> Option<Out<u64>> {
    let sequence_number = 1000 + i as u16;
    Some(Out::Packet { packet: i, sequence_number, time_ns: ms * MS, discontinuous })
}

#[test]
fn without_a_clock_rate_nothing_is_taken() {
    let mut buffer = JitterBuffer::new(Config::default());
    buffer.set_clock_rate(0);
    let header = Header { sequence_number: 1, timestamp: 1, payload_type: 0 };
    assert_eq!(buffer.push(header, 0, 0, ()), Outcome::Late);
    assert_eq!((buffer.deadline_ns(), buffer.timing(), buffer.is_empty()), (None, None, true));
    assert_eq!(buffer.extend(7), (1 << 32) + 7);
}

#[test]
fn the_first_packet_waits_and_the_others_do_not() {
    let mut stream = Stream::new();
    assert_eq!(stream.buffer.playouts_ns(), None);
    stream.push_at(0, 100);
    assert_eq!(stream.buffer.deadline_ns(), Some(300 * MS));
    assert_eq!(stream.buffer.playouts_ns(), Some([300 * MS, 300 * MS]));
    assert_eq!(stream.pop_at(299), None);
    stream.push_at(1, 120);
    assert_eq!(stream.pop_at(300), kept(0, 100, false));
    assert_eq!(stream.pop_at(300), kept(1, 120, false));
    assert_eq!(stream.buffer.deadline_ns(), None);
    stream.push_at(2, 141);
    assert_eq!(stream.buffer.deadline_ns(), Some(0));
    assert_eq!(stream.buffer.playouts_ns(), Some([340 * MS, 340 * MS]), "whenever it came");
    stream.push_at(3, 160);
    assert_eq!(stream.buffer.playouts_ns(), Some([340 * MS, 360 * MS]));
    assert_eq!(stream.pop_at(160), kept(2, 140, false));
    assert_eq!(stream.pop_at(160), kept(3, 160, false));
    assert_eq!(stream.buffer.counters().pushed, 4);
    stream.buffer.append(9);
    assert_eq!(stream.buffer.playouts_ns(), None, "it is no packet");
}

#[test]
fn earlier_packets_go_before_the_first_one() {
    let mut stream = Stream::new();
    stream.push_at(3, 100);
    stream.push_at(2, 105);
    stream.push_at(0, 106);
    assert_eq!(stream.buffer.deadline_ns(), Some(240 * MS));
    assert_eq!(stream.pop_at(240), kept(0, 40, false));
    // Missing ones are due between the two.
    assert_eq!(stream.buffer.deadline_ns(), Some(260 * MS));
    assert_eq!(stream.pop_at(260), lost(1001, 1, 60, 20));
    assert_eq!(stream.pop_at(260), kept(2, 80, true));
    assert_eq!(stream.pop_at(260), kept(3, 100, false));
}

#[test]
fn reordered_packets_come_in_order() {
    let mut stream = Stream::running(10);
    for (i, came) in [(12, 240), (10, 241), (13, 260), (11, 261)] {
        assert_eq!(stream.push_at(i, came), Outcome::Kept);
    }
    assert_eq!(stream.packets_at(261), [10, 11, 12, 13]);
    assert_eq!(stream.buffer.counters().lost, 0);
}

#[test]
fn a_missing_packet_is_waited_for_until_its_own_time_is_over() {
    let mut stream = Stream::running(10);
    stream.push(11);
    assert_eq!(stream.buffer.deadline_ns(), Some(400 * MS));
    assert_eq!(stream.pop_at(399), None);
    assert_eq!(stream.pop_at(400), lost(1010, 1, 200, 20));
    assert_eq!(stream.pop_at(400), kept(11, 220, true));
    assert_eq!(stream.push_at(10, 401), Outcome::Late);
    stream.push_at(12, 401);
    assert_eq!(stream.pop_at(401), kept(12, 240, false), "a late one changes nothing");
    assert_eq!(stream.buffer.counters(), Counters { pushed: 12, lost: 1, late: 1, duplicates: 0 });
}

#[test]
fn several_missing_packets_are_given_up_one_after_the_other() {
    let mut stream = Stream::running(10);
    stream.push(14);
    stream.push_at(11, 290);
    assert_eq!(stream.pop_at(400), lost(1010, 1, 200, 20));
    assert_eq!(stream.pop_at(400), kept(11, 220, true));
    assert_eq!(stream.buffer.deadline_ns(), Some(440 * MS));
    assert_eq!(stream.pop_at(440), lost(1012, 1, 240, 20));
    assert_eq!(stream.buffer.deadline_ns(), Some(460 * MS));
    // One that fills the rest of the gap.
    stream.push_at(13, 450);
    assert_eq!(stream.packets_at(450), [13, 14]);
}

#[test]
fn those_that_are_too_late_already_are_given_up_together() {
    let mut stream = Stream::running(10);
    stream.push(60);
    // 10 to 59; ten of them are in the latency before 60.
    assert_eq!(stream.pop_at(1200), lost(1010, 40, 200, 800));
    assert_eq!(stream.buffer.deadline_ns(), Some(1200 * MS));
    for i in 50..60 {
        assert_eq!(stream.buffer.deadline_ns(), Some((i * PACKET + 200) * MS));
        assert_eq!(stream.pop_at(i * PACKET + 200), lost(1000 + i as u16, 1, i * PACKET, 20));
    }
    assert_eq!(stream.pop_at(1380), kept(60, 1200, true));
    assert_eq!(stream.buffer.counters().lost, 50);
}

#[test]
fn a_loss_before_a_pause_covers_it() {
    let mut stream = Stream::running(10);
    let header = Header { sequence_number: 1011, ..stream.header(110) };
    stream.buffer.push(header, 2200 * MS, 2200 * MS, 11);
    assert_eq!(stream.pop_at(2200), lost(1010, 1, 200, 2000));
    assert_eq!(stream.pop_at(2200), kept(11, 2200, true));
}

#[test]
fn a_pause_without_a_loss_is_none() {
    let mut stream = Stream::running(10);
    let header = Header { sequence_number: 1010, ..stream.header(160) };
    stream.buffer.push(header, 3205 * MS, 3205 * MS, 10);
    assert_eq!(stream.pop_at(3205), kept(10, 3200, false));
}

#[test]
fn frames_of_several_packets_have_no_spacing() {
    let mut stream = Stream::new();
    let mut push = |number: u16, frame: u64, ms: u64| {
        let header = Header { sequence_number: number, ..stream.header(frame) };
        stream.buffer.push(header, ms * MS, ms * MS, number.into());
    };
    for i in 0..40 {
        push(i, u64::from(i / 4), u64::from(i / 4) * PACKET);
    }
    push(43, 10, 203);
    push(44, 11, 220);
    assert_eq!(stream.packets_at(220).len(), 40);
    assert_eq!(stream.buffer.deadline_ns(), Some(400 * MS));
    for number in 40..43 {
        assert_eq!(stream.pop_at(400), lost(number, 1, 200, 0));
    }
    let times: Vec<_> = std::iter::from_fn(|| stream.pop_at(400)).filter_map(|out| packet(&out)).collect();
    assert_eq!(times, [(43, 200 * MS), (44, 220 * MS)]);
}

#[test]
fn a_frame_has_one_time() {
    let mut stream = Stream::running(10);
    for (number, ms) in [(1010, 200), (1012, 230), (1011, 231), (1013, 240)] {
        let header = Header { sequence_number: number, ..stream.header(10) };
        stream.buffer.push(header, ms * MS, ms * MS, number.into());
    }
    let times: Vec<_> = std::iter::from_fn(|| stream.pop_at(240)).filter_map(|out| packet(&out)).collect();
    assert_eq!(times.len(), 4);
    assert!(times.iter().all(|(_, time)| *time == times[0].1), "{times:?}");
}

#[test]
fn duplicates_are_dropped() {
    let mut stream = Stream::running(10);
    stream.push(11);
    stream.push(12);
    assert_eq!(stream.push_at(11, 241), Outcome::Duplicate);
    assert_eq!(stream.push_at(12, 241), Outcome::Duplicate);
    assert_eq!(stream.push_at(9, 241), Outcome::Late);
    assert_eq!(stream.buffer.len(), 2);
    assert_eq!(stream.buffer.counters().duplicates, 2);
}

#[test]
fn numbers_and_timestamps_wrap() {
    let mut stream = Stream::from(65_530, u32::MAX - 10 * TICKS);
    stream.push(0);
    let mut came = Vec::new();
    for i in 0..140_000u64 {
        // Each pair is reordered.
        stream.push_at(i ^ 1, (i | 1) * PACKET);
        came.extend(std::iter::from_fn(|| stream.pop_at(i * PACKET)).map(|out| packet(&out).unwrap()));
    }
    assert_eq!(came.len() as u64, stream.buffer.counters().pushed);
    assert!(came.len() > 139_900);
    assert!(came.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1 && pair[1].1 > pair[0].1));
    assert_eq!(stream.buffer.counters().lost, 0);
    assert_eq!(stream.buffer.timing().unwrap().last_rtp_time >> 32, 2);
}

#[test]
fn a_sender_that_jumps_begins_anew_after_five_packets() {
    for jump in [20_000, 65_536 - 5000] {
        let mut stream = Stream::running(200);
        stream.push(201);
        stream.buffer.append(77);
        let jumped = |i: u64| jump + 200 + i;
        for i in 0..4 {
            assert_eq!(stream.push_at(jumped(i), 4000 + i * PACKET), Outcome::Waiting);
        }
        assert_eq!(stream.buffer.len(), 2);
        assert_eq!(stream.push_at(jumped(4), 4080), Outcome::Restarted);
        assert_eq!(stream.pop_at(4080), Some(Out::Other(77)));
        let Some(Out::Packet { packet, time_ns, discontinuous: true, .. }) = stream.pop_at(4080) else {
            panic!("the first one comes at once")
        };
        assert_eq!((packet, time_ns), (jumped(0), 4000 * MS));
        assert_eq!(stream.packets_at(4080), [jumped(1), jumped(2), jumped(3), jumped(4)]);
        assert_eq!(stream.push_at(jumped(5), 4100), Outcome::Kept);
        assert_eq!(stream.packets_at(4100), [jumped(5)]);
    }
}

#[test]
fn stray_packets_do_not_begin_anew() {
    let mut stream = Stream::running(200);
    for i in [20_000, 20_001, 20_002, 20_003, 20_005] {
        assert_eq!(stream.push_at(i, 4000), Outcome::Waiting);
    }
    assert_eq!(stream.push_at(20_004, 4000), Outcome::Waiting, "the others were dropped");
    let other = Header { payload_type: 8, ..stream.header(20_005) };
    assert_eq!(stream.buffer.push(other, 4000 * MS, 4000 * MS, 0), Outcome::Waiting);
    for i in 20_006..20_010 {
        assert_eq!(stream.push_at(i, 4000), Outcome::Waiting);
    }
    // One in order drops those that wait.
    assert_eq!(stream.push(200), Outcome::Kept);
    assert_eq!(stream.push_at(20_010, 4001), Outcome::Waiting);
    assert_eq!(stream.packets_at(4001), [200]);
}

#[test]
fn too_much_missing_begins_anew() {
    let mut stream = Stream::running(200);
    let mut outcomes = Vec::new();
    for i in 1..40 {
        // Each jump is credible, not the sum.
        outcomes.push(stream.push_at(200 + i * 100, 4000 + i));
    }
    let at = outcomes.iter().position(|outcome| *outcome == Outcome::Restarted).unwrap();
    assert!(at > 10, "{at}");
    assert_eq!(stream.packets_at(4040)[0], 200 + (at as u64 + 1) * 100);
}

#[test]
fn the_clocks_drift_is_followed() {
    for ppm in [-200i64, 200] {
        let mut stream = Stream::new();
        let mut random = 1u64;
        for i in 0..3000u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let jitter = (random >> 33) % (30 * MS);
            let sent = i * PACKET * MS;
            let here = 1000 * MS + (sent as i64 + sent as i64 * ppm / 1_000_000) as u64;
            stream.buffer.push(stream.header(i), here + jitter, here + jitter, i);
            while let Some(out) = stream.buffer.pop(here + jitter) {
                let (came, time) = packet(&out).unwrap();
                if came > 200 {
                    let sent = (came * PACKET * MS) as i64;
                    let error = time as i64 - (1000 * MS) as i64 - sent - sent * ppm / 1_000_000;
                    assert!(error.abs() < 4 * MS as i64, "{ppm} ppm, packet {came}: {error}");
                }
            }
        }
        assert!((7 * MS..13 * MS).contains(&stream.buffer.jitter_ns()), "{}", stream.buffer.jitter_ns());
        assert_eq!(stream.buffer.counters().pushed, 3000);
    }
}

#[test]
fn jitter_is_smoothed() {
    let mut stream = Stream::running(200);
    assert_eq!(stream.buffer.jitter_ns(), 0);
    let mut last = 199 * PACKET * MS;
    for i in 200..400 {
        stream.push_at(i, i * PACKET + [0, 15, 3, 11][i as usize % 4]);
        let (came, time) = packet(&stream.pop_at(i * PACKET + 15).unwrap()).unwrap();
        assert_eq!(came, i);
        assert!((19 * MS..=21 * MS).contains(&(time - last)), "{}", time - last);
        last = time;
    }
    assert!((11 * MS..12 * MS).contains(&stream.buffer.jitter_ns()), "11.5 ms on average");
}

#[test]
fn another_timeline_is_taken_up() {
    let mut stream = Stream::running(10);
    // Ahead by more than a second, and back before the beginning.
    for (i, timestamp) in [(10, 1_000_000), (11, 1000)] {
        let header = Header { timestamp, ..stream.header(i) };
        stream.buffer.push(header, i * PACKET * MS, i * PACKET * MS, i);
        assert_eq!(stream.pop_at(i * PACKET), kept(i, i * PACKET, false));
        assert_eq!(stream.buffer.timing().unwrap().base_time_ns, i * PACKET * MS);
    }
    assert_eq!(stream.buffer.extend(1160), (1 << 32) + 1160);
    // Later than the latency allows: the sender paused.
    stream.push(12);
    let header = Header { timestamp: 1160, ..stream.header(12) };
    stream.buffer.clear();
    stream.buffer.push(header, 240 * MS, 240 * MS, 12);
    let header = Header { timestamp: 1320, ..stream.header(13) };
    stream.buffer.push(header, 470 * MS, 470 * MS, 13);
    assert_eq!(stream.pop_at(470), kept(12, 240, false));
    assert_eq!(stream.pop_at(470), kept(13, 470, false));
}

#[test]
fn another_clock_rate_keeps_the_queue() {
    let mut stream = Stream::running(10);
    stream.push(11);
    stream.buffer.set_clock_rate(8000);
    assert!(stream.buffer.timing().is_some());
    stream.buffer.set_clock_rate(16_000);
    assert_eq!(stream.buffer.timing(), None);
    stream.push_at(12, 250);
    assert_eq!(stream.buffer.timing().unwrap().clock_rate, 16_000);
    stream.push_at(10, 251);
    assert_eq!(stream.packets_at(251), [10, 11, 12]);
}

#[test]
fn events_keep_their_place() {
    let mut stream = Stream::running(10);
    stream.buffer.append(100);
    assert_eq!(stream.buffer.deadline_ns(), Some(0));
    stream.push(11);
    stream.buffer.append(101);
    stream.buffer.append(102);
    stream.push(12);
    stream.push_at(10, 250);
    let out: Vec<_> = std::iter::from_fn(|| stream.pop_at(250))
        .map(|out| match out {
            Out::Packet { packet, .. } | Out::Other(packet) => packet,
            Out::Lost { .. } => panic!("nothing is lost"),
        })
        .collect();
    assert_eq!(out, [100, 10, 11, 101, 102, 12]);
}

#[test]
fn the_end_waits_for_nothing() {
    let mut stream = Stream::new();
    stream.push(0);
    stream.push(3);
    stream.buffer.finish();
    assert_eq!(stream.buffer.deadline_ns(), Some(0));
    assert_eq!(stream.push(4), Outcome::Late);
    assert_eq!(stream.pop_at(0), kept(0, 0, false));
    assert_eq!(stream.pop_at(0), lost(1001, 1, 20, 20));
    assert_eq!(stream.pop_at(0), lost(1002, 1, 40, 20));
    assert_eq!(stream.pop_at(0), kept(3, 60, true));
    assert_eq!((stream.pop_at(0), stream.buffer.deadline_ns()), (None, None));
}

#[test]
fn a_flush_keeps_configuration_and_counters() {
    let mut stream = Stream::running(10);
    let config = Config { latency_ns: 50 * MS, ..Config::default() };
    stream.buffer.configure(config);
    stream.push(11);
    stream.buffer.append(5);
    stream.buffer.finish();
    stream.buffer.clear();
    assert!(stream.buffer.is_empty());
    assert_eq!((stream.buffer.config(), stream.buffer.counters().pushed), (config, 10));
    assert_eq!(stream.push_at(5, 1000), Outcome::Kept);
    assert_eq!(stream.buffer.deadline_ns(), Some(1050 * MS));
}

#[test]
fn latency_and_offset_change_while_something_waits() {
    let mut stream = Stream::running(10);
    stream.push(11);
    stream.buffer.configure(Config { latency_ns: 100 * MS, ..Config::default() });
    assert_eq!(stream.buffer.deadline_ns(), Some(300 * MS));
    let offset_ns = 30 * MS as i64;
    stream.buffer.configure(Config { latency_ns: 100 * MS, offset_ns, ..Config::default() });
    assert_eq!(stream.pop_at(329), None);
    assert_eq!(stream.pop_at(330), lost(1010, 1, 230, 20));
    assert_eq!(stream.pop_at(330), kept(11, 250, true));
    stream.push(13);
    stream.buffer.configure(Config { offset_ns: i64::MIN, ..Config::default() });
    assert_eq!(stream.buffer.deadline_ns(), Some(0));
    assert_eq!(stream.pop_at(330), lost(1012, 1, 0, 20));
    assert_eq!(stream.pop_at(330), kept(13, 0, true));
}

#[test]
fn the_oldest_makes_room_if_asked_to() {
    let mut stream = Stream::running(10);
    stream.buffer.configure(Config { drop_on_latency: true, ..Config::default() });
    for i in 11..=21 {
        stream.push_at(i, 220);
    }
    assert_eq!(stream.pop_at(220), None);
    stream.push_at(22, 220);
    assert!(matches!(stream.pop_at(220), Some(Out::Packet { packet: 12, discontinuous: true, .. })));
    assert_eq!(stream.push_at(10, 220), Outcome::Late);
    assert_eq!(stream.buffer.counters().lost, 1);
}

#[test]
fn the_buffer_is_bounded() {
    let mut stream = Stream::running(10);
    for i in 0..25_000 {
        let outcome = stream.push_at(11 + i, 220);
        assert_eq!(outcome == Outcome::Kept, i < 2 * MAX_QUEUED as u64, "{i}");
        if i + 1 < MAX_QUEUED as u64 {
            assert_ne!(stream.buffer.deadline_ns(), Some(0));
        }
    }
    for i in 0..50_000 {
        stream.buffer.append(i);
    }
    assert_eq!(stream.buffer.len(), 3 * MAX_QUEUED);
    assert!(matches!(stream.pop_at(220), Some(Out::Lost { sequence_number: 1010, count: 1, .. })));
}

mod properties;
