//! The static elements of a session inside the conference.
//!
//! ```text
//! sink_N ▶ (send_bitrate_adapter_N) ▶ valve_send_N ▶ (send_N_PT) ▶ send_rtp_capsfilter_N
//! send_rtp_capsfilter_N ▶ send_rtp_muxer_N ▶ (send_rtp_modder_N) ▶ rtpbin
//! rtpbin ▶ send_rtp_tee_N, send_rtcp_tee_N ▶ each transmitter's sink
//! (source of telephony events) ▶ send_rtp_muxer_N, at a pad that goes before others
//! each transmitter's src ▶ recv_rtp_funnel_N, recv_rtcp_funnel_N ▶ rtpbin
//! ```
//! Encryption happens in probes on the tees' and funnels' pads towards rtpbin, see [`crate::rtp::srtp`].

use std::sync::Arc;

use gst::prelude::*;

use fs_proto::MediaType;

use super::gate::Gate;
use super::mux;
use crate::debug::CONFERENCE as CAT;
use crate::rtp::bitrate_adapter::BitrateAdapter;
use crate::rtp::shortcut::entrance::{Entrance, Verdict};
use crate::rtp::shortcut::{demultiplexer, tee};
use crate::rtp::{element, shortcut};

/// How many packets in sequence make a new SSRC valid (RFC 3550 appendix A.1 proposes 2). One is enough where
/// the transmitter knows the peer's address, and media starts a packet earlier.
const PROBATION: u32 = 1;

/// Type of the RTCP packet of a source that leaves.
const BYE: u8 = 203;

/// The static elements of one session.
#[derive(Debug)]
pub struct Graph {
    id: u32,
    bin: gst::Bin,
    rtpbin: gst::Element,
    /// Where the application links what it sends.
    pub sink_pad: gst::GhostPad,
    /// In video sessions: fits pictures to the bit rate.
    pub adapter: Option<BitrateAdapter>,
    /// Open while some stream sends.
    pub valve_send: gst::Element,
    /// Pins the negotiated RTP caps behind the send codec bin.
    pub capsfilter: gst::Element,
    muxer: gst::Element,
    /// RTP to all transmitters.
    pub send_rtp_tee: gst::Element,
    /// RTCP to all transmitters.
    pub send_rtcp_tee: gst::Element,
    /// RTP from all transmitters.
    pub recv_rtp_funnel: gst::Element,
    /// RTCP from all transmitters.
    pub recv_rtcp_funnel: gst::Element,
    request_pads: Vec<gst::Pad>,
    /// Bounds the sources that rtpbin knows.
    pub gate: Arc<Gate>,
    /// The way of RTP into rtpbin.
    entrance: Option<Entrance>,
    /// rtpbin's `RTPSession`. Kept, because asking rtpbin for it takes a lock that rtpbin holds while it removes
    /// pads.
    pub internal_session: Option<InternalSession>,
}

/// rtpbin's `RTPSession`, whose properties and actions may be used in any thread.
#[derive(Clone, Debug)]
pub struct InternalSession(pub glib::Object);

// SAFETY: RTPSession guards its state with a mutex of its own, and GObject's reference counting, properties and
// signals are thread-safe.
unsafe impl Send for InternalSession {}
// SAFETY: as above.
unsafe impl Sync for InternalSession {}

impl Graph {
    /// Builds and starts the elements of session `id`.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION`, naming what is missing; nothing is left behind in the conference.
    pub fn build(
        bin: &gst::Bin,
        rtpbin: &gst::Element,
        id: u32,
        media: MediaType,
    ) -> Result<Self, glib::Error> {
        let make = |factory: &str, role: &str| element::make(factory, Some(&format!("{role}_{id}")));
        let mut graph = Self {
            id,
            bin: bin.clone(),
            rtpbin: rtpbin.clone(),
            sink_pad: sink_pad(bin, id)?,
            adapter: (media == MediaType::Video)
                .then(|| BitrateAdapter::new(&format!("send_bitrate_adapter_{id}"))),
            valve_send: make("valve", "valve_send")?,
            capsfilter: make("capsfilter", "send_rtp_capsfilter")?,
            muxer: make("rtpdtmfmux", "send_rtp_muxer")?,
            send_rtp_tee: make("tee", "send_rtp_tee")?,
            send_rtcp_tee: make("tee", "send_rtcp_tee")?,
            recv_rtp_funnel: make("funnel", "recv_rtp_funnel")?,
            recv_rtcp_funnel: make("funnel", "recv_rtcp_funnel")?,
            request_pads: Vec::new(),
            gate: Arc::default(),
            entrance: None,
            internal_session: None,
        };
        graph.begin_with_sequence(first_sequence());
        match graph.connect() {
            Ok(()) => Ok(graph),
            Err(error) => {
                graph.take_down();
                Err(error)
            }
        }
    }

    /// All elements, what data reaches first coming first.
    fn elements(&self) -> impl DoubleEndedIterator<Item = &gst::Element> {
        let adapter = self.adapter.as_ref().map(|adapter| adapter.upcast_ref());
        let others = [
            &self.recv_rtp_funnel,
            &self.recv_rtcp_funnel,
            &self.valve_send,
            &self.capsfilter,
            &self.muxer,
            &self.send_rtp_tee,
            &self.send_rtcp_tee,
        ];
        adapter.into_iter().chain(others)
    }

    fn connect(&mut self) -> Result<(), glib::Error> {
        self.valve_send.set_property("drop", true);
        for tee in [&self.send_rtp_tee, &self.send_rtcp_tee] {
            tee.set_property("allow-not-linked", true);
        }
        for each in self.elements() {
            element::add(&self.bin, each)?;
        }
        self.connect_rtpbin()?;
        let mux_sink = element::request_pad(&self.muxer, "sink_%u")?;
        element::link(&element::static_pad(&self.capsfilter, "src")?, &mux_sink)?;
        for each in self.elements().rev() {
            element::start(each)?;
        }
        let mut first = element::static_pad(&self.valve_send, "sink")?;
        if let Some(adapter) = &self.adapter {
            element::link(&element::static_pad(adapter, "src")?, &first)?;
            first = element::static_pad(adapter, "sink")?;
        }
        shortcut::past(std::slice::from_ref(&self.capsfilter));
        shortcut::through(&self.sink_pad);
        self.sink_pad
            .set_target(Some(&first))
            .map_err(|_| element::construction(format!("can't make pad 'sink_{}'", self.id)))?;
        let _ = self.sink_pad.set_active(true);
        self.bin
            .add_pad(&self.sink_pad)
            .map_err(|_| element::construction(format!("can't add pad 'sink_{}'", self.id)))
    }

    fn connect_rtpbin(&mut self) -> Result<(), glib::Error> {
        let id = self.id;
        for (from, pad) in
            [(&self.recv_rtp_funnel, "recv_rtp_sink"), (&self.recv_rtcp_funnel, "recv_rtcp_sink")]
        {
            let sink = element::request_pad(&self.rtpbin, &format!("{pad}_{id}"))?;
            self.request_pads.push(sink.clone());
            element::link(&element::static_pad(from, "src")?, &sink)?;
        }
        mux::separate(&self.recv_rtp_funnel, &self.recv_rtcp_funnel);
        self.gate.guard(self.recv_rtp_sink().as_ref(), self.recv_rtcp_sink().as_ref());
        self.shorten_reception();
        let rtcp = element::request_pad(&self.rtpbin, &format!("send_rtcp_src_{id}"))?;
        self.request_pads.push(rtcp.clone());
        element::link(&rtcp, &element::static_pad(&self.send_rtcp_tee, "sink")?)?;
        let rtp = element::request_pad(&self.rtpbin, &format!("send_rtp_sink_{id}"))?;
        self.request_pads.push(rtp.clone());
        element::link(&element::static_pad(&self.muxer, "src")?, &rtp)?;
        let rtp_src = element::static_pad(&self.rtpbin, &format!("send_rtp_src_{id}"))?;
        element::link(&rtp_src, &element::static_pad(&self.send_rtp_tee, "sink")?)?;
        for pad in self.request_pads.iter().chain([&rtp_src]) {
            if let Some(ghost) = pad.downcast_ref() {
                shortcut::through(ghost);
            }
        }
        tee::past(&self.send_rtp_tee);
        let internal = self.rtpbin.emit_by_name::<Option<glib::Object>>("get-internal-session", &[&id]);
        self.internal_session = internal.map(InternalSession);
        if let Some(InternalSession(internal)) = &self.internal_session {
            internal.set_property("favor-new", true);
            internal.set_property("bandwidth", 0f64);
            internal.set_property("rtcp-fraction", 0.05f64);
            internal.set_property("probation", PROBATION);
        }
        Ok(())
    }

    /// Shorter ways for the RTP of a peer who alone sends: past the funnel and its probes, past rtpbin's storage and its
    /// demultiplexer of SSRCs.
    fn shorten_reception(&mut self) {
        let (Some(funnel), Some(sink)) = (self.recv_rtp_funnel.static_pad("src"), self.recv_rtp_sink())
        else {
            return;
        };
        let Ok(ghost) = sink.downcast::<gst::GhostPad>() else { return };
        let gate = self.gate.clone();
        self.entrance = Entrance::new(&funnel, &ghost, move |packet| {
            if mux::is_rtcp(packet) {
                Verdict::Unusual
            } else if gate.passes_rtp(packet) {
                Verdict::Enters
            } else {
                Verdict::Dropped
            }
        });
        let following = |pad: Option<gst::Pad>| pad.and_then(|pad| pad.peer()?.parent_element());
        let session = ghost.target().and_then(|target| target.parent_element());
        let storage = following(session.and_then(|session| session.static_pad("recv_rtp_src")));
        let demux = storage.as_ref().and_then(|storage| following(storage.static_pad("src")));
        if let (Some(storage), Some(demux)) = (storage, demux)
            && is_made_by(&storage, "rtpstorage")
            && is_made_by(&demux, "rtpssrcdemux")
        {
            demultiplexer::past(&storage, &demux);
        }
    }

    /// Shortens the way of what comes in at a sink of the funnel for RTP.
    pub fn lead_in(&self, sink: &gst::Pad) {
        if let Some(entrance) = &self.entrance {
            entrance.lead(sink);
        }
    }

    /// What the first packet's sequence number will be close above, once the elements start again.
    pub fn begin_with_sequence(&self, sequence: u16) {
        self.muxer.set_property("seqnum-offset", i32::from(sequence));
    }

    /// Where everything that is sent comes together.
    pub fn muxer(&self) -> &gst::Element {
        &self.muxer
    }

    /// The conference.
    pub fn bin(&self) -> &gst::Bin {
        &self.bin
    }

    /// The pad of rtpbin that takes what we receive.
    pub fn recv_rtp_sink(&self) -> Option<gst::Pad> {
        self.rtpbin.static_pad(&format!("recv_rtp_sink_{}", self.id))
    }

    fn recv_rtcp_sink(&self) -> Option<gst::Pad> {
        self.rtpbin.static_pad(&format!("recv_rtcp_sink_{}", self.id))
    }

    /// Tells rtpbin in the name of a source that it leaves (RFC 3550 section 6.6).
    pub fn say_goodbye(&self, ssrc: u32) {
        let Some(pad) = self.recv_rtcp_sink() else { return };
        if pad.sticky_event::<gst::event::StreamStart>(0).is_none() {
            // No RTCP has come so far.
            pad.send_event(gst::event::StreamStart::new("goodbye"));
            pad.send_event(gst::event::Caps::new(&gst::Caps::new_empty_simple("application/x-rtcp")));
            let segment = gst::FormattedSegment::<gst::ClockTime>::new();
            pad.send_event(gst::event::Segment::new(&segment));
        }
        let packet = [&[0x81, BYE, 0, 1][..], &ssrc.to_be_bytes()].concat();
        if let Err(why) = pad.chain(gst::Buffer::from_slice(packet)) {
            gst::debug!(CAT, obj = pad, "rtpbin does not hear that SSRC {ssrc:08x} is gone: {why}");
        }
    }

    /// The pad of rtpbin that takes what we send.
    pub fn send_rtp_sink(&self) -> Option<gst::Pad> {
        self.rtpbin.static_pad(&format!("send_rtp_sink_{}", self.id))
    }

    /// Asks encoders for a key frame: somebody new is listening.
    pub fn request_key_unit(&self) {
        let structure = gst::Structure::builder("GstForceKeyUnit")
            .field("all-headers", true)
            .field("count", 0u32)
            .build();
        if let Some(pad) = self.capsfilter.static_pad("sink") {
            pad.push_event(gst::event::CustomUpstream::new(structure));
        }
    }

    /// Stops and removes everything. Waits for data on its way through; never call it in a streaming thread.
    pub fn take_down(&self) {
        let _ = self.sink_pad.set_active(false);
        if self.sink_pad.parent().is_some() {
            let _ = self.bin.remove_pad(&self.sink_pad);
        }
        for each in self.elements() {
            element::remove(each);
        }
        for pad in &self.request_pads {
            self.rtpbin.release_request_pad(pad);
        }
    }
}

fn is_made_by(element: &gst::Element, factory: &str) -> bool {
    element.factory().is_some_and(|f| f.name() == factory)
}

/// At random, but far from the first roll-over: a receiver that misses the first packets can't know of one
/// (RFC 3711 section 3.3.1).
fn first_sequence() -> u16 {
    u16::try_from(glib::random_int_range(0, 1 << 15)).unwrap_or_default()
}

fn sink_pad(bin: &gst::Bin, id: u32) -> Result<gst::GhostPad, glib::Error> {
    let template = bin
        .pad_template("sink_%u")
        .ok_or_else(|| element::construction("the conference has no template for sink pads"))?;
    Ok(gst::GhostPad::builder_from_template(&template).name(format!("sink_{id}")).build())
}
