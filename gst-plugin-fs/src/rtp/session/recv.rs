//! The receiving side: rtpbin's pads become substreams, substreams get a decoder and a stream, and then a pad.
//!
//! Several threads meet here: jitter buffers (new pads), transmitters (known source addresses), RTCP (CNAME, BYE),
//! the timer and the application. Each decides under the session's lock and works without it; whoever finds a
//! substream that wants a pad claims it, so that it is made once.

use fs_core::prelude::*;
use fs_core::{Error, messages};
use fs_proto::Codec;
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::recipe::Recipe;
use super::ssrc_map::StreamId;
use super::{extensions, imp};
use crate::debug::CONFERENCE as CAT;
use crate::rtp::discovery::caps::codec_to_caps;
use crate::rtp::element;
use crate::rtp::substream::{OutputPad, Parts, Substream, SubstreamKey};

/// Of depayloaders: how far back a packet may lie before the source counts as restarted.
const MAX_REORDER: &str = "max-reorder";

/// What a substream's decoder needs.
enum DecoderJob {
    Nothing,
    Unknown,
    /// The decoder stays; only the description of the stream is another.
    Describe(Parts, Codec),
    Build {
        serial: u64,
        parts: Parts,
        codec: Codec,
        recipe: Recipe,
    },
}

impl imp::Session {
    /// rtpbin has a pad for another SSRC or payload type. Runs in the thread that will push into it.
    pub(crate) fn pad_added(&self, pad: &gst::Pad, key: SubstreamKey) {
        let Some(conference) = self.conference() else { return };
        gst::debug!(CAT, "session {}: SSRC {:08x} sends payload type {}", self.id(), key.0, key.1);
        let parts = match Parts::build(conference.upcast_ref(), self.id(), key, pad) {
            Ok(parts) => parts,
            Err(error) => return self.report_receive_error(None, error.message()),
        };
        let replaced = self.state().add_substream(key, parts);
        replaced.into_iter().for_each(Substream::take_down);
        if self.is_disposed() {
            return self.pad_removed(key);
        }
        self.watch_payload_type(pad, key.0);
        self.state().claim_substreams(key.0);
        self.update_decoder(key);
        self.wait_for_stream(key);
        self.attach(key);
    }

    /// rtpbin's pad is gone.
    pub(crate) fn pad_removed(&self, key: SubstreamKey) {
        let gone = self.state().remove_substream(key);
        let Some(gone) = gone else { return };
        gst::debug!(CAT, "session {}: SSRC {:08x} payload type {} ended", self.id(), key.0, key.1);
        self.stop_listening(key, gone.stream);
        let stream = gone.stream.filter(|_| gone.has_pad());
        gone.take_down();
        let stream = stream.and_then(|id| self.state().stream_object(id));
        if let Some(stream) = stream {
            stream.notify("current-recv-codecs");
        }
        self.update_rtcp_interval();
    }

    /// Answers rtpbin's question how to read a payload type.
    pub(crate) fn pt_map(&self, pt: u8) -> Option<gst::Caps> {
        let state = self.state();
        let association = state.outcome.associations.lookup_by_pt(pt)?;
        let caps = codec_to_caps(&association.codec_without_config());
        Some(extensions::in_caps(caps, &state.outcome.header_extensions))
    }

    /// Negotiation changed: decoders may have to change, and unknown payload types may be known now.
    pub(super) fn refresh_receive(&self) {
        let keys: Vec<SubstreamKey> = self.state().substreams.keys().copied().collect();
        for key in keys {
            self.update_decoder(key);
            self.attach(key);
        }
        self.update_rtcp_interval();
    }

    fn decoder_job(&self, key: SubstreamKey) -> DecoderJob {
        let mut state = self.state();
        let Some(stream) = state.substreams.get(&key).map(|s| s.stream) else { return DecoderJob::Nothing };
        let Some((codec, recipe)) = state.recv_codec(stream, key.1) else { return DecoderJob::Unknown };
        let Some(substream) = state.substreams.get_mut(&key) else { return DecoderJob::Nothing };
        let parts = substream.parts.clone();
        if substream.recipe.as_ref() != Some(&recipe) {
            return DecoderJob::Build { serial: substream.serial, parts, codec, recipe };
        }
        if substream.codec.as_ref() == Some(&codec) {
            return DecoderJob::Nothing;
        }
        substream.codec = Some(codec.clone());
        DecoderJob::Describe(parts, codec)
    }

    fn update_decoder(&self, key: SubstreamKey) {
        match self.decoder_job(key) {
            DecoderJob::Nothing => {}
            DecoderJob::Unknown => {
                let has_decoder = self.state().substreams.get(&key).is_some_and(|s| s.decoder.is_some());
                if !has_decoder {
                    let text = format!("payload type {} was received but never negotiated", key.1);
                    self.report_receive_error(Some(key), &text);
                }
            }
            DecoderJob::Describe(parts, codec) => {
                parts.capsfilter.set_property("caps", codec_to_caps(&codec));
                self.announce_codec(key);
            }
            DecoderJob::Build { serial, parts, codec, recipe } => {
                let blueprints = self.state().blueprints.clone();
                let bin = match recipe.build_recv(&blueprints, &codec, &parts.decoder_name()) {
                    Ok(bin) => bin,
                    Err(error) => return self.report_receive_error(Some(key), error.message()),
                };
                take_any_order(&bin);
                let replaced = {
                    let mut state = self.state();
                    let substream = state.substreams.get_mut(&key).filter(|s| s.serial == serial);
                    let Some(substream) = substream else { return };
                    substream.codec = Some(codec);
                    substream.recipe = Some(recipe);
                    substream.pending.replace(bin)
                };
                drop(replaced);
                self.swap_decoder_when_idle(&parts, key);
            }
        }
    }

    fn swap_decoder_when_idle(&self, parts: &Parts, key: SubstreamKey) {
        let Some(pad) = parts.input_valve.static_pad("src") else { return };
        let weak = self.obj().downgrade();
        pad.add_probe(gst::PadProbeType::IDLE, move |_, _| {
            if let Some(session) = weak.upgrade() {
                session.imp().swap_decoder(key);
            }
            gst::PadProbeReturn::Remove
        });
    }

    /// Runs in a probe while no data passes the input valve.
    fn swap_decoder(&self, key: SubstreamKey) {
        let swapping = self.swapping();
        let (parts, new, old, codec, serial) = {
            let mut state = self.state();
            let Some(substream) = state.substreams.get_mut(&key) else { return };
            let Some(new) = substream.pending.take() else { return };
            let old = substream.decoder.take();
            (substream.parts.clone(), new, old, substream.codec.clone(), substream.serial)
        };
        if let Some(old) = old {
            element::remove(&old);
        }
        if let Some(codec) = &codec {
            parts.capsfilter.set_property("caps", codec_to_caps(codec));
        }
        self.listen_for_events(key, &new, codec.as_ref());
        if let Err(error) = parts.insert_decoder(&new) {
            drop(swapping);
            return self.report_receive_error(Some(key), error.message());
        }
        let orphan = {
            let mut state = self.state();
            match state.substreams.get_mut(&key).filter(|s| s.serial == serial) {
                Some(substream) => {
                    substream.decoder = Some(new);
                    None
                }
                None => Some(new),
            }
        };
        drop(swapping);
        match orphan {
            Some(bin) => element::remove(&bin),
            None => {
                self.update_rtcp_interval();
                self.announce_codec(key);
                self.attach(key);
            }
        }
    }

    /// Gives a substream that has a stream and a decoder its pad, once.
    pub(super) fn attach(&self, key: SubstreamKey) {
        let (parts, serial, stream_id) = {
            let mut state = self.state();
            let Some(substream) = state.substreams.get_mut(&key).filter(|s| s.wants_pad()) else { return };
            substream.pad = OutputPad::Claimed;
            let Some(stream) = substream.stream else { return };
            (substream.parts.clone(), substream.serial, stream)
        };
        let pad = match parts.add_output_pad() {
            Ok(pad) => pad,
            Err(error) => return self.report_receive_error(Some(key), error.message()),
        };
        let ready = {
            let mut state = self.state();
            let stream = state.stream_object(stream_id);
            let substream = state.substreams.get_mut(&key).filter(|s| s.serial == serial);
            match (stream, substream) {
                (Some(stream), Some(substream)) if substream.stream == Some(stream_id) => {
                    substream.pad = OutputPad::Present(pad.clone());
                    substream.codec.clone().map(|codec| (stream, codec))
                }
                (_, Some(substream)) => {
                    substream.pad = OutputPad::Absent;
                    None
                }
                _ => None,
            }
        };
        let Some((stream, codec)) = ready else {
            parts.remove_output_pad(&pad);
            return;
        };
        gst::info!(CAT, "session {}: pad {} gives {codec}", self.id(), pad.name());
        stream.emit_src_pad_added(&pad, &codec);
        self.announce_codec(key);
        let state = self.state();
        if let Some(substream) = state.substreams.get(&key).filter(|s| s.serial == serial && s.has_pad()) {
            substream.parts.output_valve.set_property("drop", false);
        }
        state.set_valves(None);
    }

    /// `farstream-recv-codecs-changed`, unless another pad of the stream already gives that codec.
    fn announce_codec(&self, key: SubstreamKey) {
        let (stream, codecs) = {
            let state = self.state();
            let Some(substream) = state.substreams.get(&key).filter(|s| s.has_pad()) else { return };
            let (Some(id), Some(codec)) = (substream.stream, &substream.codec) else { return };
            let known = state.substreams.iter().any(|(other, s)| {
                *other != key && s.stream == Some(id) && s.has_pad() && s.codec.as_ref() == Some(codec)
            });
            let Some(stream) = state.stream_object(id).filter(|_| !known) else { return };
            (stream, state.current_recv_codecs(id, Some(codec)))
        };
        stream.notify("current-recv-codecs");
        self.post(messages::recv_codecs_changed(stream.upcast_ref(), &codecs));
    }

    fn report_receive_error(&self, key: Option<SubstreamKey>, text: &str) {
        let stream = {
            let state = self.state();
            let id: Option<StreamId> = key.and_then(|k| state.substreams.get(&k)).and_then(|s| s.stream);
            id.and_then(|id| state.stream_object(id))
        };
        let text = format!("can't receive: {text}");
        match stream {
            Some(stream) => stream.emit_error(Error::Construction, &text),
            None => self.obj().emit_error(Error::Construction, &text),
        }
    }
}

/// The jitter buffer has put packets in order: a sequence number that goes back says that the source counts anew, and a
/// depayloader must not take it for an old packet.
fn take_any_order(decoder: &gst::Bin) {
    for element in decoder.iterate_recurse().into_iter().flatten() {
        if element.find_property(MAX_REORDER).is_some_and(|spec| spec.value_type() == glib::Type::I32) {
            element.set_property(MAX_REORDER, 0i32);
        }
    }
}
