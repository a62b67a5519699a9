//! What the stream asks of its session: formats, a transmitter, directions, and the pad when data comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::prelude::*;
use fs_core::{Error, StreamTransmitter, Transmitter, messages};
use fs_proto::{Codec, StreamDirection};
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::formats::Formats;
use super::imp;
use super::path::RecvPath;
use crate::raw::stream::Stream;
use crate::raw::{CAT, disposed};
use crate::rtp::element;

/// One component: there is no RTCP.
const COMPONENTS: u32 = 1;

/// What a session knows; behind its lock.
#[derive(Default)]
pub struct State {
    stream: glib::WeakRef<Stream>,
    direction: StreamDirection,
    /// What was agreed.
    pub formats: Option<Formats>,
    /// The stream's transmitter, once set.
    pub end: Option<End>,
    /// `set_transmitter` is at work.
    end_pending: bool,
    /// IP type of service, 0 to 255.
    pub tos: u32,
}

/// A transmitter with its elements in the conference, and the stream's end of it.
pub struct End {
    transmitter: Transmitter,
    /// The stream transmitter.
    pub stream: StreamTransmitter,
    src: gst::Element,
    sink: gst::Element,
    recv: RecvPath,
    pad: Option<gst::GhostPad>,
    /// The next buffer needs a pad.
    waiting: Arc<AtomicBool>,
}

impl End {
    /// Stops and removes everything; input first, so that nothing waits for what is gone.
    pub fn take_down(&self) {
        self.stream.stop();
        self.recv.take_down(self.pad.as_ref());
        element::remove(&self.src);
        element::remove(&self.sink);
    }
}

impl imp::Session {
    /// The stream, while it is used.
    pub(super) fn stream(&self) -> Option<Stream> {
        self.state().stream.upgrade()
    }

    /// Whether that is the session's stream.
    pub(in crate::raw) fn is_stream(&self, stream: &Stream) -> bool {
        self.stream().as_ref() == Some(stream)
    }

    pub(super) fn enter(&self, stream: &Stream, direction: StreamDirection) {
        let mut state = self.state();
        state.stream = stream.downgrade();
        state.direction = direction;
    }

    /// The stream was destroyed: its pad goes, and another stream may come.
    pub(in crate::raw) fn leave(&self) {
        let end = {
            let mut state = self.state();
            state.stream = glib::WeakRef::new();
            state.formats = None;
            state.end.take()
        };
        self.update_valves();
        if let Some(end) = end {
            end.take_down();
        }
    }

    /// The stream's end of its transmitter.
    pub(in crate::raw) fn stream_end(&self) -> Result<StreamTransmitter, glib::Error> {
        self.state().end.as_ref().map(|end| end.stream.clone()).ok_or_else(|| {
            glib::Error::new(Error::Disposed, "the stream has no transmitter yet: call set_transmitter first")
        })
    }

    /// What was set with `set_remote_codecs`.
    pub(in crate::raw) fn remote_codecs(&self) -> Vec<Codec> {
        self.state().formats.as_ref().map(|f| f.codecs.clone()).unwrap_or_default()
    }

    /// What is received, once there is a pad for it.
    pub(in crate::raw) fn received_codecs(&self) -> Vec<Codec> {
        let state = self.state();
        let has_pad = state.end.as_ref().is_some_and(|end| end.pad.is_some());
        state.formats.iter().filter(|_| has_pad).map(|f| f.received.codec.clone()).collect()
    }

    /// `direction` of the stream changed.
    pub(in crate::raw) fn set_stream_direction(&self, direction: StreamDirection) {
        self.state().direction = direction;
        if let Ok(end) = self.stream_end() {
            end.set_sending(direction.send);
        }
        self.update_valves();
    }

    /// `set_remote_codecs` of the stream.
    pub(in crate::raw) fn set_remote_codecs(&self, codecs: &[Codec]) -> Result<(), glib::Error> {
        let formats = Formats::read(codecs)?;
        let stream = self.stream().ok_or_else(disposed)?;
        let (before, recv, has_pad) = {
            let mut state = self.state();
            let before = state.formats.replace(formats.clone());
            let end = state.end.as_ref();
            (before, end.map(|end| end.recv.clone()), end.is_some_and(|end| end.pad.is_some()))
        };
        if before.as_ref() == Some(&formats) {
            return Ok(());
        }
        if let Some(path) = self.path() {
            path.set_caps(&formats.sent.caps);
        }
        let received_other = before.as_ref().is_none_or(|b| b.received != formats.received);
        if let Some(recv) = recv.filter(|_| received_other) {
            recv.set_caps(&formats.received.caps);
        }
        self.update_valves();
        for property in ["codecs", "codecs-without-config"] {
            self.obj().notify(property);
        }
        for property in ["remote-codecs", "negotiated-codecs"] {
            stream.notify(property);
        }
        if received_other && has_pad {
            self.announce_received(&stream, &formats.received.codec);
        }
        if before.is_none_or(|b| b.sent != formats.sent) {
            self.obj().notify("current-send-codec");
            self.post(messages::send_codec_changed(self.obj().upcast_ref(), &formats.sent.codec, &[]));
        }
        Ok(())
    }

    fn announce_received(&self, stream: &Stream, codec: &Codec) {
        stream.notify("current-recv-codecs");
        self.post(messages::recv_codecs_changed(stream.upcast_ref(), std::slice::from_ref(codec)));
    }

    /// `set_transmitter` of the stream: opens its end and starts to look for local candidates.
    pub(in crate::raw) fn set_transmitter(
        &self,
        name: &str,
        parameters: &[(String, glib::Value)],
    ) -> Result<(), glib::Error> {
        {
            let mut state = self.state();
            if state.end.is_some() || state.end_pending {
                return Err(glib::Error::new(
                    Error::AlreadyExists,
                    &format!("the stream already has a transmitter and can't be given '{name}' as well"),
                ));
            }
            state.end_pending = true;
        }
        let opened = self.open_end(name, parameters);
        self.state().end_pending = false;
        opened
    }

    fn open_end(&self, name: &str, parameters: &[(String, glib::Value)]) -> Result<(), glib::Error> {
        let conference = self.conference().ok_or_else(disposed)?;
        let stream = self.stream().ok_or_else(disposed)?;
        let transmitter = Transmitter::new(name, COMPONENTS, self.state().tos)?;
        if transmitter.find_property("do-timestamp").is_some() {
            transmitter.set_property("do-timestamp", false);
        }
        let weak = self.obj().downgrade();
        transmitter.connect_error(move |_, code, text| {
            weak.upgrade().into_iter().for_each(|session| session.emit_error(code, text));
        });
        let end = self.connect_end(conference.upcast_ref(), &stream, name, transmitter, parameters)?;
        stream.imp().listen(&end.stream);
        let of_stream = end.stream.clone();
        let direction = {
            let mut state = self.state();
            if let Some(formats) = &state.formats {
                end.recv.set_caps(&formats.received.caps);
            }
            state.end = Some(end);
            state.direction
        };
        of_stream.set_sending(direction.send);
        self.update_valves();
        stream.notify("stream-transmitter");
        of_stream.gather_local_candidates().inspect_err(|_| {
            let end = self.state().end.take();
            self.update_valves();
            end.iter().for_each(End::take_down);
        })
    }

    fn connect_end(
        &self,
        bin: &gst::Bin,
        stream: &Stream,
        name: &str,
        transmitter: Transmitter,
        parameters: &[(String, glib::Value)],
    ) -> Result<End, glib::Error> {
        let path = self.path().ok_or_else(disposed)?;
        let (src, sink) = (transmitter.gst_src(), transmitter.gst_sink());
        let pad = |element: &gst::Element, pad: &str| {
            element
                .static_pad(pad)
                .ok_or_else(|| element::construction(format!("transmitter '{name}' has no pad '{pad}'")))
        };
        let connect = || {
            element::add(bin, &sink)?;
            element::start(&sink)?;
            element::link(&element::static_pad(&path.capsfilter, "src")?, &pad(&sink, "sink_1")?)?;
            element::add(bin, &src)?;
            let recv = RecvPath::build(bin, self.id(), &pad(&src, "src_1")?)?;
            let opened = element::start(&src).and_then(|()| {
                transmitter.new_stream_transmitter(stream.imp().participant().as_ref(), parameters)
            });
            opened.map(|stream| (stream, recv.clone())).inspect_err(|_| recv.take_down(None))
        };
        let (stream, recv) = connect().inspect_err(|_| {
            element::remove(&src);
            element::remove(&sink);
        })?;
        self.received().watch(recv.valve.static_pad("sink"));
        let waiting = Arc::new(AtomicBool::new(true));
        let (weak, flag) = (self.obj().downgrade(), waiting.clone());
        recv.watch(move || {
            if flag.load(Ordering::Relaxed)
                && let Some(session) = weak.upgrade()
            {
                session.imp().data_came();
            }
        });
        Ok(End { transmitter, stream, src, sink, recv, pad: None, waiting })
    }

    /// A buffer is here and there is no pad for it yet. Runs in the streaming thread.
    fn data_came(&self) {
        let Some(stream) = self.stream() else { return };
        let (recv, codec) = {
            let state = self.state();
            let (Some(end), Some(formats)) = (&state.end, &state.formats) else { return };
            if !state.direction.recv || !end.waiting.swap(false, Ordering::Relaxed) {
                return;
            }
            (end.recv.clone(), formats.received.codec.clone())
        };
        let pad = match recv.add_output_pad() {
            Ok(pad) => pad,
            Err(error) => return stream.emit_error(Error::Construction, error.message()),
        };
        let kept = {
            let mut state = self.state();
            state.end.as_mut().map(|end| end.pad = Some(pad.clone())).is_some()
        };
        if !kept {
            let (bin, pad) = (pad.parent_element().and_downcast::<gst::Bin>(), pad);
            bin.iter().for_each(|bin| drop(bin.remove_pad(&pad)));
            return;
        }
        gst::info!(CAT, "session {}: pad {} gives {codec}", self.id(), pad.name());
        stream.emit_src_pad_added(&pad, &codec);
        self.announce_received(&stream, &codec);
        self.update_valves();
    }

    pub(super) fn update_valves(&self) {
        let path = self.path();
        let state = self.state();
        let sends = state.direction.send && state.formats.is_some() && state.end.is_some();
        if let Some(path) = path {
            path.valve.set_property("drop", !sends);
        }
        if let Some(end) = &state.end {
            end.recv.valve.set_property("drop", !(state.direction.recv && end.pad.is_some()));
        }
    }

    /// `tos`: for the transmitter, and for the one to come.
    pub(super) fn set_tos(&self, tos: u32) {
        let transmitter = {
            let mut state = self.state();
            state.tos = tos;
            state.end.as_ref().map(|end| end.transmitter.clone())
        };
        if let Some(transmitter) = transmitter {
            transmitter.set_tos(tos);
        }
    }

    /// The type of a transmitter's streams; the type "none" if there is no such transmitter.
    pub(super) fn type_of_stream_transmitter(&self, name: &str) -> glib::Type {
        match Transmitter::new(name, COMPONENTS, 0) {
            Ok(transmitter) => transmitter.stream_transmitter_type(),
            Err(error) => {
                gst::warning!(CAT, "no transmitter '{name}': {error}");
                glib::Type::UNIT
            }
        }
    }
}
