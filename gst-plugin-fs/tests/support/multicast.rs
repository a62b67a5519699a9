//! Groups on the loopback interface, and a multicast transmitter without a conference.

use std::net::{Ipv4Addr, UdpSocket};

use fs_core::prelude::*;
use fs_core::{CandidateList, StreamTransmitter, Transmitter};
use fs_proto::{Candidate, CandidateType};
use gst::prelude::*;

use super::ice::Parameters;

/// Candidates for a group on two ports that nobody else of this process uses.
pub fn group(ip: &str, ttl: u32) -> Vec<Candidate> {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() & !1;
    at(ip, free, ttl)
}

pub fn at(ip: &str, port: u16, ttl: u32) -> Vec<Candidate> {
    let one = |c: u32, port| Candidate { ttl, ..Candidate::new("", c, CandidateType::Multicast, ip, port) };
    vec![one(1, port), one(2, port + 1)]
}

pub fn on(interface: &str, sources: &[&str]) -> Parameters {
    let wish: Vec<Candidate> =
        (1..=2).map(|c| Candidate::new("", c, CandidateType::Host, interface, 0)).collect();
    let sources: Vec<String> = sources.iter().map(|s| (*s).to_owned()).collect();
    vec![
        ("preferred-local-candidates".to_owned(), CandidateList(wish).to_value()),
        ("source-filter".to_owned(), sources.to_value()),
    ]
}

/// A transmitter in a running pipeline, and what comes out of its first component.
pub struct Bare {
    pub transmitter: Transmitter,
    pipeline: gst::Pipeline,
    got: std::sync::Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
}

impl Bare {
    pub fn new() -> Self {
        super::init();
        let transmitter = Transmitter::new("multicast", 2, 0).unwrap();
        let pipeline = gst::Pipeline::new();
        // Messages that nobody takes would keep elements alive.
        pipeline.bus().unwrap().set_sync_handler(|_, _| gst::BusSyncReply::Drop);
        pipeline.add_many([&transmitter.gst_src(), &transmitter.gst_sink()]).unwrap();
        let got = std::sync::Arc::<std::sync::Mutex<Vec<Vec<u8>>>>::default();
        for component in 1..=2 {
            let sink = gst::ElementFactory::make("fakesink").property("async", false).build().unwrap();
            pipeline.add(&sink).unwrap();
            let pad = sink.static_pad("sink").unwrap();
            transmitter.gst_src().static_pad(&format!("src_{component}")).unwrap().link(&pad).unwrap();
            let got = got.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let bytes = info.buffer().unwrap().map_readable().unwrap().to_vec();
                got.lock().unwrap().push(bytes);
                gst::PadProbeReturn::Ok
            });
        }
        pipeline.set_state(gst::State::Playing).unwrap();
        let pad = transmitter.gst_sink().static_pad("sink_1").unwrap();
        pad.send_event(gst::event::StreamStart::new("s"));
        pad.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        Self { transmitter, pipeline, got }
    }

    pub fn stream(&self, sources: &[&str]) -> StreamTransmitter {
        self.transmitter.new_stream_transmitter(None, &on("127.0.0.1", sources)).unwrap()
    }

    pub fn send(&self, packet: &[u8]) {
        let pad = self.transmitter.gst_sink().static_pad("sink_1").unwrap();
        pad.chain(gst::Buffer::from_slice(packet.to_vec())).unwrap();
    }

    pub fn has(&self, packet: &[u8]) -> bool {
        self.got.lock().unwrap().iter().any(|p| p == packet)
    }

    pub fn elements(&self) -> usize {
        let bins = [self.transmitter.gst_src(), self.transmitter.gst_sink()];
        bins.iter().map(|bin| bin.downcast_ref::<gst::Bin>().unwrap().children().len()).sum()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// Memberships of this process's namespace in a group (`/proc/net/igmp` writes it in the machine's order of bytes).
pub fn members(ip: Ipv4Addr) -> usize {
    let wanted = format!("{:08X}", u32::from_ne_bytes(ip.octets()));
    std::fs::read_to_string("/proc/net/igmp").unwrap().lines().filter(|l| l.contains(&wanted)).count()
}
