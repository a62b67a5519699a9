//! Candidate lines that were changed at random: what is read can be written, and reads the same again. `./run soak` runs it
//! for long.

use fs_proto::candidate::sdp;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const LINES: [&str; 8] = [
    "1 1 UDP 2130706431 203.0.113.141 8998 typ host",
    "a=candidate:2 2 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
    "a+/9 1 UDP 1 2001:db8::9c 8998 typ relay raddr 2001:db8::1 rport 5001",
    "candidate:3 1 TCP 2128609279 10.0.1.1 9 typ host tcptype active",
    "4 1 TCP 2124414975 10.0.1.1 8998 typ prflx raddr 10.0.1.1 rport 8998 tcptype passive",
    "5 256 TCP 2120220671 10.0.1.1 8999 typ host tcptype so",
    "6 1 UDP 0 4d2e.local 0 typ host",
    "842163049 1 udp 1677729535 192.0.2.9 3478 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag 4ZcD network-cost 999",
];

/// Pieces that go in where something was cut out.
const PIECES: [&str; 16] = [
    "",
    " ",
    "\t",
    "\r\n",
    "\0",
    "é",
    "-1",
    "+1",
    "65536",
    "4294967296",
    "99999999999999999999",
    "typ",
    "raddr",
    "rport",
    "tcptype",
    "multicast",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn properties_of_changed_lines(
        line in select(&LINES[..]),
        changes in prop::collection::vec((any::<Index>(), 0..4_usize, select(&PIECES[..])), 0..6),
    ) {
        let mut text: Vec<char> = line.chars().collect();
        for (at, cut, piece) in changes {
            let start = at.index(text.len() + 1);
            let end = (start + cut).min(text.len());
            text.splice(start..end, piece.chars());
        }
        let text: String = text.into_iter().collect();
        match sdp::parse(&text) {
            Ok(candidate) => {
                let written = sdp::encode(&candidate);
                prop_assert!(written.is_ok(), "{text:?} was read as {candidate:?}, which can't be written: {written:?}");
                let again = written.map(|line| sdp::parse(&line));
                prop_assert_eq!(again, Ok(Ok(candidate)));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
