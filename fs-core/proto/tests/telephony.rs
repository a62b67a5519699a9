//! What holds for telephony events whatever the application asks for and the network loses.

#![allow(clippy::unwrap_used)] // a test: a panic is its verdict

use std::collections::HashSet;

use fs_proto::DtmfMethod;
use fs_proto::session::telephony::{Effect, Telephony};
use fs_proto::telephone_event::{EventPayload, EventReceiver, EventSender, Received};
use proptest::prelude::*;

/// What happens to a queue.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start(u8),
    Stop,
    Began,
    Refused,
    Ended,
    Lost,
    Retry,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..20u8).prop_map(Step::Start),
        3 => Just(Step::Stop),
        3 => Just(Step::Began),
        1 => Just(Step::Refused),
        3 => Just(Step::Ended),
        1 => Just(Step::Lost),
        1 => Just(Step::Retry),
    ]
}

/// Follows the effects and checks their order.
#[derive(Default)]
struct Watcher {
    busy: bool,
    playing: bool,
    started: Vec<u8>,
}

impl Watcher {
    fn see(&mut self, queue: &mut Telephony) {
        while let Some(effect) = queue.next_effect() {
            match effect {
                Effect::Begin(_) => {
                    assert!(!self.playing && !self.busy, "one at a time");
                    self.busy = true;
                }
                Effect::Started(tone, _) => {
                    assert!(self.busy && !self.playing);
                    self.playing = true;
                    self.started.push(tone.event);
                }
                Effect::End => assert!(self.playing),
                Effect::Stopped(_) => {
                    assert!(self.playing, "only what started stops");
                    (self.playing, self.busy) = (false, false);
                }
                Effect::Rest => {
                    assert!(!self.playing);
                    self.busy = false;
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn every_start_that_was_taken_is_carried_out_once_and_in_order(steps in prop::collection::vec(step(), 0..60)) {
        let (mut queue, mut watcher, mut taken) = (Telephony::default(), Watcher::default(), Vec::new());
        let mut last_taken = None;
        for step in steps {
            match step {
                Step::Start(event) => {
                    let ok = queue.start(event, 8);
                    prop_assert!(ok || last_taken == Some(true), "only a start refuses a start");
                    if ok {
                        taken.push(event);
                        last_taken = Some(true);
                    }
                }
                Step::Stop => {
                    let ok = queue.stop();
                    prop_assert!(ok || last_taken == Some(false), "only a stop refuses a stop");
                    if ok {
                        last_taken = Some(false);
                    }
                }
                Step::Began => queue.began(DtmfMethod::Sound),
                Step::Refused => queue.refused(),
                Step::Ended => queue.ended(),
                Step::Lost => queue.lost(),
                Step::Retry => queue.retry(),
            }
            watcher.see(&mut queue);
        }
        // With a source that does its work everything left is carried out.
        for _ in 0..200 {
            queue.retry();
            watcher.see(&mut queue);
            queue.began(DtmfMethod::RtpRfc4733);
            watcher.see(&mut queue);
            queue.stop();
            watcher.see(&mut queue);
            if watcher.playing {
                queue.ended();
                watcher.see(&mut queue);
            }
        }
        prop_assert_eq!(watcher.started, taken);
    }

    #[test]
    fn each_event_is_reported_once_whatever_is_lost_and_repeated(
        rate in prop::sample::select(&[8000u32, 16000, 48000][..]),
        events in prop::collection::vec((any::<u8>(), 1..120usize), 1..6),
        begin in 0..1_000_000_000_000u64,
        fates in prop::collection::vec(0..4u8, 1..50),
    ) {
        let (mut receiver, mut news, mut now, mut count) = (EventReceiver::new(rate), Vec::new(), begin, 0usize);
        let mut heard = Vec::new();
        for (event, length) in events {
            let mut sender = EventSender::new(event, 10, rate, now);
            let mut through = false;
            for index in 0.. {
                if index == length {
                    sender.stop();
                }
                let Some(packet) = sender.next_packet() else { break };
                now = packet.at + 100_000_000;
                count += 1;
                let copies = fates[count % fates.len()];
                for _ in 0..copies {
                    through = true;
                    let payload = EventPayload::read(&packet.payload.write()).unwrap();
                    news.extend(receiver.packet(packet.timestamp, packet.marker, payload));
                }
            }
            if through {
                heard.push(event);
            }
        }
        news.extend(receiver.silence());
        let started: Vec<u8> = news.iter().filter_map(|n| match n {
            Received::Started { event, .. } => Some(*event),
            Received::Ended { .. } => None,
        }).collect();
        let ended: Vec<u8> = news.iter().filter_map(|n| match n {
            Received::Ended { event, .. } => Some(*event),
            Received::Started { .. } => None,
        }).collect();
        prop_assert_eq!(&started, &ended);
        prop_assert_eq!(&started, &heard);
        prop_assert_eq!(receiver.silence(), None);
    }

    #[test]
    fn without_loss_the_duration_is_exact(
        rate in prop::sample::select(&[8000u32, 16000, 44100, 48000, 90000][..]),
        intervals in 5..2000u32,
        begin in any::<u32>(),
    ) {
        let mut sender = EventSender::new(16, 10, rate, begin.into());
        let (mut receiver, mut duration, mut updates) = (EventReceiver::new(rate), None, 0);
        let mut times = HashSet::new();
        loop {
            if updates == intervals {
                sender.stop();
            }
            let Some(packet) = sender.next_packet() else { break };
            updates += u32::from(packet.lasts > 0);
            prop_assert!(packet.lasts == 0 || times.insert(packet.at));
            for news in receiver.packet(packet.timestamp, packet.marker, packet.payload) {
                if let Received::Ended { duration: ms, .. } = news {
                    prop_assert_eq!(duration.replace(ms), None);
                }
            }
        }
        let duration = duration.unwrap();
        prop_assert!(duration.abs_diff(intervals * 20) <= 1, "{} of {}", duration, intervals * 20);
    }

    #[test]
    fn no_packet_is_too_strange(packets in prop::collection::vec((any::<u32>(), any::<bool>(), any::<[u8; 4]>()), 0..50), rate in any::<u32>()) {
        let mut receiver = EventReceiver::new(rate);
        let mut playing = false;
        for (timestamp, marker, bytes) in packets {
            for news in receiver.packet(timestamp, marker, EventPayload::read(&bytes).unwrap()) {
                let starts = matches!(news, Received::Started { .. });
                prop_assert_ne!(starts, playing, "starts and ends alternate");
                playing = starts;
            }
        }
        prop_assert_eq!(receiver.silence().is_some(), playing);
    }
}
