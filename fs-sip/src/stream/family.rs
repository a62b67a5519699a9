//! Do the addresses of both sides belong to one family (RFC 6157 section 4.2)? Pure.

use std::net::IpAddr;

use fs_proto::{Candidate, MediaType};

use crate::sdp::SdpError;

/// Is there a pair of addresses of one family?
///
/// # Errors
/// When there is none; where a side names no address, nothing is known.
pub fn meet(kind: MediaType, ours: &[Candidate], theirs: &[Candidate]) -> Result<(), SdpError> {
    let families = |list: &[Candidate]| -> Vec<bool> {
        list.iter().filter_map(|c| c.ip.parse::<IpAddr>().ok()).map(|ip| ip.is_ipv6()).collect()
    };
    let (ours, theirs) = (families(ours), families(theirs));
    if ours.is_empty() || theirs.is_empty() || ours.iter().any(|family| theirs.contains(family)) {
        return Ok(());
    }
    let name = |v6| if v6 { "IPv6" } else { "IPv4" };
    let text = format!("the {kind} stream has {}, we have {}", name(theirs[0]), name(ours[0]));
    Err(SdpError::unacceptable(301, text))
}
