//! What the stream transmitter says, handed on as messages and errors of the stream.

use std::sync::atomic::Ordering;

use fs_core::prelude::*;
use fs_core::{Error, StreamTransmitter, messages};
use fs_proto::StreamState;
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::{Stream, imp};
use crate::transmitter::network;

impl Stream {
    fn post(&self, structure: gst::Structure) {
        if let Some(session) = self.imp().session() {
            session.imp().post(structure);
        }
    }
}

impl imp::Stream {
    /// Connects to everything the stream transmitter can say. It does not keep the stream alive.
    pub(in crate::rtp) fn listen(&self, end: &StreamTransmitter) {
        fn with<R>(weak: &glib::WeakRef<Stream>, act: impl FnOnce(&Stream) -> R) {
            if let Some(stream) = weak.upgrade() {
                act(&stream);
            }
        }
        let weak = || self.obj().downgrade();
        let stream = weak();
        end.connect_error(move |_, code, text| with(&stream, |s| s.emit_error(code, text)));
        let stream = weak();
        end.connect_new_local_candidate(move |_, candidate| {
            with(&stream, |s| s.post(messages::new_local_candidate(s.upcast_ref(), candidate)));
        });
        let stream = weak();
        end.connect_local_candidates_prepared(move |_| {
            with(&stream, |s| s.post(messages::local_candidates_prepared(s.upcast_ref())));
        });
        let stream = weak();
        network::connect_negotiation_needed(end, move |candidates| {
            with(&stream, |s| s.post(messages::negotiation_needed(s.upcast_ref(), candidates)));
        });
        let stream = weak();
        end.connect_new_active_candidate_pair(move |_, local, remote| {
            with(&stream, |s| {
                s.post(messages::new_active_candidate_pair(s.upcast_ref(), local, remote));
                s.imp().ask_for_key_unit();
            });
        });
        let stream = weak();
        end.connect_state_changed(move |_, component, state| {
            with(&stream, |s| {
                s.post(messages::component_state_changed(s.upcast_ref(), component, state));
                s.imp().component_changed(component, state);
            });
        });
        let stream = weak();
        end.listen_for_known_source(move |component, buffer| {
            with(&stream, |s| s.imp().known_source_packet(component, buffer));
        });
    }

    fn ask_for_key_unit(&self) {
        if let Some(session) = self.session() {
            session.imp().request_key_unit();
        }
    }

    fn component_changed(&self, component: u32, state: StreamState) {
        if component == 1 && state == StreamState::Failed {
            let text = "component 1 (RTP) has no connection to the peer";
            self.obj().emit_error(Error::ConnectionFailed, text);
        } else if state >= StreamState::Connected {
            self.ask_for_key_unit();
        }
    }

    /// A packet came from the address the peer is known to send from: its SSRC is the peer's. Called for every
    /// packet, so the session is only asked when the SSRC is another than last time.
    fn known_source_packet(&self, component: u32, buffer: &gst::Buffer) {
        let Some(ssrc) = source_ssrc(component, buffer) else { return };
        let slot = &self.last_known[usize::from(component == 2)];
        let known = u64::from(ssrc) | KNOWN;
        if slot.load(Ordering::Relaxed) == known {
            return;
        }
        slot.store(known, Ordering::Relaxed);
        if let Some(session) = self.session() {
            session.imp().known_source(self.id(), ssrc);
        }
    }

    /// The next packet asks the session again.
    pub(in crate::rtp) fn forget_last_known(&self) {
        for slot in &self.last_known {
            slot.store(0, Ordering::Relaxed);
        }
    }
}

const KNOWN: u64 = 1 << 32;

/// The SSRC of the sender of an RTP packet, or of an RTCP packet that begins with SR, RR or SDES (RFC 3550
/// sections 5.1, 6.4 and 6.5). RTCP on the first component is recognised by its type (RFC 5761 section 4).
fn source_ssrc(component: u32, buffer: &gst::Buffer) -> Option<u32> {
    let mut head = [0u8; 12];
    let length = buffer.size().min(head.len());
    buffer.copy_to_slice(0, head.get_mut(..length)?).ok()?;
    if length < 8 || head[0] >> 6 != 2 {
        return None;
    }
    let is_rtcp = component == 2 || (192..=223).contains(&head[1]);
    let at = match (is_rtcp, head[1]) {
        (true, 200..=202) => 4,
        (false, _) if length == head.len() => 8,
        _ => return None,
    };
    Some(u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssrc(component: u32, bytes: &[u8]) -> Option<u32> {
        gst::init().expect("GStreamer works");
        source_ssrc(component, &gst::Buffer::from_slice(bytes.to_vec()))
    }

    #[test]
    fn senders_are_read_from_rtp_and_rtcp() {
        assert_eq!(ssrc(1, &[0x80, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 9]), Some(0x0102_0304));
        assert_eq!(ssrc(2, &[0x80, 200, 0, 6, 1, 2, 3, 4]), Some(0x0102_0304));
        assert_eq!(ssrc(1, &[0x81, 202, 0, 6, 1, 2, 3, 5]), Some(0x0102_0305));
    }

    #[test]
    fn what_names_no_sender_is_passed_over() {
        assert_eq!(ssrc(1, &[]), None);
        assert_eq!(ssrc(1, &[0x80, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3]), None);
        assert_eq!(ssrc(1, &[0x00; 20]), None);
        assert_eq!(ssrc(2, &[0x80, 203, 0, 1, 1, 2, 3, 4]), None);
    }
}
