//! Two transmitters on the loopback exchange packets; what cannot work says so.

use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use fs_core::prelude::*;
use fs_core::{CandidateList, Error, StreamTransmitter, Transmitter};
use fs_proto::{Candidate, CandidateType};
use glib::subclass::prelude::*;
use gst::prelude::*;

mod parameters;

/// Long enough for a loaded machine, short enough to see a hang.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait for what must not come.
const SILENCE: Duration = Duration::from_millis(300);

fn loopback(component: u32) -> Candidate {
    Candidate::new("", component, CandidateType::Host, "127.0.0.1", 0)
}

/// On a port that nobody else looks for.
fn free(component: u32) -> Candidate {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Candidate { port, ..loopback(component) }
}

fn preferring(candidates: &[Candidate]) -> Vec<(String, glib::Value)> {
    vec![("preferred-local-candidates".into(), CandidateList(candidates.to_vec()).to_value())]
}

fn transmitter(components: u32) -> Transmitter {
    gst::init().unwrap();
    crate::transmitter::register();
    Transmitter::new("rawudp", components, 0).unwrap()
}

#[derive(Debug, PartialEq)]
enum Told {
    Local(Candidate),
    Prepared,
    Pair(Candidate, Candidate),
    KnownSource(u32),
}

fn listen(stream: &StreamTransmitter) -> Receiver<Told> {
    let (tell, told) = channel();
    let sender = |tell: &Sender<Told>| std::sync::Mutex::new(tell.clone());
    let say = |tell: &std::sync::Mutex<Sender<Told>>, what| drop(tell.lock().unwrap().send(what));
    let t = sender(&tell);
    stream.connect_new_local_candidate(move |_, c| say(&t, Told::Local(c.clone())));
    let t = sender(&tell);
    stream.connect_local_candidates_prepared(move |_| say(&t, Told::Prepared));
    let t = sender(&tell);
    stream.connect_new_active_candidate_pair(move |_, l, r| say(&t, Told::Pair(l.clone(), r.clone())));
    let t = sender(&tell);
    stream.connect_known_source_packet_received(move |_, c, buffer| {
        assert!(buffer.size() > 0);
        say(&t, Told::KnownSource(c));
    });
    told
}

fn locals(told: &Receiver<Told>) -> Vec<Candidate> {
    let mut found = Vec::new();
    loop {
        match told.recv_timeout(PATIENCE).unwrap() {
            Told::Local(candidate) => found.push(candidate),
            Told::Prepared => return found,
            other => panic!("{other:?} comes after the local candidates"),
        }
    }
}

/// A transmitter in a running pipeline: packets can be sent, and those received come out of `received`.
struct End {
    pipeline: gst::Pipeline,
    transmitter: Transmitter,
    inputs: Vec<gst::Pad>,
    received: Receiver<(u32, Vec<u8>)>,
}

impl End {
    fn new(transmitter: Transmitter) -> Self {
        let pipeline = gst::Pipeline::new();
        let (src, sink) = (transmitter.gst_src(), transmitter.gst_sink());
        pipeline.add_many([&src, &sink]).unwrap();
        let (tell, received) = channel();
        let mut inputs = Vec::new();
        for component in 1..=transmitter.property::<u32>("components") {
            let input = gst::Pad::builder(gst::PadDirection::Src).build();
            input.link(&sink.static_pad(&format!("sink_{component}")).unwrap()).unwrap();
            input.set_active(true).unwrap();
            input.push_event(gst::event::StreamStart::new("test"));
            input.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
            inputs.push(input);
            let end = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false);
            let end = end.build().unwrap();
            pipeline.add(&end).unwrap();
            src.link_pads(Some(&format!("src_{component}")), &end, Some("sink")).unwrap();
            let tell = std::sync::Mutex::new(tell.clone());
            end.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let bytes = info.buffer().unwrap().map_readable().unwrap().to_vec();
                drop(tell.lock().unwrap().send((component, bytes)));
                gst::PadProbeReturn::Ok
            });
        }
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, transmitter, inputs, received }
    }

    fn stream(
        &self,
        parameters: &[(String, glib::Value)],
    ) -> (StreamTransmitter, Receiver<Told>, Vec<Candidate>) {
        let stream = self.transmitter.new_stream_transmitter(None, parameters).unwrap();
        let told = listen(&stream);
        stream.gather_local_candidates().unwrap();
        let locals = locals(&told);
        (stream, told, locals)
    }

    fn send(&self, component: u32, bytes: &[u8]) {
        let pad = &self.inputs[component as usize - 1];
        pad.push(gst::Buffer::from_slice(bytes.to_vec())).unwrap();
    }

    fn expect(&self, component: u32, bytes: &[u8]) {
        assert_eq!(self.received.recv_timeout(PATIENCE).unwrap(), (component, bytes.to_vec()));
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn packets_of_both_components_arrive_and_their_source_is_known() {
    let (a, b) = (End::new(transmitter(2)), End::new(transmitter(2)));
    let wish = preferring(&[loopback(1), loopback(2)]);
    let ((stream_a, told_a, locals_a), (stream_b, told_b, locals_b)) = (a.stream(&wish), b.stream(&wish));
    for (locals, number) in [(&locals_a, 1u32), (&locals_a, 2), (&locals_b, 1), (&locals_b, 2)] {
        let c = &locals[number as usize - 1];
        assert_eq!((c.component_id, c.ip.as_str(), c.kind), (number, "127.0.0.1", CandidateType::Host));
        assert!(c.port >= 7078, "{c:?}");
    }
    stream_a.force_remote_candidates(&locals_b).unwrap();
    stream_b.force_remote_candidates(&locals_a).unwrap();
    for i in 0..2 {
        let pair = Told::Pair(locals_a[i].clone(), locals_b[i].clone());
        assert_eq!(told_a.recv_timeout(PATIENCE).unwrap(), pair);
        assert_eq!(
            told_b.recv_timeout(PATIENCE).unwrap(),
            Told::Pair(locals_b[i].clone(), locals_a[i].clone())
        );
    }
    a.send(1, b"media");
    b.expect(1, b"media");
    assert_eq!(told_b.recv_timeout(PATIENCE).unwrap(), Told::KnownSource(1));
    b.send(2, b"control");
    a.expect(2, b"control");
    assert_eq!(told_a.recv_timeout(PATIENCE).unwrap(), Told::KnownSource(2));
    stream_a.force_remote_candidates(&locals_b).unwrap();
    assert!(told_a.recv_timeout(SILENCE).is_err(), "the same candidates again are no new pair");
    stream_a.stop();
    stream_b.stop();
}

#[test]
fn sending_off_holds_media_back_but_not_control() {
    let (a, b) = (End::new(transmitter(2)), End::new(transmitter(2)));
    let wish = preferring(&[loopback(1), loopback(2)]);
    let ((stream_a, _told_a, _), (stream_b, _told_b, locals_b)) = (a.stream(&wish), b.stream(&wish));
    stream_a.set_sending(false);
    stream_a.force_remote_candidates(&locals_b).unwrap();
    a.send(1, b"held");
    a.send(2, b"control");
    b.expect(2, b"control");
    stream_a.set_sending(true);
    a.send(1, b"media");
    b.expect(1, b"media");
    stream_a.set_sending(false);
    a.send(1, b"held");
    a.send(2, b"last");
    b.expect(2, b"last");
    stream_a.stop();
    stream_b.stop();
}

#[test]
fn a_stream_that_moves_sends_to_the_new_address_only() {
    let a = End::new(transmitter(1));
    let (stream, _told, _) = a.stream(&preferring(&[loopback(1)]));
    let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let mut remote = loopback(1);
    for socket in &sockets {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        remote.port = socket.local_addr().unwrap().port();
        stream.force_remote_candidates(&[remote.clone()]).unwrap();
        a.send(1, b"here");
        assert_eq!(socket.recv(&mut [0; 10]).unwrap(), 4);
    }
    remote.port = 0;
    stream.force_remote_candidates(&[remote]).unwrap();
    a.send(1, b"nobody");
    for socket in &sockets {
        socket.set_read_timeout(Some(SILENCE)).unwrap();
        assert!(socket.recv(&mut [0; 10]).is_err(), "nothing goes to an address that was replaced");
    }
    stream.stop();
}

#[test]
fn a_source_is_known_only_by_its_exact_address_and_to_one_stream() {
    let a = End::new(transmitter(1));
    let (first, told_first, locals) = a.stream(&preferring(&[loopback(1)]));
    let (second, told_second, shared) = a.stream(&preferring(&[loopback(1)]));
    assert_eq!(locals, shared, "two streams with the same wish share the socket");
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let here = ("127.0.0.1", locals[0].port);
    let remote = Candidate { port: peer.local_addr().unwrap().port(), ..loopback(1) };
    first.force_remote_candidates(std::slice::from_ref(&remote)).unwrap();
    assert!(matches!(told_first.recv_timeout(PATIENCE), Ok(Told::Pair(..))));
    stranger.send_to(b"stranger", here).unwrap();
    a.expect(1, b"stranger");
    peer.send_to(b"peer", here).unwrap();
    a.expect(1, b"peer");
    assert_eq!(told_first.recv_timeout(PATIENCE).unwrap(), Told::KnownSource(1));
    second.force_remote_candidates(&[remote]).unwrap();
    assert!(matches!(told_second.recv_timeout(PATIENCE), Ok(Told::Pair(..))));
    peer.send_to(b"whose", here).unwrap();
    a.expect(1, b"whose");
    assert!(
        told_first.try_recv().is_err() && told_second.try_recv().is_err(),
        "two streams claim that address"
    );
    first.stop();
    peer.send_to(b"second", here).unwrap();
    a.expect(1, b"second");
    assert_eq!(told_second.recv_timeout(PATIENCE).unwrap(), Told::KnownSource(1));
    second.stop();
}

#[test]
fn associate_on_source_can_be_switched_off() {
    let a = End::new(transmitter(1));
    let mut parameters = preferring(&[loopback(1)]);
    parameters.push(("associate-on-source".into(), false.to_value()));
    let (stream, told, locals) = a.stream(&parameters);
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let remote = Candidate { port: peer.local_addr().unwrap().port(), ..loopback(1) };
    stream.force_remote_candidates(&[remote]).unwrap();
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Told::Pair(..))));
    peer.send_to(b"peer", ("127.0.0.1", locals[0].port)).unwrap();
    a.expect(1, b"peer");
    assert!(told.try_recv().is_err());
    stream.stop();
}

#[test]
fn remote_candidates_that_come_first_make_pairs_after_gathering() {
    let t = transmitter(1);
    let stream = t.new_stream_transmitter(None, &preferring(&[loopback(1)])).unwrap();
    let told = listen(&stream);
    stream.force_remote_candidates(&[Candidate { port: 9, ..loopback(1) }]).unwrap();
    assert!(told.try_recv().is_err());
    stream.gather_local_candidates().unwrap();
    let locals = locals(&told);
    assert!(matches!(told.try_recv(), Ok(Told::Pair(l, r)) if l == locals[0] && r.port == 9));
    stream.gather_local_candidates().unwrap();
    assert!(told.try_recv().is_err(), "local candidates are told once");
    stream.stop();
}

#[test]
fn remote_candidates_forced_while_local_ones_are_told_make_pairs_after_them() {
    let a = End::new(transmitter(2));
    let wish = preferring(&[loopback(1), loopback(2)]);
    let stream = a.transmitter.new_stream_transmitter(None, &wish).unwrap();
    stream.connect_new_local_candidate(|stream, local| {
        // Another one first: what counts is where the last one points.
        for remote in [Candidate { port: 9, ..local.clone() }, local.clone()] {
            stream.force_remote_candidates(&[remote]).unwrap();
        }
    });
    let told = listen(&stream);
    stream.gather_local_candidates().unwrap();
    let locals = locals(&told);
    for local in &locals {
        assert_eq!(told.try_recv(), Ok(Told::Pair(local.clone(), local.clone())));
    }
    assert!(told.try_recv().is_err(), "one pair a component");
    for number in 0..20 {
        for component in 1..=2 {
            a.send(component, &[0x80, number]);
            a.expect(component, &[0x80, number]);
            assert_eq!(told.try_recv(), Ok(Told::KnownSource(component)), "packet {number}");
        }
    }
    stream.stop();
}

#[test]
fn a_stopped_stream_gives_its_ports_back_and_says_that_it_is_stopped() {
    let a = End::new(transmitter(2));
    let (stream, _told, locals) = a.stream(&preferring(&[free(1), loopback(2)]));
    let address = ("127.0.0.1", locals[0].port);
    assert!(UdpSocket::bind(address).is_err(), "the port is ours");
    stream.stop();
    stream.stop();
    UdpSocket::bind(address).expect("the port is free again");
    for result in [stream.force_remote_candidates(&[loopback(1)]), stream.gather_local_candidates()] {
        assert!(result.unwrap_err().matches(Error::Disposed));
    }
    drop(stream);
    let (again, _told, _) = a.stream(&preferring(&[loopback(1), loopback(2)]));
    drop(again);
}

#[test]
fn each_transmitter_gets_ports_of_its_own() {
    let (a, b) = (transmitter(2), transmitter(2));
    let wish = free(1);
    let open = |t: &Transmitter| {
        let stream = t.new_stream_transmitter(None, &preferring(std::slice::from_ref(&wish))).unwrap();
        let told = listen(&stream);
        stream.gather_local_candidates().unwrap();
        (locals(&told), stream)
    };
    let ((first, stream_a), (second, stream_b)) = (open(&a), open(&b));
    assert!(
        second[0].port > first[0].port && (second[0].port - first[0].port) % 2 == 0,
        "{first:?} {second:?}"
    );
    stream_a.stop();
    stream_b.stop();
}

#[test]
fn control_follows_media_by_one_port_in_every_stream() {
    let t = transmitter(2);
    let open = || {
        let stream = t.new_stream_transmitter(None, &preferring(&[free(1)])).unwrap();
        let told = listen(&stream);
        stream.gather_local_candidates().unwrap();
        (locals(&told), stream)
    };
    let streams = [open(), open()];
    for (locals, _) in &streams {
        // Where the next port is taken by a stranger, control moves up by two.
        assert_eq!((locals[1].port - locals[0].port) % 2, 1, "{locals:?}");
    }
    assert_ne!(streams[0].0[1].port, streams[1].0[1].port, "control of one is not shared with the other");
    streams.iter().for_each(|(_, stream)| stream.stop());
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    let t = transmitter(2);
    let refused =
        |parameters: &[(String, glib::Value)]| t.new_stream_transmitter(None, parameters).unwrap_err();
    let foreign = Candidate { ip: "192.0.2.77".into(), ..loopback(1) };
    for (parameters, code, word) in [
        (
            preferring(&[Candidate { ip: "1.2.3.999".into(), ..loopback(1) }]),
            Error::InvalidArguments,
            "1.2.3.999",
        ),
        (preferring(&[loopback(3)]), Error::InvalidArguments, "component 3"),
        (preferring(&[foreign]), Error::Network, "192.0.2.77"),
        (vec![("colour".into(), 1.to_value())], Error::InvalidArguments, "colour"),
        (vec![("stun-timeout".into(), 61u32.to_value())], Error::InvalidArguments, "stun-timeout"),
        (vec![("upnp-mapping".into(), "maybe".to_value())], Error::InvalidArguments, "upnp-mapping"),
    ] {
        let error = refused(&parameters);
        assert!(error.matches(code), "{error:?}");
        assert!(error.message().contains(word), "{error} does not name {word}");
    }
    let stream = t.new_stream_transmitter(None, &preferring(&[loopback(1), loopback(2)])).unwrap();
    assert!(stream.add_remote_candidates(&[loopback(1)]).unwrap_err().matches(Error::NotImplemented));
    let good = Candidate { port: 9, ..loopback(1) };
    for (bad, word) in [
        (Candidate { ip: String::new(), ..good.clone() }, "no address"),
        (Candidate { ip: "::1".into(), ..good.clone() }, "address family"),
        (Candidate { component_id: 9, ..good.clone() }, "component 9"),
    ] {
        let error = stream.force_remote_candidates(&[good.clone(), bad]).unwrap_err();
        assert!(error.matches(Error::InvalidArguments) && error.message().contains(word), "{error}");
    }
    let told = listen(&stream);
    stream.gather_local_candidates().unwrap();
    locals(&told);
    assert!(told.try_recv().is_err(), "a refused list leaves no pair behind");
    stream.stop();
}

#[test]
fn properties_are_those_of_the_reference_without_upnp() {
    let t = transmitter(1);
    let stream = t.new_stream_transmitter(None, &preferring(&[loopback(1)])).unwrap();
    assert_eq!(stream.type_(), t.stream_transmitter_type());
    assert_eq!(stream.property::<Option<String>>("stun-ip"), None);
    for (name, value) in [
        ("stun-port", 3478),
        ("stun-timeout", 30),
        ("upnp-mapping-timeout", 600),
        ("upnp-discovery-timeout", 2),
    ] {
        assert_eq!(stream.property::<u32>(name), value, "{name}");
    }
    for (name, value) in
        [("upnp-mapping", false), ("upnp-discovery", false), ("sending", true), ("associate-on-source", true)]
    {
        assert_eq!(stream.property::<bool>(name), value, "{name}");
    }
    assert_eq!(stream.property::<CandidateList>("preferred-local-candidates").0, [loopback(1)]);
    stream.stop();
}

#[test]
fn the_type_of_service_reaches_every_component() {
    gst::init().unwrap();
    crate::transmitter::register();
    let t = Transmitter::new("rawudp", 2, 0xb8).unwrap();
    let stream = t.new_stream_transmitter(None, &preferring(&[loopback(1), loopback(2)])).unwrap();
    let marks = || {
        let rawudp = t.downcast_ref::<super::RawUdpTransmitter>().unwrap();
        let mark = |socket: std::sync::Arc<super::socket::Socket>| socket.system().tos_v4().unwrap();
        rawudp.imp().sockets().into_iter().map(mark).collect::<Vec<_>>()
    };
    assert_eq!(marks(), [0xb8, 0xb8]);
    t.set_tos(0x20);
    assert_eq!(marks(), [0x20, 0x20]);
    stream.stop();
}
