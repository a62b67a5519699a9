//! The transmitter shm: sound and pictures between two conferences, life and rights of sockets, a peer that ends.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

use fs_core::messages::Parsed;
use fs_core::prelude::*;
use fs_core::{CandidateList, Error, StreamTransmitter, Transmitter};
use fs_proto::{Candidate, CandidateType, MediaType, StreamDirection, StreamState};
use gst::prelude::*;

use support::Side;
use support::ice::{Parameters, agree};
use support::media::MediaSide;
use support::peer::wait_until;

fn creating() -> Parameters {
    vec![("create-local-candidates".to_owned(), true.to_value())]
}

/// Makes the sockets and gives their candidates.
fn open(next: impl Fn() -> Parsed, set: impl FnOnce() -> Result<(), glib::Error>) -> Vec<Candidate> {
    set().unwrap();
    let (mut found, mut prepared) = (Vec::new(), 0);
    while prepared < 2 {
        match next() {
            Parsed::NewLocalCandidate { candidate, .. } => found.push(candidate),
            Parsed::LocalCandidatesPrepared { .. } => prepared += 1,
            _ => {}
        }
    }
    found
}

fn open_side(side: &Side) -> Vec<Candidate> {
    open(|| side.next_message(), || side.stream.set_transmitter("shm", &creating()))
}

fn mode(path: &str) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn sound_goes_both_ways_over_sockets_that_nobody_else_may_open() {
    let (a, b) = (Side::new("a", 440.0, StreamDirection::BOTH), Side::new("b", 660.0, StreamDirection::BOTH));
    let (of_a, of_b) = (open_side(&a), open_side(&b));
    let folder = Path::new(&of_a[0].ip).parent().unwrap().to_owned();
    assert_eq!(mode(folder.to_str().unwrap()), 0o700);
    for (number, candidate) in (1u32..).zip(&of_a) {
        assert_eq!((candidate.component_id, candidate.kind), (number, CandidateType::Host));
        assert_eq!(candidate.ip, folder.join(format!("shm-sink-socket-{number}")).to_str().unwrap());
        assert!(std::fs::metadata(&candidate.ip).unwrap().file_type().is_socket());
        assert_eq!(mode(&candidate.ip), 0o600, "{}", candidate.ip);
    }
    agree(&a, &b);
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    a.wait_for(|message| match message {
        Parsed::ComponentStateChanged { component: 1, state: StreamState::Ready, .. } => Some(()),
        _ => None,
    });
    a.heard.wait_for_tone(660.0);
    b.heard.wait_for_tone(440.0);
    let memory = std::fs::read_dir("/dev/shm").unwrap().map(Result::unwrap);
    let ours = format!("shmpipe.{:5}", std::process::id());
    let ours: Vec<_> = memory.filter(|f| f.file_name().to_string_lossy().starts_with(&ours)).collect();
    // Those of other tests in this process may be gone by now.
    let modes: Vec<u32> = ours.iter().filter_map(|file| Some(file.metadata().ok()?.mode() & 0o777)).collect();
    assert!(!modes.is_empty() && modes.iter().all(|mode| mode & 0o077 == 0), "{modes:?}");
    a.end();
    assert!(!folder.exists(), "{} is left behind", folder.display());
    b.wait_for(|message| match message {
        Parsed::ComponentStateChanged { component: 1, state: StreamState::Failed, .. } => Some(()),
        _ => None,
    });
    assert!(b.errors.lock().unwrap().is_empty(), "a peer that ends ends no pipeline: {:?}", b.errors);
    b.end();
}

#[test]
fn pictures_go_both_ways() {
    let side = || {
        let source =
            "videotestsrc is-live=true ! capsfilter caps=video/x-raw,width=320,height=240,framerate=15/1";
        MediaSide::new(
            "fsrtpconference",
            MediaType::Video,
            source,
            "fakesink name=end sync=false async=false",
        )
    };
    let (a, b) = (side(), side());
    let codec = a.session.codecs_without_config().into_iter().find(|c| c.is_encoding("VP8")).unwrap();
    [&a, &b].into_iter().for_each(|side| side.prefer(&codec));
    [&a, &b].into_iter().for_each(MediaSide::play);
    let candidates =
        |side: &MediaSide| open(|| side.next_message(), || side.stream.set_transmitter("shm", &creating()));
    let (of_a, of_b) = (candidates(&a), candidates(&b));
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    a.wait(20);
    b.wait(20);
    assert_eq!(a.got.all()[19].len(), 320 * 240 * 3 / 2);
    a.end();
    b.end();
}

#[test]
fn a_peer_that_comes_back_is_heard_again() {
    let folder = glib::mkdtemp(std::env::temp_dir().join("fs-shm-test-XXXXXX")).unwrap();
    let path = |name: &str, component: u32| folder.join(format!("{name}{component}")).display().to_string();
    let remote = |own: &str, peer: &str| -> Vec<Candidate> {
        let one = |c: u32| Candidate {
            username: path(peer, c),
            ..Candidate::new("", c, CandidateType::Host, &path(own, c), 0)
        };
        (1..=2).map(one).collect()
    };
    let preferring = |name: &str| -> Parameters {
        let wish = (1..=2).map(|c| Candidate::new("", c, CandidateType::Host, &path(name, c), 0)).collect();
        vec![("preferred-local-candidates".to_owned(), CandidateList(wish).to_value())]
    };
    let a = Side::new("a", 440.0, StreamDirection::BOTH);
    a.stream.set_transmitter("shm", &preferring("a")).unwrap();
    a.stream.set_remote_codecs(&[support::audio(8, "PCMA", 8000)]).unwrap();
    let error = a.stream.force_remote_candidates(&remote("a", "b")).unwrap_err();
    assert!(error.matches(Error::Network) && error.message().contains(&path("b", 1)), "{error}");
    for frequency in [660.0, 880.0] {
        let b = Side::new("b", frequency, StreamDirection::BOTH);
        b.stream.set_transmitter("shm", &preferring("b")).unwrap();
        b.stream.set_remote_codecs(&[support::audio(8, "PCMA", 8000)]).unwrap();
        b.stream.force_remote_candidates(&remote("b", "a")).unwrap();
        a.stream.force_remote_candidates(&remote("a", "b")).unwrap();
        a.heard.clear();
        a.heard.wait_for_tone(frequency);
        b.heard.wait_for_tone(440.0);
        b.end();
        // Each component notices in its own thread.
        let mut broken = Vec::new();
        while broken.len() < 2 {
            broken.push(a.wait_for(|message| match message {
                Parsed::ComponentStateChanged { component, state: StreamState::Failed, .. } => {
                    Some(component)
                }
                _ => None,
            }));
        }
        broken.sort_unstable();
        assert_eq!(broken, [1, 2]);
    }
    a.end();
    std::fs::remove_dir(&folder).unwrap();
}

fn transmitter() -> Transmitter {
    support::init();
    Transmitter::new("shm", 2, 0).unwrap()
}

fn stream(transmitter: &Transmitter) -> StreamTransmitter {
    transmitter.new_stream_transmitter(None, &[]).unwrap()
}

#[test]
fn what_a_stream_cannot_be_given_is_said() {
    let transmitter = transmitter();
    let wish = CandidateList(vec![Candidate::new("", 3, CandidateType::Host, "/tmp/x", 0)]);
    let parameters = [("preferred-local-candidates".to_owned(), wish.to_value())];
    let error = transmitter.new_stream_transmitter(None, &parameters).unwrap_err();
    assert!(error.matches(Error::InvalidArguments) && error.message().contains("component 3"), "{error}");
    let stream = stream(&transmitter);
    let candidate = |component, path: &str| Candidate::new("", component, CandidateType::Host, path, 0);
    for (bad, word) in [
        (candidate(0, "/tmp/x"), "component 0"),
        (candidate(3, "/tmp/x"), "component 3"),
        (candidate(1, ""), "neither"),
        (candidate(1, &"x".repeat(200)), "too long"),
    ] {
        let error = stream.force_remote_candidates(&[bad]).unwrap_err();
        assert!(error.matches(Error::InvalidArguments), "{error}");
        assert!(error.message().contains(word), "{error} does not name {word}");
    }
    let error = stream.force_remote_candidates(&[candidate(1, "/nowhere/socket")]).unwrap_err();
    assert!(error.matches(Error::Network) && error.message().contains("/nowhere/socket"), "{error}");
    let error = stream.add_remote_candidates(&[candidate(1, "/tmp/x")]).unwrap_err();
    assert!(error.matches(Error::NotImplemented), "{error}");
    stream.stop();
    for result in [stream.gather_local_candidates(), stream.force_remote_candidates(&[])] {
        assert!(result.unwrap_err().matches(Error::Disposed));
    }
}

#[test]
fn a_pipeline_that_ends_before_the_stream_is_told_of_no_error() {
    let transmitter = transmitter();
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&transmitter.gst_src(), &transmitter.gst_sink()]).unwrap();
    let errors = Arc::new(Mutex::new(Vec::new()));
    let told = errors.clone();
    pipeline.bus().unwrap().set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            told.lock().unwrap().push(format!("{} {:?}", error.error(), error.debug()));
        }
        gst::BusSyncReply::Drop
    });
    let stream = transmitter.new_stream_transmitter(None, &creating()).unwrap();
    stream.gather_local_candidates().unwrap();
    for _ in 0..3 {
        pipeline.set_state(gst::State::Playing).unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
    }
    stream.stop();
    assert_eq!(*errors.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn packets_are_counted_and_held_back_one_by_one() {
    let transmitter = transmitter();
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&transmitter.gst_src(), &transmitter.gst_sink()]).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let stream = transmitter.new_stream_transmitter(None, &creating()).unwrap();
    stream.gather_local_candidates().unwrap();
    let pad = transmitter.gst_sink().static_pad("sink_1").unwrap();
    pad.send_event(gst::event::StreamStart::new("s"));
    pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    let sent = || {
        let stats: gst::Structure = stream.property("stats");
        let components: gst::Array = stats.get("components").unwrap();
        let first = components.as_slice()[0].get::<gst::Structure>().unwrap();
        (first.get::<u64>("packets-sent").unwrap(), first.get::<u64>("bytes-sent").unwrap())
    };
    pad.chain(gst::Buffer::from_slice([7u8; 100])).unwrap();
    wait_until("one packet is counted", || sent() == (1, 100));
    stream.set_sending(false);
    pad.chain(gst::Buffer::from_slice([7u8; 100])).unwrap();
    assert_eq!(sent(), (1, 100));
    stream.set_sending(true);
    pad.chain(gst::Buffer::from_slice([7u8; 50])).unwrap();
    assert_eq!(sent(), (2, 150));
    stream.stop();
    pipeline.set_state(gst::State::Null).unwrap();
}
