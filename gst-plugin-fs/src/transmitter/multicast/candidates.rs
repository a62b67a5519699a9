//! What may stand in the candidates and the parameter an application hands in.

use std::net::{IpAddr, SocketAddr};

use fs_proto::{Candidate, CandidateType, NetworkProtocol};

/// Most addresses in a `source-filter`; Linux takes ten for each socket by default (`igmp_max_msf`).
const MAX_SOURCES: usize = 10;

/// The candidate that names the interface of a component: the preferred one, or one that leaves it open.
///
/// # Errors
/// `INVALID_ARGUMENTS` when a candidate is not UDP, has no numeric address, a component that does not exist, or a component
/// that has one already.
pub(super) fn locals(preferred: &[Candidate], components: u32) -> Result<Vec<Candidate>, glib::Error> {
    let mut all = vec![None; components as usize];
    for candidate in preferred {
        let index = index("preferred local", candidate, components)?;
        if all[index].is_some() {
            return Err(invalid(&format!(
                "there is more than one preferred local candidate for component {}",
                candidate.component_id
            )));
        }
        if candidate.ip.is_empty() {
            return Err(invalid(&format!(
                "the preferred local candidate for component {} has no address",
                candidate.component_id
            )));
        }
        address("a preferred local candidate", &candidate.ip)?;
        all[index] = Some(candidate.clone());
    }
    let open = |component| Candidate::new("", component, CandidateType::Multicast, "", 0);
    Ok((1u32..).zip(all).map(|(component, one)| one.unwrap_or_else(|| open(component))).collect())
}

/// Remote candidates with their component's index and the group they stand for.
///
/// # Errors
/// `INVALID_ARGUMENTS` when a candidate is not UDP, not of type multicast, has an address that is no group's, no port, TTL 0
/// or a component that does not exist.
pub(super) fn remotes(
    candidates: &[Candidate],
    components: u32,
) -> Result<Vec<(usize, SocketAddr, Candidate)>, glib::Error> {
    let read = |candidate: &Candidate| {
        let index = index("remote", candidate, components)?;
        let wrong = |why: &str| {
            invalid(&format!(
                "the remote candidate for component {} at '{}' port {} {why}",
                candidate.component_id, candidate.ip, candidate.port
            ))
        };
        if candidate.kind != CandidateType::Multicast {
            return Err(wrong(&format!("has type {:?}, not Multicast", candidate.kind)));
        }
        if candidate.ip.is_empty() {
            return Err(wrong("has no address"));
        }
        let ip = address("a remote candidate", &candidate.ip)?;
        if !ip.is_multicast() {
            return Err(wrong("has an address that is no multicast group's"));
        }
        if candidate.port == 0 {
            return Err(wrong("has port 0"));
        }
        if !(1..=255).contains(&candidate.ttl) {
            return Err(wrong(&format!("has TTL {}, which is not in 1 to 255", candidate.ttl)));
        }
        Ok((index, SocketAddr::new(ip, candidate.port), candidate.clone()))
    };
    candidates.iter().map(read).collect()
}

/// The addresses of a `source-filter`, sorted.
///
/// # Errors
/// `INVALID_ARGUMENTS` for more than ten, or what is no unicast address.
pub(super) fn sources(filter: &[String]) -> Result<Vec<IpAddr>, glib::Error> {
    if filter.len() > MAX_SOURCES {
        return Err(invalid(&format!(
            "parameter 'source-filter' has {} addresses, more than {MAX_SOURCES}",
            filter.len()
        )));
    }
    let mut all = Vec::new();
    for text in filter {
        let ip = address("parameter 'source-filter'", text)?;
        if ip.is_multicast() || ip.is_unspecified() {
            return Err(invalid(&format!("'{text}' in parameter 'source-filter' is no sender's address")));
        }
        all.push(ip);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn index(kind: &str, candidate: &Candidate, components: u32) -> Result<usize, glib::Error> {
    if candidate.proto != NetworkProtocol::Udp {
        return Err(invalid(&format!(
            "a {kind} candidate has protocol {:?}, but multicast can only do Udp",
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

/// A numeric address; the kind of place it stands in is for the error.
pub(super) fn address(place: &str, text: &str) -> Result<IpAddr, glib::Error> {
    text.parse().map_err(|_| invalid(&format!("'{text}' in {place} is no numeric IP address")))
}

/// An `INVALID_ARGUMENTS`; the text may quote what an application gave, NULs included.
pub(super) fn invalid(text: &str) -> glib::Error {
    glib::Error::new(fs_core::Error::InvalidArguments, &text.replace('\0', "\u{fffd}"))
}
