//! A jitter buffer between pads of the test.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};

use gst::prelude::*;

use super::{PATIENCE, init};

/// Samples in a packet of 20 ms.
pub const SAMPLES: u32 = 160;

/// What came out.
#[derive(Debug)]
pub enum Came {
    Packet { sequence_number: u16, pts: gst::ClockTime, discontinuous: bool },
    Lost { sequence_number: u32, timestamp: u64, duration: u64 },
    Eos,
}

/// A jitter buffer in a pipeline of its own, with a source pad of the test before it and a sink pad behind it.
pub struct Rig {
    pub pipeline: gst::Pipeline,
    pub buffer: gst::Element,
    pub source: gst::Pad,
    pub sink: gst::Pad,
    pub came: Receiver<Came>,
    /// Set: what comes is held.
    pub held: Arc<(Mutex<bool>, Condvar)>,
}

impl Rig {
    pub fn new(latency_ms: u32) -> Self {
        let rig = Self::of("fsrtpjitterbuffer", latency_ms);
        assert!(rig.buffer.factory().unwrap().plugin().unwrap().plugin_name().starts_with("fs"));
        rig
    }

    pub fn of(factory: &str, latency_ms: u32) -> Self {
        init();
        let pipeline = gst::Pipeline::new();
        let buffer = gst::ElementFactory::make(factory).build().unwrap();
        buffer.set_property("latency", latency_ms);
        buffer.set_property("do-lost", true);
        pipeline.add(&buffer).unwrap();
        let (tell, came) = channel();
        let tell = Mutex::new(tell);
        let held = Arc::new((Mutex::new(false), Condvar::new()));
        let hold = held.clone();
        let events = Mutex::new(tell.lock().unwrap().clone());
        let sink = gst::Pad::builder(gst::PadDirection::Sink)
            .chain_function(move |_, _, packet| {
                let (held, changed) = &*hold;
                drop(changed.wait_while(held.lock().unwrap(), |held| *held).unwrap());
                let _ = tell.lock().unwrap().send(Came::of(&packet));
                Ok(gst::FlowSuccess::Ok)
            })
            .event_function(move |_, _, event| {
                if let Some(came) = Came::of_event(&event) {
                    let _ = events.lock().unwrap().send(came);
                }
                true
            })
            .build();
        let source = gst::Pad::builder(gst::PadDirection::Src).build();
        source.link(&buffer.static_pad("sink").unwrap()).unwrap();
        buffer.static_pad("src").unwrap().link(&sink).unwrap();
        sink.set_active(true).unwrap();
        source.set_active(true).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        pipeline.state(gst::ClockTime::from_seconds(5)).0.unwrap();
        let caps = gst::Caps::builder("application/x-rtp")
            .field("media", "audio")
            .field("payload", 0)
            .field("clock-rate", 8000)
            .field("encoding-name", "PCMU")
            .build();
        for event in [
            gst::event::StreamStart::new("test"),
            gst::event::Caps::new(&caps),
            gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()),
        ] {
            assert!(source.push_event(event));
        }
        Self { pipeline, buffer, source, sink, came, held }
    }

    /// The running time now.
    pub fn now(&self) -> gst::ClockTime {
        self.buffer.current_running_time().unwrap()
    }

    /// Gives a packet as if it had arrived then.
    pub fn give(&self, number: u16, arrived: gst::ClockTime) {
        self.give_with(number, u32::from(number) * SAMPLES, arrived);
    }

    pub fn give_with(&self, number: u16, timestamp: u32, arrived: gst::ClockTime) {
        let mut packet = vec![0x80, 0];
        packet.extend(number.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend([0, 0, 0, 7]);
        packet.extend([0xff; 160]);
        let mut packet = gst::Buffer::from_mut_slice(packet);
        packet.get_mut().unwrap().set_dts(arrived);
        self.source.push(packet).unwrap();
    }

    pub fn hold(&self, hold: bool) {
        *self.held.0.lock().unwrap() = hold;
        self.held.1.notify_all();
    }

    pub fn next(&self) -> Came {
        self.came.recv_timeout(PATIENCE).unwrap()
    }

    pub fn next_number(&self) -> u16 {
        match self.next() {
            Came::Packet { sequence_number, .. } => sequence_number,
            other => panic!("{other:?}"),
        }
    }

    pub fn count(&self, field: &str) -> u64 {
        self.buffer.property::<gst::Structure>("stats").get(field).unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.hold(false);
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Came {
    pub fn of(packet: &gst::BufferRef) -> Self {
        let mut number = [0; 2];
        packet.copy_to_slice(2, &mut number).unwrap();
        Self::Packet {
            sequence_number: u16::from_be_bytes(number),
            pts: packet.pts().unwrap(),
            discontinuous: packet.flags().contains(gst::BufferFlags::DISCONT),
        }
    }

    pub fn of_event(event: &gst::Event) -> Option<Self> {
        match event.view() {
            gst::EventView::Eos(_) => Some(Self::Eos),
            gst::EventView::CustomDownstream(custom) => {
                let lost = custom.structure().filter(|s| s.name() == "GstRTPPacketLost")?;
                Some(Self::Lost {
                    sequence_number: lost.get("seqnum").unwrap(),
                    timestamp: lost.get("timestamp").unwrap(),
                    duration: lost.get("duration").unwrap(),
                })
            }
            _ => None,
        }
    }
}
