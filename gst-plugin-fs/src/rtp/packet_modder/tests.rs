//! Packets through the element.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fs_proto::tfrc::{Sending, Stamp};
use gst::prelude::*;
use gst_rtp::RTPBuffer;

use super::PacketModder;

const STAMP: Stamp = Stamp { rtt: Duration::from_millis(5), time: 77 };

/// What comes out of `payloads` packets.
fn through(id: u8, count: u32, decide: Box<super::Decide>) -> Vec<gst::Buffer> {
    gst::init().unwrap();
    let text = format!(
        "audiotestsrc num-buffers={count} samplesperbuffer=160 ! audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay name=pay  fakesink name=end sync=false"
    );
    let pipeline = gst::parse::launch(&text).unwrap().downcast::<gst::Pipeline>().unwrap();
    let modder = PacketModder::new("modder", id, decide);
    pipeline.add(&modder).unwrap();
    pipeline.by_name("pay").unwrap().link(&modder).unwrap();
    let end = pipeline.by_name("end").unwrap();
    modder.link(&end).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    end.static_pad("sink").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let _ = sender.send(info.buffer().unwrap().copy());
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &[gst::MessageType::Eos]).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    receiver.try_iter().collect()
}

#[test]
fn each_packet_gets_its_stamp_in_the_form_its_id_needs() {
    for id in [1, 14, 15, 200] {
        let packets = through(id, 3, Box::new(|_| Some(Sending { wait: Duration::ZERO, stamp: STAMP })));
        assert!(packets.len() >= 3);
        for packet in &packets {
            let rtp = RTPBuffer::from_buffer_readable(packet).unwrap();
            let found = match id {
                ..15 => rtp.extension_onebyte_header(id, 0),
                _ => rtp.extension_twobytes_header(id, 0).map(|(_, data)| data),
            };
            assert_eq!(found.and_then(Stamp::from_bytes), Some(STAMP), "id {id}");
            assert_eq!(rtp.payload_size(), 160);
            assert!(rtp.payload().unwrap().iter().any(|b| *b != 0), "the payload is still there");
        }
    }
}

#[test]
fn packets_that_need_nothing_pass_unchanged() {
    let sizes = Arc::new(AtomicUsize::new(0));
    let total = sizes.clone();
    let packets = through(
        3,
        3,
        Box::new(move |size| {
            total.fetch_add(size, Ordering::Relaxed);
            None
        }),
    );
    assert!(packets.iter().all(|packet| packet.size() == 172));
    assert_eq!(sizes.load(Ordering::Relaxed), 172 * packets.len());
}

#[test]
fn a_packet_waits_but_does_not_hold_up_the_end() {
    gst::init().unwrap();
    let modder = PacketModder::new(
        "modder",
        3,
        Box::new(|_| Some(Sending { wait: Duration::from_secs(600), stamp: STAMP })),
    );
    let pipeline = gst::Pipeline::new();
    let text = "audiotestsrc ! audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay name=pay";
    let source = gst::parse::bin_from_description(text, true).unwrap();
    let sink = gst::ElementFactory::make("fakesink").property("async", false).build().unwrap();
    pipeline.add(&source).unwrap();
    pipeline.add_many([modder.upcast_ref::<gst::Element>(), &sink]).unwrap();
    gst::Element::link_many([source.upcast_ref(), modder.upcast_ref(), &sink]).unwrap();
    let (sender, came) = std::sync::mpsc::channel();
    modder.static_pad("sink").unwrap().add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        move |_, _| {
            let _ = sender.send(());
            gst::PadProbeReturn::Ok
        },
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    came.recv_timeout(Duration::from_secs(20)).unwrap();
    let start = Instant::now();
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(start.elapsed() < Duration::from_secs(100), "the wait was not ended");
}
