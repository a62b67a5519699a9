//! What holds whatever the network does.

use proptest::prelude::*;

use super::*;

/// Sent packets, as (when they come, which one).
fn arrivals() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let packet = (0u8..10, 0u64..250, 0u64..400);
    prop::collection::vec(packet, 1..300).prop_map(|packets| {
        let mut arrivals = Vec::new();
        for (i, (fate, delay, second)) in packets.into_iter().enumerate() {
            let i = i as u64;
            let sent = i * PACKET;
            match fate {
                0 => {}
                1 => arrivals.extend([(sent + delay, i), (sent + second, i)]),
                2 | 3 => arrivals.push((sent + delay, i)),
                _ => arrivals.push((sent + delay % 15, i)),
            }
        }
        arrivals.sort_unstable();
        arrivals
    })
}

fn drain(stream: &mut Stream, until_ms: u64, out: &mut Vec<Out<u64>>) {
    while let Some(deadline) = stream.buffer.deadline_ns().filter(|deadline| *deadline <= until_ms * MS) {
        if deadline > 0 {
            assert_eq!(stream.buffer.pop(deadline - 1), None);
        }
        out.push(stream.buffer.pop(deadline).expect("the deadline is over"));
    }
    assert_eq!(stream.pop_at(until_ms), None);
}

proptest! {
    #[test]
    fn whatever_the_network_does(
        arrivals in arrivals(),
        first_number: u16,
        first_timestamp: u32,
        finish: bool,
    ) {
        let mut stream = Stream::from(first_number, first_timestamp);
        let (mut out, mut kept) = (Vec::new(), 0);
        for (ms, i) in &arrivals {
            drain(&mut stream, ms.saturating_sub(1), &mut out);
            match stream.push_at(*i, *ms) {
                Outcome::Kept => kept += 1,
                Outcome::Late | Outcome::Duplicate => {}
                other => prop_assert!(false, "{other:?}"),
            }
            drain(&mut stream, *ms, &mut out);
        }
        if finish {
            stream.buffer.finish();
            prop_assert!(stream.buffer.is_empty() || stream.buffer.deadline_ns() == Some(0));
        }
        drain(&mut stream, 1_000_000, &mut out);
        prop_assert!(stream.buffer.is_empty());
        let counters = stream.buffer.counters();
        prop_assert_eq!(kept, counters.pushed);
        prop_assert_eq!(counters.pushed + counters.late + counters.duplicates, arrivals.len() as u64);
        let packets: Vec<_> = out.iter().filter_map(packet).collect();
        prop_assert!(packets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        // All numbers come once, as packets or losses. The time of a loss is a guess: one that fills the rest of the gap
        // may turn out to be due earlier.
        let (mut next, mut lost) = (None, 0);
        for out in &out {
            let (number, count) = match out {
                Out::Packet { sequence_number, .. } => (*sequence_number, 1),
                Out::Lost { sequence_number, count, .. } => (*sequence_number, *count),
                Out::Other(_) => unreachable!("nothing else was put in"),
            };
            prop_assert_eq!(next.unwrap_or(number), number);
            next = Some(number.wrapping_add(count as u16));
            lost += if matches!(out, Out::Lost { .. }) { u64::from(count) } else { 0 };
        }
        prop_assert_eq!(lost, counters.lost);
    }

    #[test]
    fn nothing_is_too_absurd(
        packets in prop::collection::vec((any::<u16>(), any::<u32>(), any::<u64>(), any::<u64>()), 0..200),
        rate in 1u32..,
        latency_ns: u64,
        offset_ns: i64,
        drop_on_latency: bool,
        close: bool,
    ) {
        let mut buffer = JitterBuffer::new(Config { latency_ns, offset_ns, drop_on_latency, ..Config::default() });
        buffer.set_clock_rate(rate);
        for (number, timestamp, arrival_ns, now_ns) in packets {
            let sequence_number = if close { number % 64 } else { number };
            buffer.push(Header { sequence_number, timestamp, payload_type: 0 }, arrival_ns, now_ns, ());
            buffer.pop(now_ns);
            if let Some(deadline) = buffer.deadline_ns() {
                prop_assert!(buffer.pop(deadline).is_some());
            }
        }
        buffer.jitter_ns();
        buffer.timing();
    }
}
