//! What parameters do: STUN, forwarded ports, symmetric RTP, muxed control, ranges, buffers, IPv6, statistics.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::*;

/// Nobody is there, and nothing says so.
fn silent() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// A STUN server that sees everybody at 203.0.113.5, on the port of the request and a thousand more. It answers after a
/// while; its thread ends with the test's process.
fn stun_server(delay: Duration) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut request = [0; 1500];
        while let Ok((size, from)) = socket.recv_from(&mut request) {
            assert_eq!((size, &request[..2]), (20, &[0, 1][..]), "a binding request");
            std::thread::sleep(delay);
            let mut answer = vec![1, 1, 0, 12];
            answer.extend(&request[4..20]);
            answer.extend([0, 0x20, 0, 8, 0, 1]);
            answer.extend(((from.port() + 1000) ^ 0x2112).to_be_bytes());
            answer.extend((u32::from_be_bytes([203, 0, 113, 5]) ^ 0x2112_A442).to_be_bytes());
            socket.send_to(&answer, from).unwrap();
        }
    });
    address
}

fn with(parameters: &[(&str, glib::Value)], components: &[Candidate]) -> Vec<(String, glib::Value)> {
    let mut all = preferring(components);
    all.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    all
}

fn gather(parameters: &[(String, glib::Value)], components: u32) -> (StreamTransmitter, Receiver<Told>) {
    let stream = transmitter(components).new_stream_transmitter(None, parameters).unwrap();
    let told = listen(&stream);
    stream.gather_local_candidates().unwrap();
    (stream, told)
}

fn kinds(locals: &[Candidate]) -> Vec<(u32, CandidateType)> {
    locals.iter().map(|c| (c.component_id, c.kind)).collect()
}

#[test]
fn what_a_stun_server_sees_is_told_first_and_the_host_behind_it() {
    let (dead, server) = (silent(), stun_server(Duration::ZERO));
    let dead = dead.local_addr().unwrap();
    let stun = [
        ("stun-ip", dead.ip().to_string().to_value()),
        ("stun-port", u32::from(dead.port()).to_value()),
        ("stun-servers", server.to_string().to_value()),
    ];
    let (stream, told) = gather(&with(&stun, &[loopback(1), loopback(2)]), 2);
    let locals = locals(&told);
    use CandidateType::{Host, Srflx};
    assert_eq!(kinds(&locals), [(1, Srflx), (1, Host), (2, Srflx), (2, Host)]);
    for pair in locals.chunks(2) {
        let (outside, host) = (&pair[0], &pair[1]);
        assert_eq!((outside.ip.as_str(), outside.port), ("203.0.113.5", host.port + 1000));
        assert_eq!((outside.base_ip.as_str(), outside.base_port), (host.ip.as_str(), host.port));
        assert_ne!(outside.foundation, host.foundation);
    }
    stream.force_remote_candidates(&[Candidate { port: 9, ..loopback(1) }]).unwrap();
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Told::Pair(l, _)) if l == locals[0]));
    let stats = stream.property::<gst::Structure>("stats");
    let components = stats.get::<gst::Array>("components").unwrap();
    let first = components[0].get::<gst::Structure>().unwrap();
    assert!(first.get::<f64>("round-trip-time").unwrap() > 0.0);
    stream.stop();
}

#[test]
fn a_dead_server_does_not_keep_the_host_back_and_a_late_one_adds_to_it() {
    let (dead, late) = (silent(), stun_server(Duration::from_secs(2)));
    let start = Instant::now();
    let servers = format!("{},{late}", dead.local_addr().unwrap());
    let (stream, told) = gather(&with(&[("stun-servers", servers.to_value())], &[loopback(1)]), 1);
    assert!(told.try_recv().is_err(), "nobody answered yet");
    let locals = locals(&told);
    assert_eq!(kinds(&locals), [(1, CandidateType::Host)]);
    assert!(start.elapsed() < Duration::from_secs(30), "stun-timeout is not waited for");
    let more = told.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(&more, Told::Local(c) if c.kind == CandidateType::Srflx), "{more:?}");
    stream.stop();
}

#[test]
fn a_server_that_sees_us_where_we_are_tells_nothing_new() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut request = [0; 1500];
        let (_, from) = socket.recv_from(&mut request).unwrap();
        let mut answer = [&[1, 1, 0, 12], &request[4..20], &[0, 1, 0, 8, 0, 1]].concat();
        answer.extend(from.port().to_be_bytes());
        answer.extend([127, 0, 0, 1]);
        socket.send_to(&answer, from).unwrap();
    });
    let (stream, told) = gather(&with(&[("stun-servers", server.to_string().to_value())], &[loopback(1)]), 1);
    assert_eq!(kinds(&locals(&told)), [(1, CandidateType::Host)]);
    stream.stop();
}

#[test]
fn media_flows_while_a_server_is_asked() {
    let (a, dead) = (End::new(transmitter(1)), silent());
    let server = dead.local_addr().unwrap().to_string().to_value();
    let parameters = with(&[("stun-servers", server)], &[loopback(1)]);
    let stream = a.transmitter.new_stream_transmitter(None, &parameters).unwrap();
    let told = listen(&stream);
    stream.gather_local_candidates().unwrap();
    let mut request = [0; 100];
    dead.set_read_timeout(Some(PATIENCE)).unwrap();
    let (_, us) = dead.recv_from(&mut request).unwrap();
    let peer = silent();
    let remote = Candidate { port: peer.local_addr().unwrap().port(), ..loopback(1) };
    stream.force_remote_candidates(&[remote]).unwrap();
    a.send(1, b"out");
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(peer.recv_from(&mut request).unwrap(), (3, us));
    peer.send_to(&[0x80, 1, 2], us).unwrap();
    a.expect(1, &[0x80, 1, 2]);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Told::KnownSource(1));
    stream.stop();
}

/// A gateway that speaks NAT-PMP and is at 203.0.113.9.
fn gateway() -> (SocketAddr, Receiver<Vec<u8>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut request = [0; 1100];
        while let Ok((size, from)) = socket.recv_from(&mut request) {
            let request = &request[..size];
            drop(tell.send(request.to_vec()));
            let answer = match request[..2] {
                [0, 0] => vec![0, 128, 0, 0, 0, 0, 0, 1, 203, 0, 113, 9],
                [0, 1] => [&[0, 129, 0, 0, 0, 0, 0, 1][..], &request[4..6], &request[6..8], &request[8..12]]
                    .concat(),
                _ => vec![0, 128, 0, 1, 0, 0, 0, 1],
            };
            socket.send_to(&answer, from).unwrap();
        }
    });
    (address, told)
}

#[test]
fn a_forwarded_port_is_told_first_and_given_back() {
    let (gateway, asked) = gateway();
    let mapping = [
        ("upnp-mapping", true.to_value()),
        ("upnp-discovery", true.to_value()),
        ("mapping-gateway", gateway.to_string().to_value()),
    ];
    let (stream, told) = gather(&with(&mapping, &[loopback(1)]), 1);
    let locals = locals(&told);
    assert_eq!(locals.iter().map(|c| c.ip.as_str()).collect::<Vec<_>>(), ["203.0.113.9", "127.0.0.1"]);
    assert_eq!((locals[0].port, locals[0].kind), (locals[1].port, CandidateType::Host));
    assert!(asked.iter().any(|request| request[..2] == [0, 1]), "a port was asked for");
    stream.stop();
    let given_back = asked.iter().find(|request| request[..2] == [0, 1] && request[8..] == [0; 4]);
    assert!(given_back.is_some());
}

#[test]
fn mapping_alone_waits_for_nobody() {
    let dead = silent();
    let mapping = [
        ("upnp-mapping", true.to_value()),
        ("mapping-gateway", dead.local_addr().unwrap().to_string().to_value()),
    ];
    let (stream, told) = gather(&with(&mapping, &[loopback(1)]), 1);
    assert!(
        matches!(told.try_recv(), Ok(Told::Local(c)) if c.ip == "127.0.0.1"),
        "told before the call returned"
    );
    assert_eq!(told.try_recv(), Ok(Told::Prepared));
    stream.stop();
}

#[test]
fn with_symmetric_rtp_the_first_packet_tells_where_the_peer_is() {
    let a = End::new(transmitter(1));
    let parameters = with(&[("symmetric-rtp", true.to_value())], &[loopback(1)]);
    let (stream, told, locals) = a.stream(&parameters);
    let (told_address, real, late) = (silent(), silent(), silent());
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    let here = ("127.0.0.1", locals[0].port);
    let remote = Candidate { port: port(&told_address), ..loopback(1) };
    stream.force_remote_candidates(std::slice::from_ref(&remote)).unwrap();
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Told::Pair(_, r)) if r == remote));
    real.send_to(b"from behind a NAT", here).unwrap();
    a.expect(1, b"from behind a NAT");
    let pair = told.recv_timeout(PATIENCE).unwrap();
    let Told::Pair(_, latched) = &pair else { panic!("{pair:?}") };
    assert_eq!((latched.port, latched.kind), (port(&real), CandidateType::Prflx));
    late.send_to(b"too late", here).unwrap();
    a.expect(1, b"too late");
    a.send(1, b"back");
    real.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut got = [0; 100];
    assert_eq!(real.recv(&mut got).unwrap(), 4);
    assert!(told.try_recv().is_err(), "the second one changes nothing");
    stream.stop();
}

#[test]
fn a_packet_from_the_right_address_ends_the_search_for_another() {
    let a = End::new(transmitter(1));
    let (stream, told, locals) = a.stream(&with(&[("symmetric-rtp", true.to_value())], &[loopback(1)]));
    let (peer, stranger) = (silent(), silent());
    let remote = Candidate { port: peer.local_addr().unwrap().port(), ..loopback(1) };
    stream.force_remote_candidates(&[remote]).unwrap();
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Told::Pair(..))));
    for (socket, bytes) in [(&peer, b"peer"), (&stranger, b"them")] {
        socket.send_to(bytes, ("127.0.0.1", locals[0].port)).unwrap();
        a.expect(1, bytes);
    }
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Told::KnownSource(1)));
    assert!(told.try_recv().is_err());
    stream.stop();
}

#[test]
fn muxed_control_goes_where_media_go() {
    let a = End::new(transmitter(2));
    let (stream, _told, locals) = a.stream(&preferring(&[loopback(1), loopback(2)]));
    let (media, control) = (silent(), silent());
    for (number, socket) in [(1, &media), (2, &control)] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let remote = Candidate { port: socket.local_addr().unwrap().port(), ..loopback(number) };
        stream.force_remote_candidates(&[remote]).unwrap();
    }
    let mut got = [0; 100];
    for (mux, socket, from) in [(true, &media, 0), (false, &control, 1)] {
        stream.set_property("send-component-mux", mux);
        a.send(2, b"report");
        let (size, address) = socket.recv_from(&mut got).unwrap();
        assert_eq!((size, address.port()), (6, locals[from].port), "mux {mux}");
    }
    stream.set_property("send-component-mux", true);
    stream.set_sending(false);
    a.send(2, b"on hold");
    assert_eq!(media.recv(&mut got).unwrap(), 7, "control goes on");
    stream.stop();
}

#[test]
fn ports_come_from_the_range() {
    let empty = |first: &u32| (*first..first + 4).all(|p| UdpSocket::bind(("127.0.0.1", p as u16)).is_ok());
    let first = (30_000..60_000).step_by(10).find(empty).unwrap();
    let range = [("min-port", (first + 1).to_value()), ("max-port", (first + 3).to_value())];
    let wish = with(&range, &[loopback(1), loopback(2)]);
    let (stream, told) = gather(&wish, 2);
    let ports: Vec<u32> = locals(&told).iter().map(|c| c.port.into()).collect();
    assert_eq!(ports, [first + 2, first + 3]);
    let error = transmitter(2).new_stream_transmitter(None, &wish).unwrap_err();
    assert!(error.matches(Error::Network) && error.message().contains(&(first + 3).to_string()), "{error}");
    stream.stop();
    let wrong = [("min-port", 9000u32.to_value()), ("max-port", 8000u32.to_value())];
    let error = transmitter(1).new_stream_transmitter(None, &with(&wrong, &[])).unwrap_err();
    assert!(error.matches(Error::InvalidArguments) && error.message().contains("min-port"), "{error}");
}

#[test]
fn buffers_have_the_sizes_that_were_asked_for() {
    let t = transmitter(1);
    let sizes = [("send-buffer-size", 20_000u32.to_value()), ("receive-buffer-size", 30_000u32.to_value())];
    let stream = t.new_stream_transmitter(None, &with(&sizes, &[loopback(1)])).unwrap();
    let sockets = t.downcast_ref::<crate::transmitter::rawudp::RawUdpTransmitter>().unwrap().imp().sockets();
    // Linux tells twice what it was asked for (socket(7)).
    assert_eq!(sockets[0].system().send_buffer_size().unwrap(), 40_000);
    assert_eq!(sockets[0].system().recv_buffer_size().unwrap(), 60_000);
    stream.stop();
}

#[test]
fn packets_go_over_ipv6() {
    let (a, b) = (End::new(transmitter(1)), End::new(transmitter(1)));
    let v6 = Candidate { ip: "::1".into(), ..loopback(1) };
    let wish = preferring(&[v6]);
    let ((stream_a, _, locals_a), (stream_b, told_b, locals_b)) = (a.stream(&wish), b.stream(&wish));
    assert_eq!(locals_a[0].ip, "::1");
    stream_a.force_remote_candidates(&locals_b).unwrap();
    stream_b.force_remote_candidates(&locals_a).unwrap();
    assert!(matches!(told_b.recv_timeout(PATIENCE), Ok(Told::Pair(..))));
    a.send(1, b"six");
    b.expect(1, b"six");
    assert_eq!(told_b.recv_timeout(PATIENCE), Ok(Told::KnownSource(1)));
    stream_a.stop();
    stream_b.stop();
}

#[test]
fn one_socket_serves_both_families() {
    let a = End::new(transmitter(1));
    let port = free(1).port;
    let (stream, told, locals) =
        a.stream(&preferring(&[Candidate { ip: String::new(), port, ..loopback(1) }]));
    let families: Vec<bool> = locals.iter().map(|c| c.ip.parse::<IpAddr>().unwrap().is_ipv4()).collect();
    assert!(
        families == [true] || families == [true, false] || families == [false],
        "IPv4 goes first: {locals:?}"
    );
    for ip in ["127.0.0.1", "::1"] {
        let peer = UdpSocket::bind((ip, 0)).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let remote = Candidate { ip: ip.into(), port: peer.local_addr().unwrap().port(), ..loopback(1) };
        stream.force_remote_candidates(&[remote]).unwrap();
        assert!(matches!(told.recv_timeout(PATIENCE), Ok(Told::Pair(..))), "{ip}");
        a.send(1, b"there");
        assert_eq!(peer.recv(&mut [0; 100]).unwrap(), 5, "{ip}");
        peer.send_to(b"back", (ip, locals[0].port)).unwrap();
        a.expect(1, b"back");
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Told::KnownSource(1)), "{ip}");
    }
    stream.stop();
}

#[test]
fn of_several_remote_candidates_the_first_that_can_be_reached_counts() {
    let (stream, told) = gather(&preferring(&[loopback(1)]), 1);
    locals(&told);
    let at = |ip: &str, port| Candidate { ip: ip.into(), port, ..loopback(1) };
    let list = [at("192.0.2.1", 9), at("127.0.0.1", 9), at("127.0.0.1", 11)];
    stream.force_remote_candidates(&list).unwrap();
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Told::Pair(_, r)) if r == list[1]));
    let error = stream.force_remote_candidates(&list[..1]).unwrap_err();
    assert!(error.matches(Error::Network) && error.message().contains("192.0.2.1"), "{error}");
    stream.stop();
}

#[test]
fn packets_and_bytes_are_counted_for_each_component() {
    let (a, b) = (End::new(transmitter(2)), End::new(transmitter(2)));
    let wish = preferring(&[loopback(1), loopback(2)]);
    let ((stream_a, _, locals_a), (stream_b, _, locals_b)) = (a.stream(&wish), b.stream(&wish));
    let of = |stream: &StreamTransmitter, number: usize| {
        let stats = stream.property::<gst::Structure>("stats");
        assert_eq!(stats.name(), "transmitter-stats");
        stats.get::<gst::Array>("components").unwrap()[number - 1].get::<gst::Structure>().unwrap()
    };
    assert!(!of(&stream_a, 1).has_field("remote-candidate"), "there is no pair yet");
    stream_a.force_remote_candidates(&locals_b).unwrap();
    stream_b.force_remote_candidates(&locals_a).unwrap();
    for (component, bytes) in [(1, &b"media"[..]), (1, b"more"), (2, b"report")] {
        a.send(component, bytes);
        b.expect(component, bytes);
    }
    for (stream, component, way, packets, bytes) in [
        (&stream_a, 1, "sent", 2, 9),
        (&stream_a, 2, "sent", 1, 6),
        (&stream_b, 1, "received", 2, 9),
        (&stream_b, 1, "sent", 0, 0),
    ] {
        let told = of(stream, component);
        assert_eq!(told.get::<u32>("component"), Ok(component as u32));
        assert_eq!(told.get::<u64>(format!("packets-{way}")), Ok(packets), "{told}");
        assert_eq!(told.get::<u64>(format!("bytes-{way}")), Ok(bytes), "{told}");
        let pair = |end: &str| told.get::<fs_core::CandidateValue>(format!("{end}-candidate")).unwrap().0;
        assert_eq!(pair("local").ip, "127.0.0.1");
        assert_ne!(pair("local").port, pair("remote").port);
    }
    stream_a.stop();
    stream_b.stop();
}

#[test]
fn bad_addresses_of_servers_are_refused_before_anything_is_bound() {
    for (name, value) in [
        ("stun-ip", "stun.example.org".to_value()),
        ("stun-servers", "192.0.2.1,nonsense".to_value()),
        ("mapping-gateway", "router".to_value()),
        ("min-port", 70_000u32.to_value()),
        ("symmetric-rtp", "maybe".to_value()),
        ("stats", 1.to_value()),
    ] {
        let error = transmitter(1).new_stream_transmitter(None, &with(&[(name, value)], &[])).unwrap_err();
        assert!(error.matches(Error::InvalidArguments) && error.message().contains(name), "{error}");
    }
}
