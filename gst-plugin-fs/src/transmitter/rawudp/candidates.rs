//! What may stand in the candidates an application hands in: preferred local ones and remote ones.

use std::net::{IpAddr, SocketAddr};

use fs_proto::{Candidate, NetworkProtocol};

/// What an application wants for the socket of one component; `None` leaves it to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Preference {
    pub(super) ip: Option<IpAddr>,
    pub(super) port: Option<u16>,
}

/// A remote candidate with the address it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) candidate: Candidate,
    /// Where to send to; `None` for port 0 or the wildcard address, which mean "nothing" (RFC 3264 sections 5.1
    /// and 8.4).
    pub(super) destination: Option<SocketAddr>,
}

/// One preference for each component, read off `preferred-local-candidates`.
///
/// # Errors
/// `INVALID_ARGUMENTS` when a candidate is not UDP, has an address that is none, a component that does not exist, or a
/// component that has one already.
pub(super) fn preferences(candidates: &[Candidate], components: u32) -> Result<Vec<Preference>, glib::Error> {
    let mut all = vec![None; components as usize];
    for candidate in candidates {
        let slot = &mut all[index("preferred local", candidate, components)?];
        if slot.is_some() {
            return Err(invalid(&format!(
                "there is more than one preferred local candidate for component {}",
                candidate.component_id
            )));
        }
        let ip = match candidate.ip.as_str() {
            "" => None,
            text => Some(address("preferred local", text)?).filter(|ip| !ip.is_unspecified()),
        };
        *slot = Some(Preference { ip, port: Some(candidate.port).filter(|port| *port != 0) });
    }
    Ok(all.into_iter().map(Option::unwrap_or_default).collect())
}

/// The remote candidates with their addresses, each with its component's index.
///
/// # Errors
/// `INVALID_ARGUMENTS` when a candidate is not UDP, has no numeric address, or a component that does not exist.
pub(super) fn remotes(
    candidates: &[Candidate],
    components: u32,
) -> Result<Vec<(usize, Remote)>, glib::Error> {
    let read = |candidate: &Candidate| {
        let index = index("remote", candidate, components)?;
        if candidate.ip.is_empty() {
            return Err(invalid(&format!("the remote candidate for component {} has no address", index + 1)));
        }
        let ip = address("remote", &candidate.ip)?;
        let reachable = !ip.is_unspecified() && candidate.port != 0;
        let destination = reachable.then(|| SocketAddr::new(ip, candidate.port));
        Ok((index, Remote { candidate: candidate.clone(), destination }))
    };
    candidates.iter().map(read).collect()
}

/// The index of the candidate's component, if it is one of ours and over UDP.
fn index(kind: &str, candidate: &Candidate, components: u32) -> Result<usize, glib::Error> {
    if candidate.proto != NetworkProtocol::Udp {
        return Err(invalid(&format!(
            "a {kind} candidate has protocol {:?}, but rawudp can only do Udp",
            candidate.proto
        )));
    }
    if !(1..=components).contains(&candidate.component_id) {
        return Err(invalid(&format!(
            "a {kind} candidate has component {}, but there are only 1 to {components}",
            candidate.component_id
        )));
    }
    Ok(candidate.component_id as usize - 1)
}

fn address(kind: &str, text: &str) -> Result<IpAddr, glib::Error> {
    text.parse::<IpAddr>()
        .map(|ip| ip.to_canonical())
        .map_err(|_| invalid(&format!("'{text}' in a {kind} candidate is no numeric IP address")))
}

pub(super) fn invalid(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::InvalidArguments, text)
}

#[cfg(test)]
mod tests {
    use fs_proto::CandidateType;

    use super::*;

    fn candidate(component: u32, ip: &str, port: u16) -> Candidate {
        Candidate::new("L1", component, CandidateType::Host, ip, port)
    }

    #[test]
    fn a_preference_gives_address_or_port_or_both() {
        let read = preferences(&[candidate(2, "127.0.0.1", 0), candidate(1, "", 9000)], 3).unwrap();
        let ip = Some(IpAddr::from([127, 0, 0, 1]));
        assert_eq!(
            read,
            [Preference { ip: None, port: Some(9000) }, Preference { ip, port: None }, Preference::default()]
        );
        assert_eq!(preferences(&[candidate(1, "0.0.0.0", 0)], 1).unwrap(), [Preference::default()]);
    }

    #[test]
    fn what_cannot_be_preferred_is_named() {
        let tcp = Candidate { proto: NetworkProtocol::TcpActive, ..candidate(1, "127.0.0.1", 1) };
        for (candidates, word) in [
            (vec![candidate(0, "", 1)], "component 0"),
            (vec![candidate(3, "", 1)], "component 3"),
            (vec![candidate(1, "", 1), candidate(1, "", 2)], "more than one"),
            (vec![candidate(1, "1.2.3.999", 1)], "1.2.3.999"),
            (vec![candidate(1, "localhost", 1)], "localhost"),
            (vec![tcp], "TcpActive"),
        ] {
            let error = preferences(&candidates, 2).unwrap_err();
            assert!(error.matches(fs_core::Error::InvalidArguments));
            assert!(error.message().contains(word), "{error} does not name {word}");
        }
    }

    #[test]
    fn port_zero_and_the_wildcard_mean_nobody() {
        for (ip, port) in [("127.0.0.1", 0), ("0.0.0.0", 5000), ("::", 5000)] {
            assert_eq!(remotes(&[candidate(1, ip, port)], 1).unwrap()[0].1.destination, None, "{ip}:{port}");
        }
        let read = remotes(&[candidate(2, "127.0.0.1", 5001)], 2).unwrap();
        assert_eq!((read[0].0, read[0].1.destination), (1, Some(SocketAddr::from(([127, 0, 0, 1], 5001)))));
    }

    #[test]
    fn a_remote_candidate_needs_a_numeric_address() {
        for (c, word) in [
            (candidate(1, "", 1), "no address"),
            (candidate(1, "peer.example", 1), "peer.example"),
            (candidate(9, "127.0.0.1", 1), "component 9"),
        ] {
            let error = remotes(&[c], 2).unwrap_err();
            assert!(error.matches(fs_core::Error::InvalidArguments));
            assert!(error.message().contains(word), "{error} does not name {word}");
        }
        assert!(remotes(&[], 2).unwrap().is_empty());
    }
}
