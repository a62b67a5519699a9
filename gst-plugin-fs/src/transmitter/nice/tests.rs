//! Parameters and life of stream transmitters, without media.

use std::time::{Duration, Instant};

use fs_core::prelude::*;
use fs_core::{CandidateList, Error, Participant, StreamTransmitter, Transmitter};
use fs_proto::{Candidate, CandidateType};
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::*;

mod person {
    use super::*;

    #[derive(Default)]
    pub struct Person;

    #[glib::object_subclass]
    impl ObjectSubclass for Person {
        const NAME: &'static str = "FsNiceTestPerson";
        type Type = super::Person;
        type ParentType = Participant;
    }

    impl ObjectImpl for Person {}
    impl ParticipantImpl for Person {}
}

glib::wrapper! {
    pub struct Person(ObjectSubclass<person::Person>) @extends Participant;
}

fn person() -> Participant {
    glib::Object::new::<Person>().upcast()
}

fn transmitter() -> Transmitter {
    gst::init().unwrap();
    crate::transmitter::register();
    Transmitter::new("nice", 2, 0xb8).unwrap()
}

fn loopback() -> Vec<(String, glib::Value)> {
    let wish = CandidateList(vec![Candidate::new("", 0, CandidateType::Host, "127.0.0.1", 0)]);
    vec![("preferred-local-candidates".into(), wish.to_value())]
}

fn stream(t: &Transmitter, whose: &Participant, more: &[(&str, glib::Value)]) -> StreamTransmitter {
    let mut parameters = loopback();
    parameters.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    t.new_stream_transmitter(Some(whose), &parameters).unwrap()
}

fn agent_of(t: &StreamTransmitter) -> glib::Object {
    let bin = t.downcast_ref::<NiceStreamTransmitter>().unwrap();
    bin.imp().agent().unwrap()
}

#[test]
fn streams_share_an_agent_where_they_agree() {
    let (t, alice, bob) = (transmitter(), person(), person());
    let first = stream(&t, &alice, &[]);
    let second = stream(&t, &alice, &[]);
    assert_eq!(agent_of(&first), agent_of(&second));
    assert_ne!(first.property::<u32>("stream-id"), second.property::<u32>("stream-id"));
    let all_addresses = t.new_stream_transmitter(Some(&alice), &[]).unwrap();
    let others = [
        stream(&t, &bob, &[]),
        stream(&t, &alice, &[("compatibility-mode", 1u32.to_value())]),
        stream(&t, &alice, &[("stun-ip", "127.0.0.1".to_value())]),
        stream(&t, &alice, &[("ice-tcp", false.to_value())]),
        all_addresses,
    ];
    for other in &others {
        assert_ne!(agent_of(&first), agent_of(other));
    }
    let gone = agent_of(&first).downgrade();
    [&first, &second].into_iter().chain(&others).for_each(StreamTransmitterExt::stop);
    let end = Instant::now() + Duration::from_secs(20);
    while gone.upgrade().is_some() {
        assert!(Instant::now() < end, "the agent outlives its streams");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn properties_are_those_of_the_reference() {
    let t = transmitter();
    let stream = stream(&t, &person(), &[]);
    assert_eq!(stream.type_(), t.stream_transmitter_type());
    for (name, value) in [
        ("sending", true),
        ("associate-on-source", true),
        ("controlling-mode", true),
        ("ice-udp", true),
        ("ice-tcp", true),
        ("reliable", false),
        ("trickle", false),
        ("consent-freshness", false),
    ] {
        assert_eq!(stream.property::<bool>(name), value, "{name}");
    }
    assert_eq!(stream.property::<u32>("stun-port"), 3478);
    assert_eq!(stream.property::<Option<String>>("stun-ip"), None);
    for name in ["compatibility-mode", "relay-info", "min-port", "max-port", "debug", "send-component-mux"] {
        let pspec = stream.find_property(name).unwrap();
        assert!(!pspec.flags().contains(glib::ParamFlags::READABLE), "{name}");
    }
    assert_eq!(stream.find_property("relay-info").unwrap().value_type().name(), "GPtrArray");
    stream.set_property("controlling-mode", false);
    assert!(!stream.property::<bool>("controlling-mode"));
    let stats: gst::Structure = stream.property("stats");
    let components: gst::Array = stats.get("components").unwrap();
    let of = |i: usize| components.as_slice()[i].get::<gst::Structure>().unwrap();
    assert_eq!((components.len(), of(1).get::<u32>("component")), (2, Ok(2)));
    assert_eq!(of(0).get::<u64>("packets-sent"), Ok(0));
    stream.stop();
}

#[test]
fn packets_of_components_can_go_over_the_first() {
    let t = transmitter();
    let stream = stream(&t, &person(), &[]);
    let components = || stream.downcast_ref::<NiceStreamTransmitter>().unwrap().imp().sends_by();
    assert_eq!(components(), [1, 2]);
    stream.set_property("send-component-mux", true);
    assert_eq!(components(), [1, 1]);
    stream.stop();
    assert!(components().is_empty());
}

#[test]
fn a_participant_is_needed() {
    let error = transmitter().new_stream_transmitter(None, &loopback()).unwrap_err();
    assert!(error.matches(Error::InvalidArguments) && error.message().contains("participant"), "{error}");
}

#[test]
fn a_refusal_leaves_the_participant_unlocked() {
    let who = person();
    let wish = CandidateList(vec![Candidate::new("", 0, CandidateType::Host, "no address", 0)]);
    let parameters = [("preferred-local-candidates".to_owned(), wish.to_value())];
    transmitter().new_stream_transmitter(Some(&who), &parameters).unwrap_err();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(who.data_lock());
        tell.send(()).unwrap();
    });
    told.recv_timeout(Duration::from_secs(10)).expect("the lock is free");
}

#[test]
fn a_stopped_stream_says_so() {
    let stream = stream(&transmitter(), &person(), &[]);
    stream.stop();
    stream.stop();
    let one = Candidate::new("1", 1, CandidateType::Host, "127.0.0.1", 9);
    for result in [
        stream.add_remote_candidates(std::slice::from_ref(&one)),
        stream.add_remote_candidates(&[]),
        stream.force_remote_candidates(&[one]),
        stream.gather_local_candidates(),
    ] {
        assert!(result.unwrap_err().matches(Error::Disposed));
    }
    stream.set_property("sending", false);
    assert!(!stream.property::<bool>("sending"));
}
