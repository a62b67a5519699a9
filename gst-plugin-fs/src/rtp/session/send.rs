//! The send codec bin: chosen by negotiation, built ahead, swapped in the moment no data is on its way.

use std::sync::Arc;

use fs_core::prelude::*;
use fs_core::{Error, messages};
use fs_proto::Codec;
use fs_proto::negotiation::Association;
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::graph::Graph;
use super::recipe::Recipe;
use super::{extensions, imp};
use crate::debug::CONFERENCE as CAT;
use crate::rtp::codecbin::can_carry;
use crate::rtp::discovery::Blueprint;
use crate::rtp::discovery::caps::codec_to_caps;
use crate::rtp::element;

/// An encoder bin and what it was built for.
#[derive(Clone, Debug)]
pub struct SendBin {
    /// `send_N_PT`.
    pub bin: gst::Bin,
    /// The agreed codec.
    pub association: Association,
    /// The allowed caps it was built for, by number.
    caps_serial: u64,
    /// A peer asked for a key frame, so that none comes without.
    pub keys_on_request: bool,
    /// What a profile's further source pads send along, once it is in place.
    pub along: Vec<Along>,
}

/// One codec that a send profile sends besides its own.
#[derive(Clone, Debug)]
pub struct Along {
    /// The negotiated codec.
    pub codec: Codec,
    mux_pad: gst::Pad,
}

impl SendBin {
    /// Stops the elements and takes them out. Waits for data on its way through.
    fn remove(&self, graph: &Graph) {
        element::remove(&self.bin);
        self.along.iter().for_each(|along| graph.muxer().release_request_pad(&along.mux_pad));
    }
}

/// What is sent with, and what should be; behind the session's lock.
#[derive(Debug, Default)]
pub struct SendState {
    /// `set_send_codec`.
    pub requested: Option<Codec>,
    /// In place.
    pub current: Option<SendBin>,
    /// To be swapped in.
    pub pending: Option<SendBin>,
    /// What goes with the current one, as was last told.
    pub secondary: Vec<Codec>,
    /// `send-bitrate` in bit/s; 0 = the encoders' own.
    pub bitrate: u32,
}

impl SendState {
    fn newest_mut(&mut self) -> Option<&mut SendBin> {
        self.pending.as_mut().or(self.current.as_mut())
    }
}

impl imp::Session {
    /// Builds and swaps in another send codec bin if negotiation asks for one.
    pub(super) fn refresh_send(&self) {
        let Some(graph) = self.graph() else { return };
        let Some((association, blueprints, caps_serial)) = self.send_bin_to_build() else {
            self.tell_secondary_codecs();
            return;
        };
        let name = format!("send_{}_{}", self.id(), association.codec.id);
        let built = Recipe::send(&association)
            .ok_or_else(|| element::construction(format!("no elements encode {}", association.codec)))
            .and_then(|recipe| recipe.build_send(&blueprints, &association.send_codec, &name));
        let bin = match built {
            Ok(bin) => bin,
            Err(error) => {
                let text = format!("can't send {}: {}", association.codec, error.message());
                self.obj().emit_error(Error::Construction, &text);
                return;
            }
        };
        let replaced = self.state().send.pending.replace(SendBin {
            bin,
            association,
            caps_serial,
            keys_on_request: false,
            along: Vec::new(),
        });
        drop(replaced);
        let Some(pad) = graph.valve_send.static_pad("src") else { return };
        let weak = self.obj().downgrade();
        pad.add_probe(gst::PadProbeType::IDLE, move |_, _| {
            if let Some(session) = weak.upgrade() {
                session.imp().swap_send_bin();
            }
            gst::PadProbeReturn::Remove
        });
    }

    /// What to build, if it differs from what is in place or on its way.
    fn send_bin_to_build(&self) -> Option<(Association, Arc<[Blueprint]>, u64)> {
        let mut state = self.state();
        let wanted = state.wanted_send()?;
        let (mut renamed, caps_serial) = (false, state.caps_serial);
        if let Some(newest) = state.send.newest_mut() {
            let same = newest.caps_serial == caps_serial
                && newest.association.send_codec == wanted.send_codec
                && Recipe::send(&newest.association) == Recipe::send(&wanted);
            if same {
                renamed = newest.association.codec != wanted.codec;
                newest.association = wanted.clone();
            }
            if same && !renamed {
                return None;
            }
        }
        let blueprints = state.blueprints.clone();
        drop(state);
        if renamed {
            self.obj().notify("current-send-codec");
            return None;
        }
        Some((wanted, blueprints, caps_serial))
    }

    /// Runs in a probe while no data passes the send valve.
    fn swap_send_bin(&self) {
        let swapping = self.swapping();
        let Some(graph) = self.graph() else { return };
        let (mut new, old, bitrate) = {
            let mut state = self.state();
            let Some(new) = state.send.pending.take() else { return };
            (new, state.send.current.take(), state.send.bitrate)
        };
        if let Some(old) = &old {
            old.remove(&graph);
        }
        self.end_events_at_another_rate(new.association.codec.clock_rate);
        set_bitrate(&new.bin, bitrate);
        if let Err(error) = self.insert_send_bin(&graph, &mut new) {
            // Data without a way would end the application's source.
            self.state().set_valves(Some(&graph.valve_send));
            drop(swapping);
            let text = format!("can't send {}: {}", new.association.codec, error.message());
            self.obj().emit_error(Error::Construction, &text);
            return;
        }
        let codec = new.association.codec.clone();
        gst::info!(CAT, "session {}: sending {codec}", self.id());
        let secondary = {
            let mut state = self.state();
            state.send.current = Some(new);
            state.set_valves(Some(&graph.valve_send));
            state.send.secondary = state.secondary_codecs();
            state.send.secondary.clone()
        };
        drop(swapping);
        self.update_rtcp_interval();
        self.obj().notify("current-send-codec");
        self.post(messages::send_codec_changed(self.obj().upcast_ref(), &codec, &secondary));
        self.review_events();
    }

    /// The send codec stays, but others may go with it now.
    fn tell_secondary_codecs(&self) {
        let changed = {
            let mut state = self.state();
            let Some(main) = state.send.current.as_ref().filter(|_| state.send.pending.is_none()) else {
                return;
            };
            let (main, secondary) = (main.association.codec.clone(), state.secondary_codecs());
            let changed = state.send.secondary != secondary;
            state.send.secondary.clone_from(&secondary);
            changed.then_some((main, secondary))
        };
        if let Some((main, secondary)) = changed {
            self.post(messages::send_codec_changed(self.obj().upcast_ref(), &main, &secondary));
        }
        self.review_events();
    }

    fn insert_send_bin(&self, graph: &Graph, new: &mut SendBin) -> Result<(), glib::Error> {
        let conference = self.conference().ok_or_else(super::disposed)?;
        let agreed = self.state().outcome.header_extensions.clone();
        extensions::equip(&new.bin, &agreed);
        graph.capsfilter.set_property("caps", codec_to_caps(&new.association.send_codec));
        let mut insert = || {
            element::add(conference.upcast_ref(), &new.bin)?;
            element::link(
                &element::static_pad(&new.bin, "src")?,
                &element::static_pad(&graph.capsfilter, "sink")?,
            )?;
            for index in 1.. {
                let Some(pad) = new.bin.static_pad(&format!("src{index}")) else { break };
                let along = self.send_along(graph, &new.bin, &pad)?;
                new.along.push(along);
            }
            element::start(&new.bin)?;
            element::link(
                &element::static_pad(&graph.valve_send, "src")?,
                &element::static_pad(&new.bin, "sink")?,
            )
        };
        insert().inspect_err(|_| new.remove(graph))
    }

    /// Has a further source pad of a profile send the first of the negotiated codecs that it can carry.
    fn send_along(&self, graph: &Graph, bin: &gst::Bin, pad: &gst::Pad) -> Result<Along, glib::Error> {
        let given = pad.query_caps(None);
        let agreed: Vec<Codec> = self
            .state()
            .outcome
            .associations
            .visible()
            .map(|association| association.codec.clone())
            .collect();
        let codec = agreed.into_iter().find(|codec| can_carry(&given, codec)).ok_or_else(|| {
            element::construction(format!("its pad '{}' has '{given}', which was not agreed", pad.name()))
        })?;
        let ghost = pad.downcast_ref::<gst::GhostPad>();
        let (Some(ghost), Some(target)) = (ghost, ghost.and_then(|ghost| ghost.target())) else {
            return Err(element::construction(format!("its pad '{}' leads nowhere", pad.name())));
        };
        let filter = element::make("capsfilter", None)?;
        filter.set_property("caps", codec_to_caps(&codec));
        element::add(bin, &filter)?;
        let misled = |_| element::construction(format!("its pad '{}' can't be led on", pad.name()));
        ghost.set_target(gst::Pad::NONE).map_err(misled)?;
        element::link(&target, &element::static_pad(&filter, "sink")?)?;
        ghost.set_target(Some(&element::static_pad(&filter, "src")?)).map_err(misled)?;
        let mux_pad = element::request_pad(graph.muxer(), "sink_%u")?;
        element::link(pad, &mux_pad).inspect_err(|_| graph.muxer().release_request_pad(&mux_pad))?;
        Ok(Along { codec, mux_pad })
    }

    /// Other header extensions were agreed: what is sent has them from the next packet on.
    pub(super) fn refresh_extensions(&self) {
        self.clear_pt_map();
        let _send_path_stays = self.swapping();
        let (bin, agreed) = {
            let state = self.state();
            let bin = state.send.current.as_ref().map(|current| current.bin.clone());
            (bin, state.outcome.header_extensions.clone())
        };
        if let Some(bin) = bin {
            extensions::equip(&bin, &agreed);
        }
    }

    /// `set_send_codec`: one of the negotiated codecs that can be sent.
    pub(super) fn request_send_codec(&self, codec: &Codec) -> Result<(), glib::Error> {
        {
            let mut state = self.state();
            let sendable = state.outcome.associations.lookup(codec).is_some_and(Association::is_sendable);
            if !sendable {
                let had: Vec<String> =
                    state.outcome.associations.visible().map(|a| a.codec.to_string()).collect();
                return Err(glib::Error::new(
                    Error::InvalidArguments,
                    &format!(
                        "'{codec}' is none of the codecs that can be sent; those are: {}",
                        had.join("; ")
                    ),
                ));
            }
            state.send.requested = Some(codec.clone());
        }
        self.refresh_send();
        Ok(())
    }

    /// `send-bitrate`, in bit/s; 0 is ignored.
    pub(in crate::rtp) fn set_send_bitrate(&self, bitrate: u32) {
        if bitrate == 0 {
            return;
        }
        let bin = {
            let mut state = self.state();
            state.send.bitrate = bitrate;
            state.send.current.as_ref().map(|current| current.bin.clone())
        };
        if let Some(bin) = bin {
            set_bitrate(&bin, bitrate);
        }
        if let Some(adapter) = self.graph().and_then(|graph| graph.adapter.clone()) {
            adapter.set_bitrate(bitrate);
        }
        self.obj().notify("send-bitrate");
    }
}

/// Tells every encoder of the bin how much it may send, in bit/s; 0 leaves them alone.
pub(super) fn set_bitrate(bin: &gst::Bin, bitrate: u32) {
    if bitrate == 0 {
        return;
    }
    for element in bin.iterate_recurse().into_iter().flatten() {
        fs_core::defaults::set_bitrate(&element, bitrate.into());
    }
}
