//! The client of STUN in virtual time, the vectors of RFC 5769, and whatever else may come from the network.

use proptest::prelude::*;

use super::*;

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), 3478);
const OTHER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 11)), 3479);
const MAPPED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5)), 40_000);
const PATIENCE: Duration = Duration::from_secs(60);

/// RFC 5769 section 2.2: an answer over IPv4, with SOFTWARE, MESSAGE-INTEGRITY and FINGERPRINT.
const IPV4_ANSWER: &[u8] =
    b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
\x80\x28\x00\x04\xc0\x7d\x4c\x96";

/// RFC 5769 section 2.3: the same over IPv6.
const IPV6_ANSWER: &[u8] =
    b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

fn client(servers: &[SocketAddr], now: Instant) -> Client {
    let mut last = 0;
    Client::new(servers, PATIENCE, now, || {
        last += 1;
        [last; 12]
    })
}

fn answer(request: &[u8], kind: u16, attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in attributes {
        body.extend(name.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut packet = kind.to_be_bytes().to_vec();
    packet.extend((body.len() as u16).to_be_bytes());
    packet.extend(&request[4..HEADER]);
    packet.extend(body);
    packet
}

fn plain(address: SocketAddr) -> Vec<u8> {
    let mut value = vec![0, if address.is_ipv4() { 1 } else { 2 }];
    value.extend(address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => value.extend(ip.octets()),
        IpAddr::V6(ip) => value.extend(ip.octets()),
    }
    value
}

fn mapped(request: &[u8], address: SocketAddr) -> Vec<u8> {
    let id: Id = request[8..HEADER].try_into().unwrap();
    answer(request, BINDING_SUCCESS, &[(XOR_MAPPED_ADDRESS, plain(unxor(address, &id)))])
}

#[test]
fn the_vectors_of_rfc_5769_are_read() {
    let id = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";
    for (packet, address) in
        [(IPV4_ANSWER, "192.0.2.1:32853"), (IPV6_ANSWER, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let says = Says::Mapped(address.parse().unwrap());
        assert_eq!(Message::parse(packet), Some(Message { id, says }));
        let mut broken = packet.to_vec();
        broken[25] ^= 1;
        assert_eq!(Message::parse(&broken), None, "the fingerprint does not fit");
    }
}

#[test]
fn requests_repeat_as_section_6_2_1_says() {
    let start = Instant::now();
    let mut client = client(&[SERVER], start);
    let mut sent = Vec::new();
    while let Some(next) = client.next_deadline() {
        let due = client.poll(next);
        assert!(due.iter().all(|(server, packet)| *server == SERVER && packet[..2] == [0, 1]));
        sent.extend(due.iter().map(|_| (next - start).as_millis()));
        if due.is_empty() {
            assert_eq!((next - start).as_millis(), 39_500);
        }
    }
    assert_eq!(sent, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    assert!(client.is_over());
}

#[test]
fn patience_ends_earlier_than_the_protocol() {
    let start = Instant::now();
    let mut client = Client::new(&[SERVER], Duration::from_secs(1), start, || [7; 12]);
    assert_eq!(client.poll(start).len(), 1);
    assert_eq!(client.poll(start + Duration::from_millis(500)).len(), 1);
    assert_eq!(client.next_deadline(), Some(start + Duration::from_secs(1)));
    assert!(client.poll(start + Duration::from_secs(1)).is_empty() && client.is_over());
}

#[test]
fn the_first_of_several_servers_counts_and_its_round_trip_is_known() {
    let start = Instant::now();
    let mut client = client(&[OTHER, SERVER], start);
    let sent = client.poll(start);
    assert_eq!(sent.iter().map(|(server, _)| *server).collect::<Vec<_>>(), [OTHER, SERVER]);
    let later = start + Duration::from_millis(30);
    let packet = mapped(&sent[1].1, MAPPED);
    assert_eq!(
        client.handle(&packet, OTHER, later, || [9; 12]),
        Handled::NotOurs,
        "that one was asked otherwise"
    );
    let round_trip = Some(Duration::from_millis(30));
    let told = Handled::Answered(Answer { mapped: MAPPED, server: SERVER, round_trip });
    assert_eq!(client.handle(&packet, SERVER, later, || [9; 12]), told);
    assert_eq!(client.handle(&packet, SERVER, later, || [9; 12]), Handled::NotOurs, "once is enough");
}

#[test]
fn a_repeated_request_tells_no_round_trip() {
    let start = Instant::now();
    let mut client = client(&[SERVER], start);
    client.poll(start);
    let sent = client.poll(start + FIRST_RTO);
    let handled = client.handle(&mapped(&sent[0].1, MAPPED), SERVER, start + FIRST_RTO, || [9; 12]);
    assert_eq!(handled, Handled::Answered(Answer { mapped: MAPPED, server: SERVER, round_trip: None }));
}

#[test]
fn a_server_that_names_another_is_followed_once() {
    let start = Instant::now();
    let mut client = client(&[SERVER], start);
    let redirect = |request: &[u8], to| {
        answer(request, BINDING_ERROR, &[(ERROR_CODE, vec![0, 0, 3, 0]), (ALTERNATE_SERVER, plain(to))])
    };
    let sent = client.poll(start);
    assert_eq!(client.handle(&redirect(&sent[0].1, OTHER), SERVER, start, || [9; 12]), Handled::Taken);
    let sent = client.poll(start);
    assert_eq!((sent.len(), sent[0].0), (1, OTHER));
    assert_eq!(client.handle(&redirect(&sent[0].1, SERVER), OTHER, start, || [8; 12]), Handled::Taken);
    assert!(client.is_over(), "not in circles");
}

#[test]
fn old_servers_are_understood_and_errors_end_it() {
    let start = Instant::now();
    let ask = |attributes: &[(u16, Vec<u8>)], kind| {
        let mut client = client(&[SERVER], start);
        let sent = client.poll(start);
        (client.handle(&answer(&sent[0].1, kind, attributes), SERVER, start, || [9; 12]), client.is_over())
    };
    let (told, _) = ask(&[(MAPPED_ADDRESS, plain(MAPPED)), (0x0004, plain(SERVER))], BINDING_SUCCESS);
    assert!(matches!(told, Handled::Answered(Answer { mapped: MAPPED, .. })), "{told:?}");
    for (attributes, kind) in [
        (vec![], BINDING_SUCCESS),
        (vec![(0x7fff, vec![1]), (MAPPED_ADDRESS, plain(MAPPED))], BINDING_SUCCESS),
        (vec![(ERROR_CODE, vec![0, 0, 4, 1])], BINDING_ERROR),
        (vec![(ERROR_CODE, vec![0, 0, 3, 0])], BINDING_ERROR),
    ] {
        assert_eq!(ask(&attributes, kind), (Handled::Taken, true), "{attributes:?}");
    }
}

#[test]
fn what_is_no_answer_is_not_ours() {
    let start = Instant::now();
    let mut client = client(&[SERVER], start);
    let early = mapped(&request(&[1; 12]), MAPPED);
    assert_eq!(client.handle(&early, SERVER, start, || [9; 12]), Handled::NotOurs, "nobody asked yet");
    let sent = client.poll(start);
    let good = mapped(&sent[0].1, MAPPED);
    for cut in 0..good.len() {
        assert_eq!(client.handle(&good[..cut], SERVER, start, || [9; 12]), Handled::NotOurs, "{cut} bytes");
    }
    let media = [&[0x80, 0, 0, 1][..], &[7; 200]].concat();
    assert_eq!(client.handle(&media, SERVER, start, || [9; 12]), Handled::NotOurs);
    assert_eq!(client.handle(&sent[0].1, SERVER, start, || [9; 12]), Handled::NotOurs, "a request");
    assert!(matches!(client.handle(&good, SERVER, start, || [9; 12]), Handled::Answered(_)));
}

/// A good answer, and how often and where it is damaged.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let seeds = prop_oneof![
        Just(IPV4_ANSWER.to_vec()),
        Just(IPV6_ANSWER.to_vec()),
        Just(mapped(&request(&[1; 12]), MAPPED)),
        proptest::collection::vec(any::<u8>(), 0..120),
    ];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (seeds, changes, 0usize..130).prop_map(|(mut packet, changes, length)| {
        for (place, value) in changes {
            if !packet.is_empty() {
                let at = place.index(packet.len());
                packet[at] = value;
            }
        }
        packet.truncate(length);
        packet
    })
}

proptest! {
    #[test]
    fn properties_any_packet_is_judged_without_harm(packet in damaged(), from_server in any::<bool>()) {
        let start = Instant::now();
        let mut client = client(&[SERVER], start);
        client.poll(start);
        let from = if from_server { SERVER } else { OTHER };
        match client.handle(&packet, from, start, || [9; 12]) {
            Handled::Answered(answer) => {
                prop_assert!(from_server && packet[8..HEADER] == [1; 12] && answer.mapped.port() != 0);
                prop_assert!(client.is_over());
            }
            Handled::Taken => prop_assert!(from_server),
            Handled::NotOurs => prop_assert!(!client.is_over()),
        }
    }

    #[test]
    fn properties_addresses_survive_the_mask(ip in any::<[u8; 16]>(), v4: bool, port in 1u16.., id in any::<Id>()) {
        let ip = if v4 { IpAddr::from([ip[0], ip[1], ip[2], ip[3]]) } else { IpAddr::from(ip) };
        let address = SocketAddr::new(ip, port);
        let packet = mapped(&request(&id), address);
        prop_assert_eq!(Message::parse(&packet), Some(Message { id, says: Says::Mapped(address) }));
    }
}
