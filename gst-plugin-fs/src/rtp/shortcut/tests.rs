//! Rows of converters with and without shortcuts: what arrives is the same, and which pads it passes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

/// Two converters in a bin between pads of ours.
struct Row {
    _pipeline: gst::Pipeline,
    converters: Vec<gst::Element>,
    entry: gst::Pad,
    _exit: gst::Pad,
    came: Arc<Mutex<Vec<gst::Buffer>>>,
    formats: Arc<Mutex<Vec<gst::Caps>>>,
    refuse: Arc<AtomicBool>,
}

fn caps(rate: i32) -> gst::Caps {
    let text = format!("audio/x-raw,format=S16LE,layout=interleaved,channels=1,rate={rate}");
    text.parse().unwrap()
}

impl Row {
    fn new(shortened: bool) -> Self {
        gst::init().unwrap();
        let (pipeline, bin) = (gst::Pipeline::new(), gst::Bin::new());
        let converters: Vec<gst::Element> =
            ["audioconvert", "audioresample"].map(|n| gst::ElementFactory::make(n).build().unwrap()).into();
        bin.add_many(&converters).unwrap();
        converters[0].link(&converters[1]).unwrap();
        let ghosts = [("sink", &converters[0]), ("src", &converters[1])].map(|(name, element)| {
            let target = element.static_pad(name).unwrap();
            let ghost = gst::GhostPad::builder_with_target(&target).unwrap().name(name).build();
            bin.add_pad(&ghost).unwrap();
            ghost
        });
        if shortened {
            past(&converters);
            ghosts.iter().for_each(through);
        }
        pipeline.add(&bin).unwrap();
        let (came, formats) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let refuse = Arc::<AtomicBool>::default();
        let (packets, events, refused) = (came.clone(), formats.clone(), refuse.clone());
        let exit = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, buffer| {
                packets.lock().unwrap().push(buffer);
                if refused.load(Ordering::Relaxed) {
                    Err(gst::FlowError::CustomError)
                } else {
                    Ok(gst::FlowSuccess::Ok)
                }
            })
            .event_function(move |_, _, event| {
                if let gst::EventView::Caps(caps) = event.view() {
                    events.lock().unwrap().push(caps.caps_owned());
                }
                true
            })
            .query_function(|pad, parent, query| match query.view_mut() {
                gst::QueryViewMut::Caps(asked) => {
                    asked.set_result(&caps(8000));
                    true
                }
                _ => gst::Pad::query_default(pad, parent, query),
            })
            .build();
        let entry = gst::Pad::builder(gst::PadDirection::Src).build();
        entry.set_active(true).unwrap();
        exit.set_active(true).unwrap();
        entry.link(&ghosts[0]).unwrap();
        ghosts[1].link(&exit).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let row = Self { _pipeline: pipeline, converters, entry, _exit: exit, came, formats, refuse };
        row.entry.push_event(gst::event::StreamStart::new("row"));
        row
    }

    fn format(&self, rate: i32) {
        self.entry.push_event(gst::event::Caps::new(&caps(rate)));
        self.entry.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    }

    /// Pushes 20 ms and answers what arrived.
    fn push(&self, rate: i32) -> Vec<gst::Buffer> {
        let mut buffer = gst::Buffer::from_slice(vec![1u8; rate as usize / 50 * 2]);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
        self.entry.push(buffer).unwrap();
        std::mem::take(&mut *self.came.lock().unwrap())
    }
}

/// A sink pad that is not part of an element, what it got, and how it refuses.
pub(super) struct End {
    pub(super) pad: gst::Pad,
    pub(super) came: Arc<Mutex<Vec<gst::Buffer>>>,
    refusal: Arc<Mutex<Option<gst::FlowError>>>,
    refused: AtomicUsize,
}

impl End {
    pub(super) fn new() -> Self {
        let came = Arc::<Mutex<Vec<gst::Buffer>>>::default();
        let refusal = Arc::<Mutex<Option<gst::FlowError>>>::default();
        let (packets, answer) = (came.clone(), refusal.clone());
        let pad = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, buffer| {
                packets.lock().unwrap().push(buffer);
                answer.lock().unwrap().map_or(Ok(gst::FlowSuccess::Ok), Err)
            })
            .event_function(|_, _, _| true)
            .build();
        pad.set_active(true).unwrap();
        Self { pad, came, refusal, refused: AtomicUsize::new(0) }
    }

    /// Whether the packet that `push` brings, which is refused, comes past the source pad that this is linked to: a source
    /// pad remembers what became of the last buffer that it pushed.
    pub(super) fn is_reached_past(&self, source: &gst::Pad, push: impl FnOnce()) -> bool {
        let others = [gst::FlowError::CustomError, gst::FlowError::CustomError1];
        let refusal = others[self.refused.fetch_add(1, Ordering::Relaxed) % others.len()];
        *self.refusal.lock().unwrap() = Some(refusal);
        push();
        *self.refusal.lock().unwrap() = None;
        source.last_flow_result() != Err(refusal)
    }

    pub(super) fn count(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}

/// A source pad linked to a sink pad, with events pushed.
pub(super) fn beginning(sink: &gst::Pad, caps: &str) -> gst::Pad {
    let pad = gst::Pad::builder(gst::PadDirection::Src).build();
    pad.set_active(true).unwrap();
    pad.link(sink).unwrap();
    pad.push_event(gst::event::StreamStart::new("test"));
    pad.push_event(gst::event::Caps::new(&caps.parse().unwrap()));
    pad.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    pad
}

/// An RTP packet.
pub(super) fn rtp(ssrc: u32, payload_type: u8, sequence: u8) -> gst::Buffer {
    let mut packet = vec![0x80, payload_type, 0, sequence, 0, 0, 0, 0];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0; 20]);
    gst::Buffer::from_slice(packet)
}

/// How often a buffer passed a pad, from when the probe was put there.
fn count(pad: &gst::Pad) -> Arc<Mutex<usize>> {
    let passed = Arc::<Mutex<usize>>::default();
    let counted = passed.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        *counted.lock().unwrap() += 1;
        gst::PadProbeReturn::Ok
    });
    passed
}

#[test]
fn what_needs_no_conversion_goes_past() {
    for shortened in [false, true] {
        let row = Row::new(shortened);
        row.format(8000);
        assert_eq!(row.push(8000).len(), 1);
        assert_eq!(row.formats.lock().unwrap().len(), 1, "the format goes the ordinary way");
        row.refuse.store(true, Ordering::Relaxed);
        let refused = row.entry.push(gst::Buffer::from_slice([1u8; 320]));
        assert_eq!(refused, Err(gst::FlowError::CustomError), "who pushes learns what became of it");
        for converter in &row.converters {
            // A source pad remembers what became of the last buffer that it pushed.
            let flow = converter.static_pad("src").unwrap().last_flow_result();
            assert_eq!(flow.is_ok(), shortened, "{}", converter.name());
        }
    }
}

#[test]
fn a_probe_sees_all_packets_wherever_it_stands() {
    let row = Row::new(true);
    row.format(8000);
    row.push(8000);
    for (converter, pad) in [(0, "sink"), (0, "src"), (1, "sink"), (1, "src")] {
        let passed = count(&row.converters[converter].static_pad(pad).unwrap());
        assert_eq!(row.push(8000).len(), 1);
        assert_eq!(*passed.lock().unwrap(), 1, "converter {converter}, {pad}");
    }
}

#[test]
fn another_format_is_converted_and_back() {
    let row = Row::new(true);
    for rate in [8000, 16000, 8000] {
        row.format(rate);
        let sizes: usize = (0..50).flat_map(|_| row.push(rate)).map(|buffer| buffer.size()).sum();
        assert!((15_400..=16_200).contains(&sizes), "a second at {rate} Hz became {sizes} bytes");
    }
    assert_eq!(*row.formats.lock().unwrap(), [caps(8000)], "to the outside it is always the same");
}
