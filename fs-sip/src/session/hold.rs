//! Direction arithmetic of hold and resume (RFC 3264 sections 6.1 and 8.4). All directions are seen from us,
//! except where a name says `remote`.

use fs_proto::StreamDirection;

/// What we offer: what the application wants, without receiving while we hold the peer.
#[must_use]
pub fn offered(wanted: StreamDirection, holding: bool) -> StreamDirection {
    if holding { wanted.intersect(StreamDirection::SEND) } else { wanted }
}

/// What we answer to a peer that offers `remote` (seen from the peer): what both sides allow.
#[must_use]
pub fn answered(remote: StreamDirection, wanted: StreamDirection, holding: bool) -> StreamDirection {
    remote.reversed().intersect(offered(wanted, holding))
}

/// What flows after both have spoken: our own line cut by the peer's (seen from the peer).
#[must_use]
pub fn agreed(ours: StreamDirection, remote: StreamDirection) -> StreamDirection {
    ours.intersect(remote.reversed())
}

/// Whether the peer holds us: it does not want to receive, though we would send.
#[must_use]
pub fn held_by(remote: StreamDirection, wanted: StreamDirection) -> bool {
    wanted.send && !remote.recv
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [StreamDirection; 4] =
        [StreamDirection::NONE, StreamDirection::SEND, StreamDirection::RECV, StreamDirection::BOTH];

    #[test]
    fn the_table_of_rfc_3264() {
        let both = StreamDirection::BOTH;
        assert_eq!(answered(StreamDirection::BOTH, both, false), StreamDirection::BOTH);
        assert_eq!(answered(StreamDirection::SEND, both, false), StreamDirection::RECV);
        assert_eq!(answered(StreamDirection::RECV, both, false), StreamDirection::SEND);
        assert_eq!(answered(StreamDirection::NONE, both, false), StreamDirection::NONE);
    }

    #[test]
    fn holding_never_receives() {
        for remote in ALL {
            assert!(!answered(remote, StreamDirection::BOTH, true).recv);
        }
        assert_eq!(offered(StreamDirection::BOTH, true), StreamDirection::SEND);
        assert_eq!(offered(StreamDirection::RECV, true), StreamDirection::NONE);
    }

    #[test]
    fn an_answer_never_exceeds_the_offer() {
        for remote in ALL {
            for wanted in ALL {
                let answer = answered(remote, wanted, false);
                assert!((!answer.send || remote.recv) && (!answer.recv || remote.send));
                assert_eq!(agreed(answer, remote), answer);
            }
        }
    }

    #[test]
    fn who_holds() {
        assert!(held_by(StreamDirection::SEND, StreamDirection::BOTH));
        assert!(held_by(StreamDirection::NONE, StreamDirection::BOTH));
        assert!(!held_by(StreamDirection::BOTH, StreamDirection::BOTH));
        assert!(!held_by(StreamDirection::SEND, StreamDirection::RECV));
    }
}
