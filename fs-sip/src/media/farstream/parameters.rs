//! From our settings to what transmitters and encryption are given.

use std::net::IpAddr;

use fs_core::CandidateList;
use fs_proto::{Candidate, CandidateType, ComponentType, SrtpParameters};
use glib::prelude::*;

use crate::media::{IceSettings, MediaSettings, Transmitter};

const LOCAL_CANDIDATES: &str = "preferred-local-candidates";

/// The structure that says how to encrypt or decrypt.
pub(super) fn srtp(parameters: &SrtpParameters) -> gst::Structure {
    let mut structure = gst::Structure::builder("FarstreamSRTP")
        .field("rtp-cipher", parameters.rtp.cipher.nick())
        .field("rtp-auth", parameters.rtp.auth.nick())
        .field("rtcp-cipher", parameters.rtcp.cipher.nick())
        .field("rtcp-auth", parameters.rtcp.auth.nick())
        .field("replay-window-size", parameters.replay_window)
        .build();
    for (number, key) in (1..).zip(&parameters.keys) {
        let suffix = if number == 1 { String::new() } else { number.to_string() };
        structure.set(format!("key{suffix}"), gst::Buffer::from_slice(key.key.clone()));
        if !key.mki.is_empty() {
            structure.set(format!("mki{suffix}"), gst::Buffer::from_slice(key.mki.clone()));
        }
    }
    structure
}

pub(super) type Parameters = Vec<(String, glib::Value)>;

/// The transmitter and its parameters.
pub(super) fn transmitter(settings: &MediaSettings) -> (&'static str, Parameters) {
    let ip = settings.local_ip.filter(|ip| !ip.is_unspecified());
    match &settings.transmitter {
        Transmitter::RawUdp => ("rawudp", raw_udp(ip)),
        Transmitter::Nice(ice) => ("nice", nice(ip, ice)),
    }
}

/// The address to receive on, for both components; without one the transmitter chooses.
fn raw_udp(ip: Option<IpAddr>) -> Parameters {
    let Some(ip) = ip else { return Vec::new() };
    let candidate = |component: ComponentType| {
        Candidate::new("L1", component as u32, CandidateType::Host, &ip.to_string(), 0)
    };
    let list = CandidateList(vec![candidate(ComponentType::Rtp), candidate(ComponentType::Rtcp)]);
    vec![(LOCAL_CANDIDATES.to_owned(), list.to_value())]
}

/// All addresses of the host, but on loopback only that one.
fn nice(ip: Option<IpAddr>, ice: &IceSettings) -> Parameters {
    let mut parameters = vec![
        ("controlling-mode".to_owned(), ice.controlling.to_value()),
        ("ice-tcp".to_owned(), false.to_value()),
    ];
    if let Some(ip) = ip.filter(IpAddr::is_loopback) {
        let any = ComponentType::None as u32;
        let list = CandidateList(vec![Candidate::new("", any, CandidateType::Host, &ip.to_string(), 0)]);
        parameters.push((LOCAL_CANDIDATES.to_owned(), list.to_value()));
    }
    if let Some(server) = ice.stun {
        parameters.push(("stun-ip".to_owned(), server.ip().to_string().to_value()));
        parameters.push(("stun-port".to_owned(), u32::from(server.port()).to_value()));
    }
    parameters
}
