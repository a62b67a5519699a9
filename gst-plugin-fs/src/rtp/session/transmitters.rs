//! Transmitters of a session: one per name, shared by its streams, each with two components (RTP, RTCP).

use fs_core::prelude::*;
use fs_core::{Error, StreamTransmitter, Transmitter};
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::graph::Graph;
use super::imp;
use super::ssrc_map::StreamId;
use crate::rtp::element;

const COMPONENTS: u32 = 2;

/// A transmitter and its elements in the conference.
#[derive(Debug)]
pub struct TransmitterEntry {
    name: String,
    transmitter: Transmitter,
    src: gst::Element,
    sink: gst::Element,
    tee_pads: Vec<(gst::Element, gst::Pad)>,
}

impl TransmitterEntry {
    /// Stops and removes its elements.
    pub fn take_down(&self) {
        element::remove(&self.src);
        element::remove(&self.sink);
        for (tee, pad) in &self.tee_pads {
            tee.release_request_pad(pad);
        }
    }
}

/// A stream's end of a transmitter.
#[derive(Clone, Debug)]
pub struct StreamEnd {
    /// The stream transmitter.
    pub transmitter: StreamTransmitter,
}

impl imp::Session {
    /// The transmitter of that name, made at first use.
    pub(super) fn transmitter(&self, name: &str) -> Result<Transmitter, glib::Error> {
        let _one_at_a_time = self.making_transmitter();
        let known = self.state().transmitters.iter().find(|t| t.name == name).map(|t| t.transmitter.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let conference = self.conference().ok_or_else(super::disposed)?;
        let graph = self.graph().ok_or_else(super::disposed)?;
        let transmitter = Transmitter::new(name, COMPONENTS, self.state().tos)?;
        if transmitter.find_property("shared-thread").is_some() {
            // Behind us are jitter buffers, and they never block.
            transmitter.set_property("shared-thread", true);
        }
        let entry = connect(conference.upcast_ref(), &graph, name, &transmitter)?;
        let weak = self.obj().downgrade();
        transmitter.connect_error(move |_, code, text| {
            if let Some(session) = weak.upgrade() {
                session.emit_error(code, text);
            }
        });
        self.state().transmitters.push(entry);
        Ok(transmitter)
    }

    /// `set_transmitter` of a stream: opens its end, listens to it and starts to look for local candidates.
    pub(crate) fn set_stream_transmitter(
        &self,
        id: StreamId,
        name: &str,
        parameters: &[(String, glib::Value)],
    ) -> Result<(), glib::Error> {
        {
            let mut state = self.state();
            let entry = state.stream_mut(id).ok_or_else(super::disposed)?;
            if entry.end.is_some() || entry.end_pending {
                return Err(glib::Error::new(
                    Error::AlreadyExists,
                    &format!("the stream already has a transmitter and can't be given '{name}' as well"),
                ));
            }
            entry.end_pending = true;
        }
        let opened = self.open_stream_end(id, name, parameters);
        if let Some(entry) = self.state().stream_mut(id) {
            entry.end_pending = false;
        }
        opened
    }

    fn open_stream_end(
        &self,
        id: StreamId,
        name: &str,
        parameters: &[(String, glib::Value)],
    ) -> Result<(), glib::Error> {
        let stream = self.state().stream_object(id).ok_or_else(super::disposed)?;
        let participant = stream.imp().participant();
        let transmitter = self.transmitter(name)?;
        let end = transmitter.new_stream_transmitter(participant.as_ref(), parameters)?;
        stream.imp().listen(&end);
        if stream.imp().sends_rtcp_mux() && end.find_property("send-component-mux").is_some() {
            end.set_property("send-component-mux", true);
        }
        let direction = {
            self.state().stream_mut(id).map(|entry| {
                entry.end = Some(StreamEnd { transmitter: end.clone() });
                entry.direction
            })
        };
        let Some(direction) = direction else {
            end.stop();
            return Err(super::disposed());
        };
        end.set_sending(direction.send);
        self.update_valves();
        if let Err(error) = end.gather_local_candidates() {
            let end = self.state().stream_mut(id).and_then(|entry| entry.end.take());
            if let Some(end) = end {
                end.transmitter.stop();
            }
            self.update_valves();
            return Err(error);
        }
        if direction.send {
            self.request_key_unit();
        }
        Ok(())
    }

    /// The stream's end of its transmitter.
    pub(crate) fn stream_end(&self, id: StreamId) -> Result<StreamTransmitter, glib::Error> {
        let state = self.state();
        let entry = state.stream(id).ok_or_else(super::disposed)?;
        entry.end.as_ref().map(|end| end.transmitter.clone()).ok_or_else(|| {
            glib::Error::new(Error::Disposed, "the stream has no transmitter yet: call set_transmitter first")
        })
    }

    /// `tos`: for every transmitter, those to come included.
    pub(super) fn set_tos(&self, tos: u32) {
        let transmitters: Vec<Transmitter> = {
            let mut state = self.state();
            state.tos = tos;
            state.transmitters.iter().map(|t| t.transmitter.clone()).collect()
        };
        for transmitter in transmitters {
            transmitter.set_tos(tos);
        }
    }

    /// The type of a transmitter's streams.
    pub(super) fn type_of_stream_transmitter(&self, name: &str) -> glib::Type {
        match self.transmitter(name) {
            Ok(transmitter) => transmitter.stream_transmitter_type(),
            Err(error) => {
                gst::warning!(crate::debug::CONFERENCE, "no transmitter '{name}': {error}");
                glib::Type::INVALID
            }
        }
    }
}

/// Adds the transmitter's bins to the conference and links their pads `src_N` and `sink_N`.
fn connect(
    bin: &gst::Bin,
    graph: &Graph,
    name: &str,
    transmitter: &Transmitter,
) -> Result<TransmitterEntry, glib::Error> {
    let mut entry = TransmitterEntry {
        name: name.to_owned(),
        transmitter: transmitter.clone(),
        src: transmitter.gst_src(),
        sink: transmitter.gst_sink(),
        tee_pads: Vec::new(),
    };
    let components = [
        (1, &graph.send_rtp_tee, &graph.recv_rtp_funnel),
        (2, &graph.send_rtcp_tee, &graph.recv_rtcp_funnel),
    ];
    let mut link_all = || {
        element::add(bin, &entry.sink)?;
        element::start(&entry.sink)?;
        element::add(bin, &entry.src)?;
        for (component, tee, funnel) in components {
            let branch = element::request_pad(tee, "src_%u")?;
            entry.tee_pads.push((tee.clone(), branch.clone()));
            element::link(&branch, &pad_of(&entry.sink, name, &format!("sink_{component}"))?)?;
            let into = element::request_pad(funnel, "sink_%u")?;
            if component == 1 {
                graph.lead_in(&into);
            }
            element::link(&pad_of(&entry.src, name, &format!("src_{component}"))?, &into)?;
        }
        element::start(&entry.src)
    };
    match link_all() {
        Ok(()) => Ok(entry),
        Err(error) => {
            entry.take_down();
            Err(error)
        }
    }
}

fn pad_of(element: &gst::Element, transmitter: &str, pad: &str) -> Result<gst::Pad, glib::Error> {
    element
        .static_pad(pad)
        .ok_or_else(|| element::construction(format!("transmitter '{transmitter}' has no pad '{pad}'")))
}
