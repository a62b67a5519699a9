//! Bytes through both elements.

use std::sync::mpsc;

use gst::prelude::*;

/// Sends `messages` through payloader and depayloader: the packets, and the buffers that come out.
fn through(messages: &[Vec<u8>], mtu: u32) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    gst::init().unwrap();
    crate::plugin_register_static().unwrap();
    let pipeline = gst::Pipeline::new();
    let make = |name: &str| gst::ElementFactory::make(name).build().unwrap();
    let (pay, depay, sink) = (make("fsrtpxdatapay"), make("fsrtpxdatadepay"), make("fakesink"));
    pay.set_property("mtu", mtu);
    pay.set_property("pt", 101u32);
    sink.set_property("async", false);
    pipeline.add_many([&pay, &depay, &sink]).unwrap();
    gst::Element::link_many([&pay, &depay, &sink]).unwrap();
    let packets = watch(&pay.static_pad("src").unwrap());
    let buffers = watch(&depay.static_pad("src").unwrap());
    pipeline.set_state(gst::State::Playing).unwrap();
    let input = pay.static_pad("sink").unwrap();
    let caps = gst::Caps::builder("application/octet-stream").build();
    assert!(input.send_event(gst::event::StreamStart::new("test")));
    assert!(input.send_event(gst::event::Caps::new(&caps)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(input.send_event(gst::event::Segment::new(&segment)));
    for (n, message) in messages.iter().enumerate() {
        let mut buffer = gst::Buffer::from_slice(message.clone());
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_seconds(n as u64));
        assert_eq!(input.chain(buffer), Ok(gst::FlowSuccess::Ok));
    }
    pipeline.set_state(gst::State::Null).unwrap();
    (packets.try_iter().collect(), buffers.try_iter().collect())
}

fn watch(pad: &gst::Pad) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let types = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(types, move |_, info| {
        let send = |buffer: &gst::BufferRef| drop(sender.send(buffer.map_readable().unwrap().to_vec()));
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => send(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(send),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    receiver
}

#[test]
fn bytes_come_out_as_they_went_in() {
    let messages = vec![b"hello".to_vec(), (0..=255).cycle().take(3000).collect::<Vec<u8>>(), vec![0]];
    let (packets, buffers) = through(&messages, 1212);
    assert_eq!(buffers.concat(), messages.concat());
    assert_eq!(buffers.iter().map(Vec::len).collect::<Vec<_>>(), [5, 1200, 1200, 600, 1]);
    assert!(packets.iter().all(|p| p.len() <= 1212 && p[0] == 0x80 && p[1] & 0x7f == 101), "RTP of our type");
    let markers: Vec<bool> = packets.iter().map(|p| p[1] & 0x80 != 0).collect();
    assert_eq!(markers, [true, false, false, true, true], "the last packet of each buffer is marked");
    let time = |p: &Vec<u8>| u32::from_be_bytes([p[4], p[5], p[6], p[7]]);
    assert_eq!(time(&packets[1]), time(&packets[3]), "parts of one buffer have one timestamp");
    assert_eq!(time(&packets[1]).wrapping_sub(time(&packets[0])), 90_000);
    let sequence: Vec<u16> = packets.iter().map(|p| u16::from_be_bytes([p[2], p[3]])).collect();
    assert!(sequence.windows(2).all(|w| w[1] == w[0].wrapping_add(1)), "{sequence:?}");
}

#[test]
fn an_empty_buffer_makes_no_packet() {
    let (packets, buffers) = through(&[vec![], b"x".to_vec()], 28);
    assert_eq!((packets.len(), buffers), (1, vec![b"x".to_vec()]));
}

#[test]
fn the_elements_are_those_of_farstream() {
    gst::init().unwrap();
    crate::plugin_register_static().unwrap();
    for (name, klass, type_) in [
        ("fsrtpxdatapay", "Codec/Payloader/Network/RTP", "FsRTPXdataPay"),
        ("fsrtpxdatadepay", "Codec/Depayloader/Network/RTP", "FsRTPXdataDepay"),
    ] {
        let factory = gst::ElementFactory::find(name).unwrap();
        assert_eq!((factory.rank(), factory.klass()), (gst::Rank::SECONDARY, klass));
        assert_eq!(factory.create().build().unwrap().type_().name(), type_);
    }
    let pay = gst::ElementFactory::make("fsrtpxdatapay").build().unwrap();
    assert_eq!(pay.property::<u32>("mtu"), 1212);
    let pay = gst::ElementFactory::make("fsrtpxdatapay").property("mtu", 500u32).build().unwrap();
    assert_eq!(pay.property::<u32>("mtu"), 500);
}
