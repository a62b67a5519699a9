//! Two conferences in one process whose call is encrypted, and the wire between them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fs_core::prelude::*;
use fs_proto::{Candidate, StreamDirection};
use gst::prelude::*;

use super::peer::wait_until;
use super::wire::Wire;
use super::{Side, audio};

pub const LOW: f64 = 440.0;
pub const HIGH: f64 = 660.0;

/// Longer than what is still played after the last packet that counts.
pub const SETTLE: Duration = Duration::from_millis(400);

pub fn parameters(cipher: &str, auth: &str, key: u8) -> gst::Structure {
    super::init();
    let length = match cipher {
        "aes-256-icm" => 46,
        "aes-128-gcm" => 28,
        "aes-256-gcm" => 44,
        _ => 30,
    };
    let key: Vec<u8> = (0..length).map(|n| key.wrapping_add(n)).collect();
    gst::Structure::builder("FarstreamSRTP")
        .field("cipher", cipher)
        .field("auth", auth)
        .field("key", gst::Buffer::from_slice(key))
        .build()
}

pub fn with_key(key: u8) -> gst::Structure {
    parameters("aes-128-icm", "hmac-sha1-80", key)
}

pub fn encrypt(side: &Side, parameters: &gst::Structure) {
    side.session.set_encryption_parameters(Some(parameters)).unwrap();
}

pub fn decrypt(side: &Side, parameters: &gst::Structure) {
    side.stream.set_decryption_parameters(Some(parameters)).unwrap();
}

pub fn address(candidates: &[Candidate], component: u32) -> SocketAddr {
    let found = candidates.iter().find(|c| c.component_id == component).unwrap();
    SocketAddr::new(found.ip.parse().unwrap(), found.port)
}

/// Two sides, and their RTP on the wire.
pub struct Call {
    pub a: Side,
    pub b: Side,
    pub rtp: Wire,
    pub rtcp: Wire,
    /// What `a` would have sent in the clear.
    pub plain: Arc<Mutex<Vec<Vec<u8>>>>,
    pub to_b: SocketAddr,
}

impl Call {
    pub fn new(prepare: impl FnOnce(&Side, &Side)) -> Self {
        let a = Side::new("a", LOW, StreamDirection::BOTH);
        let b = Side::new("b", HIGH, StreamDirection::BOTH);
        let plain = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let copies = plain.clone();
        let muxer = a.conference.by_name("send_rtp_muxer_1").unwrap();
        muxer.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            copies.lock().unwrap().extend(info.buffer().map(|b| b.map_readable().unwrap().to_vec()));
            gst::PadProbeReturn::Ok
        });
        prepare(&a, &b);
        let (of_a, of_b) = (a.open(), b.open());
        let wires =
            [1, 2].map(|component| Wire::between(address(&of_a, component), address(&of_b, component)));
        for side in [&a, &b] {
            side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
            let candidates = [wires[0].candidate(1), wires[1].candidate(2)];
            side.stream.force_remote_candidates(&candidates).unwrap();
        }
        let [rtp, rtcp] = wires;
        Self { a, b, rtp, rtcp, plain, to_b: address(&of_b, 1) }
    }

    /// Both ways with one key each.
    pub fn encrypted(to_b: &gst::Structure, to_a: &gst::Structure) -> Self {
        Self::new(|a, b| {
            encrypt(a, to_b);
            decrypt(b, to_b);
            encrypt(b, to_a);
            decrypt(a, to_a);
        })
    }

    pub fn both_hear(&self) {
        self.a.heard.clear();
        self.b.heard.clear();
        self.a.heard.wait_for_tone(HIGH);
        self.b.heard.wait_for_tone(LOW);
    }

    pub fn b_hears_nothing(&self) {
        std::thread::sleep(SETTLE);
        self.b.heard.clear();
        std::thread::sleep(SETTLE);
        assert_eq!(self.b.heard.len(), 0);
    }

    /// What `a` sends now: its payloads on the wire, each with the same packet in the clear.
    pub fn payloads(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.rtp.taken_from_a();
        let mut sent = Vec::new();
        wait_until("packets on the wire", || {
            sent.extend(self.rtp.taken_from_a());
            sent.len() >= 10
        });
        let plain = self.plain.lock().unwrap();
        let same = |packet: &Vec<u8>| plain.iter().rev().find(|p| p[2..4] == packet[2..4]);
        let pairs: Vec<_> =
            sent.iter().filter_map(|p| Some((p[12..].to_vec(), same(p)?[12..].to_vec()))).collect();
        assert!(pairs.len() >= 10, "only {} of {} packets are known", pairs.len(), sent.len());
        pairs
    }

    pub fn end(self) {
        for side in [self.a, self.b] {
            assert!(side.errors.lock().unwrap().is_empty(), "{:?}", side.errors);
            side.end();
        }
    }
}
