//! `fsrtpjitterbuffer` between pads of the test, and inside rtpbin.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use gst::prelude::*;

use support::jitter_buffer::{Came, Rig, SAMPLES};
use support::{PATIENCE, init};

const MS: Duration = Duration::from_millis(1);

fn ms(ms: u64) -> gst::ClockTime {
    gst::ClockTime::from_mseconds(ms)
}

#[test]
fn the_first_packet_waits_for_earlier_ones_and_the_rest_for_nothing() {
    let rig = Rig::new(100);
    let (start, began) = (rig.now(), Instant::now());
    rig.give(11, start);
    rig.give(10, start + ms(1));
    rig.give(12, start + ms(20));
    assert_eq!([rig.next_number(), rig.next_number(), rig.next_number()], [10, 11, 12]);
    assert!(began.elapsed() >= 60 * MS, "{:?}", began.elapsed());
    // Its own thread's time would be at least the rest of the latency away.
    rig.give(13, start + ms(40));
    let Came::Packet { pts, .. } = rig.next() else { panic!() };
    assert!(pts >= start && pts <= start + ms(61), "{pts} of {start}");
    assert_eq!(rig.count("num-pushed"), 4);
}

#[test]
fn a_loss_is_told_when_its_time_is_over() {
    let rig = Rig::new(60);
    let start = rig.now();
    for number in [1, 2, 3] {
        rig.give(number, start + ms(20) * u64::from(number - 1));
    }
    assert_eq!([rig.next_number(), rig.next_number(), rig.next_number()], [1, 2, 3]);
    rig.give(5, start + ms(80));
    let Came::Lost { sequence_number, timestamp, duration } = rig.next() else { panic!("no loss") };
    let told = rig.now();
    assert_eq!(sequence_number, 4);
    assert!(timestamp.abs_diff((start + ms(60)).nseconds()) < 5_000_000, "{timestamp} of {start}");
    assert!(duration.abs_diff(20_000_000) < 5_000_000, "{duration}");
    assert!(told >= start + ms(115), "told {told} of {start}");
    let Came::Packet { sequence_number: 5, discontinuous: true, .. } = rig.next() else { panic!() };
    rig.give(4, start + ms(200));
    assert_eq!((rig.count("num-lost"), rig.count("num-late")), (1, 1));
}

#[test]
fn what_is_out_of_order_is_put_in_order_and_what_comes_twice_comes_once() {
    let rig = Rig::new(200);
    let start = rig.now();
    for (place, number) in [65534, 65535, 1, 0, 0, 2, 4, 3, 4].into_iter().enumerate() {
        rig.give(number, start + ms(5) * place as u64);
    }
    let came: Vec<u16> = (0..7).map(|_| rig.next_number()).collect();
    assert_eq!(came, [65534, 65535, 0, 1, 2, 3, 4]);
    assert_eq!(rig.count("num-duplicates") + rig.count("num-late"), 2);
    assert!(matches!(rig.came.recv_timeout(50 * MS), Err(RecvTimeoutError::Timeout)));
}

#[test]
fn the_end_comes_last_and_does_not_wait_for_what_is_missing() {
    let rig = Rig::new(10_000);
    let start = rig.now();
    rig.give(1, start);
    rig.give(3, start + ms(40));
    assert!(rig.source.push_event(gst::event::Eos::new()));
    let came: Vec<Came> = (0..4).map(|_| rig.next()).collect();
    assert!(matches!(came[0], Came::Packet { sequence_number: 1, .. }), "{came:?}");
    assert!(matches!(came[1], Came::Lost { sequence_number: 2, .. }), "{came:?}");
    assert!(matches!(came[2], Came::Packet { sequence_number: 3, .. }), "{came:?}");
    assert!(matches!(came[3], Came::Eos), "{came:?}");
}

#[test]
fn flushing_forgets_what_waited() {
    let rig = Rig::new(10_000);
    rig.give(1, rig.now());
    assert!(rig.source.push_event(gst::event::FlushStart::new()));
    assert!(rig.source.push_event(gst::event::FlushStop::new(true)));
    rig.buffer.set_property("latency", 0u32);
    assert!(rig.source.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
    rig.give(7, rig.now());
    assert_eq!(rig.next_number(), 7);
    assert!(rig.sink.is_active());
}

#[test]
fn latency_is_told_and_can_change() {
    let rig = Rig::new(10_000);
    rig.give(1, rig.now());
    assert!(rig.came.recv_timeout(50 * MS).is_err());
    rig.buffer.set_property("latency", 20u32);
    assert_eq!(rig.next_number(), 1);
}

/// Threads of this process that belong to jitter buffers.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks
        .filter(|task| {
            std::fs::read_to_string(task.path().join("comm"))
                .is_ok_and(|name| name.trim() == "fs-jitterbuffer")
        })
        .count()
}

fn until(what: &str, met: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !met() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(5 * MS);
    }
}

#[test]
fn a_sink_that_holds_holds_nobody_else_and_threads_come_and_go() {
    let rigs: Vec<Rig> = (0..12).map(|_| Rig::new(0)).collect();
    let (holding, free) = rigs.split_at(6);
    holding.iter().for_each(|rig| rig.hold(true));
    for number in 0..20 {
        rigs.iter().for_each(|rig| rig.give(number, rig.now()));
        for rig in free {
            assert_eq!(rig.next_number(), number);
        }
    }
    // One for each that is held at least; at most one for each buffer, one that watches, and one that starts.
    assert!((7..=rigs.len() + 2).contains(&threads()), "{}", threads());
    for rig in holding {
        assert!(rig.came.try_recv().is_err());
        rig.hold(false);
        let came: Vec<u16> = (0..20).map(|_| rig.next_number()).collect();
        assert_eq!(came, (0..20).collect::<Vec<_>>());
    }
    until("most threads end", || threads() <= 2 + rigs.len() / 6);
    drop(rigs);
    // Other tests of a program that runs them all may have buffers now.
    if std::env::var_os("NEXTEST").is_some() {
        until("all threads end", || threads() == 0);
    }
}

#[test]
fn stopping_waits_for_what_is_on_its_way() {
    let rig = Rig::new(0);
    rig.hold(true);
    rig.give(1, rig.now());
    until("it is on its way", || rig.count("num-pushed") == 1);
    let (pipeline, (stopped, told)) = (rig.pipeline.clone(), channel());
    let stopper = std::thread::spawn(move || {
        pipeline.set_state(gst::State::Null).unwrap();
        stopped.send(()).unwrap();
    });
    assert!(told.recv_timeout(100 * MS).is_err(), "it stopped with a packet on its way");
    rig.hold(false);
    told.recv_timeout(PATIENCE).unwrap();
    stopper.join().unwrap();
    assert_eq!(rig.next_number(), 1);
}

#[test]
fn reports_of_the_sender_are_told_with_the_times_of_the_packets() {
    let rig = Rig::new(0);
    let rtcp = rig.buffer.request_pad_simple("sink_rtcp").unwrap();
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    rig.buffer.connect("handle-sync", false, move |values| {
        let _ = tell.lock().unwrap().send(values[1].get::<gst::Structure>().unwrap());
        None
    });
    let report = |timestamp: u32| {
        let mut packet = vec![0x80, 200, 0, 6, 0, 0, 0, 7];
        for word in [10, 0, timestamp, 1, 160] {
            packet.extend(u32::to_be_bytes(word));
        }
        packet.extend([0x81, 202, 0, 3, 0, 0, 0, 7, 1, 3, b'a', b'@', b'b', 0, 0, 0]);
        gst::Buffer::from_slice(packet)
    };
    let start = rig.now();
    rtcp.chain(report(160)).unwrap();
    assert!(told.try_recv().is_err(), "a report before the first packet waits for it");
    rig.give(1, start);
    let sync = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(sync.get::<&str>("cname").unwrap(), "a@b");
    assert_eq!(sync.get::<u64>("sr-ntpnstime").unwrap(), 10_000_000_000);
    assert_eq!(sync.get::<u32>("clock-rate").unwrap(), 8000);
    assert_eq!(sync.get::<u64>("sr-ext-rtptime").unwrap(), sync.get::<u64>("base-rtptime").unwrap());
    assert!(sync.get::<u64>("base-time").unwrap().abs_diff(start.nseconds()) < 1_000_000);
    rtcp.chain(report(160 + 5 * 8000)).unwrap();
    let sync = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(sync.get::<u64>("sr-ext-rtptime").unwrap(), u64::MAX, "too far ahead of the packets");
    rtcp.chain(gst::Buffer::from_slice(vec![0x80, 200])).unwrap();
    rig.buffer.release_request_pad(&rtcp);
    assert_eq!(rig.next_number(), 1);
}

#[test]
fn the_offset_moves_times() {
    let rig = Rig::new(0);
    rig.buffer.set_property("ts-offset", 50_000_000i64);
    let start = rig.now();
    rig.give(1, start);
    let Came::Packet { pts, .. } = rig.next() else { panic!() };
    assert_eq!(pts, start + ms(50));
    rig.buffer.set_property("max-ts-offset-adjustment", 1_000_000u64);
    rig.buffer.set_property("ts-offset", 40_000_000i64);
    let offsets: Vec<u64> = (2..16)
        .map(|number| {
            rig.give(number, start + ms(20) * u64::from(number - 1));
            let Came::Packet { pts, .. } = rig.next() else { panic!() };
            (pts - start - ms(20) * u64::from(number - 1)).mseconds()
        })
        .collect();
    assert!(offsets.is_sorted_by(|a, b| a >= b), "{offsets:?}");
    assert_eq!(offsets.last(), Some(&40), "{offsets:?}");
    assert!(offsets.windows(2).all(|pair| pair[0] - pair[1] <= 1), "{offsets:?}");
}

/// A packet of a source: when it arrives, in ms, and its number and timestamp.
type Arrival = (u64, u16, u32);

/// What a source of one packet each 20 ms becomes on a way that changes it.
fn source(count: u16, change: impl Fn(u16) -> Vec<(u64, u16, u32)>) -> Vec<Arrival> {
    let mut arrivals: Vec<Arrival> = (0..count).flat_map(change).collect();
    arrivals.sort_by_key(|(at, ..)| *at);
    arrivals
}

/// The usual packet of that place.
fn usual(place: u16) -> Arrival {
    (
        u64::from(place) * 20,
        65_500u16.wrapping_add(place),
        (u32::MAX - 4000).wrapping_add(u32::from(place) * SAMPLES),
    )
}

fn later(place: u16, ms: u64) -> Arrival {
    let (at, number, timestamp) = usual(place);
    (at + ms, number, timestamp)
}

/// What came out of a buffer that got these packets in their time.
fn replay(factory: &str, arrivals: &[Arrival]) -> Vec<String> {
    const LATENCY_MS: u32 = 120;
    let rig = Rig::of(factory, LATENCY_MS);
    let (start, began) = (rig.now(), Instant::now());
    for (at, number, timestamp) in arrivals {
        std::thread::sleep((Duration::from_millis(*at)).saturating_sub(began.elapsed()));
        rig.give_with(*number, *timestamp, start + ms(*at));
    }
    std::thread::sleep(Duration::from_millis(u64::from(LATENCY_MS) + 150));
    // Times in steps of 10 ms: the clocks of two runs differ by less.
    let step = |ns: u64| ns.saturating_sub(start.nseconds()).saturating_add(5_000_000) / 10_000_000;
    rig.came
        .try_iter()
        .map(|came| match came {
            Came::Packet { sequence_number, pts, discontinuous } => {
                format!(
                    "{sequence_number} at {}{}",
                    step(pts.nseconds()),
                    if discontinuous { " after a break" } else { "" }
                )
            }
            Came::Lost { sequence_number, timestamp, duration } => {
                format!(
                    "{sequence_number} lost at {} for {}",
                    step(timestamp),
                    (duration + 5_000_000) / 10_000_000
                )
            }
            Came::Eos => "end".to_owned(),
        })
        .collect()
}

/// The same packets in their time through ours and through rtpbin's own.
fn twins(arrivals: Vec<Arrival>) {
    let both = ["fsrtpjitterbuffer", "rtpjitterbuffer"].map(|factory| {
        let arrivals = arrivals.clone();
        std::thread::spawn(move || replay(factory, &arrivals))
    });
    let [ours, stock] = both.map(|run| run.join().unwrap());
    assert_eq!(ours, stock);
    assert!(!ours.is_empty());
}

#[test]
fn as_rtpbins_own_with_jitter_and_numbers_that_run_over() {
    twins(source(60, |place| vec![later(place, [0, 4, 1, 9, 2][usize::from(place % 5)])]));
}

#[test]
fn as_rtpbins_own_with_losses_and_disorder() {
    twins(source(60, |place| match place {
        17 | 30 | 31 => vec![],
        40 => vec![later(40, 45)],
        45 => vec![usual(45), later(45, 7)],
        50 => vec![later(50, 300)],
        _ => vec![usual(place)],
    }));
}

#[test]
fn as_rtpbins_own_with_a_silence_and_a_new_count() {
    twins(source(70, |place| match place {
        // Nothing is sent in a pause, and its time passes in the timestamps.
        20..30 => vec![],
        30..45 => {
            let (at, number, timestamp) = usual(place);
            vec![(at, number.wrapping_sub(10), timestamp)]
        }
        45.. => {
            let (at, number, timestamp) = usual(place);
            vec![(at, number.wrapping_add(30_000), timestamp.wrapping_add(1 << 30))]
        }
        _ => vec![usual(place)],
    }));
}

/// The RTP sessions of a conference, as an application sees them.
fn rtpbin() -> (gst::Element, gst::Element) {
    init();
    let conference = gst::ElementFactory::make("fsrtpconference").build().unwrap();
    let proxy = conference.dynamic_cast_ref::<gst::ChildProxy>().unwrap();
    let rtpbin = proxy.child_by_name("rtpbin").unwrap().downcast::<gst::Element>().unwrap();
    (conference, rtpbin)
}

/// The jitter buffer that rtpbin makes for a source.
fn of_rtpbin(set: impl Fn(&gst::Element)) -> String {
    let (_conference, rtpbin) = rtpbin();
    set(&rtpbin);
    let made = rtpbin.emit_by_name::<Option<gst::Element>>("request-jitterbuffer", &[&0u32]);
    made.and_then(|made| made.factory()).map(|f| f.name().to_string()).unwrap_or_default()
}

#[test]
fn rtpbin_uses_it_unless_it_needs_its_own() {
    assert_eq!(of_rtpbin(|_| ()), "fsrtpjitterbuffer");
    assert_eq!(of_rtpbin(|bin| bin.set_property_from_str("buffer-mode", "buffer")), "rtpjitterbuffer");
    for name in ["do-retransmission", "rfc7273-sync"] {
        let on = |bin: &gst::Element| bin.set_property(name, true);
        assert_eq!(of_rtpbin(on), "rtpjitterbuffer", "{name}");
        let off_again = |bin: &gst::Element| {
            on(bin);
            bin.set_property(name, false);
        };
        assert_eq!(of_rtpbin(off_again), "fsrtpjitterbuffer", "{name}");
    }
}

/// rtpbin asks for a jitter buffer with the lock of a session. Here somebody has its own lock and waits for that of a session, as
/// each change of codecs does for a moment (`clear-pt-map`).
#[test]
fn a_new_source_does_not_wait_for_a_change_of_codecs() {
    let (_conference, rtpbin) = rtpbin();
    let input = rtpbin.request_pad_simple("recv_rtp_sink_0").unwrap();
    rtpbin.set_state(gst::State::Playing).unwrap();
    let caps = gst::Caps::builder("application/x-rtp")
        .field("media", "audio")
        .field("clock-rate", 8000)
        .field("encoding-name", "PCMU")
        .field("payload", 0)
        .build();
    let told = caps.clone();
    rtpbin.connect("request-pt-map", false, move |_| Some(told.to_value()));
    assert!(input.send_event(gst::event::StreamStart::new("peer")));
    assert!(input.send_event(gst::event::Caps::new(&caps)));
    assert!(input.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
    let (tell, made) = channel();
    rtpbin.connect("new-jitterbuffer", false, move |values| {
        tell.send(values[1].get::<gst::Element>().unwrap()).unwrap();
        None
    });
    // More than the session waits for before it believes in a source.
    for number in 0..5 {
        let packet = [&[0x80, 0, 0, number, 0, 0, number, 0, 0, 0, 0, 7][..], &[0xff; 160]].concat();
        input.chain(gst::Buffer::from_slice(packet)).unwrap();
    }
    let buffer = made.recv_timeout(PATIENCE).unwrap();
    assert_eq!(buffer.factory().unwrap().name(), "fsrtpjitterbuffer");
    let (tell, answered) = channel();
    let (asked, tell) = (rtpbin.downgrade(), Mutex::new(tell));
    buffer.connect("clear-pt-map", false, move |_| {
        let (bin, (answer, came)) = (asked.upgrade().unwrap(), channel());
        std::thread::spawn(move || {
            let ours = bin.emit_by_name::<Option<gst::Element>>("request-jitterbuffer", &[&0u32]);
            let _ = answer.send(ours.is_some());
        });
        tell.lock().unwrap().send(came.recv_timeout(PATIENCE / 4)).unwrap();
        None
    });
    rtpbin.emit_by_name::<()>("clear-pt-map", &[]);
    assert_eq!(answered.try_recv().unwrap(), Ok(true));
    rtpbin.set_state(gst::State::Null).unwrap();
}

#[test]
fn settings_in_files_for_rtpbins_own_are_for_it_too() {
    init();
    let file = glib::KeyFile::new();
    file.load_from_data("[rtpjitterbuffer]\nlatency=33\n", glib::KeyFileFlags::NONE).unwrap();
    let notifier = fs_core::ElementAddedNotifier::new();
    notifier.set_properties_from_keyfile(&file);
    let bin = gst::Bin::new();
    notifier.add(&bin);
    let buffer = gst::ElementFactory::make("fsrtpjitterbuffer").build().unwrap();
    bin.add(&buffer).unwrap();
    assert_eq!(buffer.property::<u32>("latency"), 33);
}
