//! Past rtpbin's storage and its demultiplexer of SSRCs: a packet with the SSRC of the one before goes where that one went.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::{Flow, Link, UNUSUAL, lead, peer, probes};

/// The fixed part of an RTP header (RFC 3550 section 5.1).
type Header = [u8; 12];

/// Whose packet it is.
fn ssrc(header: &Header) -> u32 {
    u32::from_be_bytes([header[8], header[9], header[10], header[11]])
}

/// Where the last packet went.
#[derive(Debug)]
struct Recent {
    /// The demultiplexer itself has seen the first packet of each row with the same SSRC.
    ssrc: Option<u32>,
    pad: Option<gst::Pad>,
    link: Link,
}

impl Recent {
    /// Takes a packet of this SSRC past the demultiplexer, if it is not the first of a row.
    fn take(
        &mut self,
        ssrc: u32,
        demultiplexer: &glib::WeakRef<gst::Element>,
        packet: gst::Buffer,
    ) -> ControlFlow<Flow, gst::Buffer> {
        if self.ssrc != Some(ssrc) {
            (self.ssrc, self.pad) = (Some(ssrc), None);
            return ControlFlow::Continue(packet);
        }
        if self.pad.is_none() {
            self.pad = demultiplexer.upgrade().and_then(|d| d.static_pad(&format!("src_{ssrc}")));
        }
        let Some(pad) = &self.pad else { return ControlFlow::Continue(packet) };
        let taken = self.link.take(pad, packet);
        if matches!(taken, ControlFlow::Break(Ok(_))) || !pad.pad_flags().contains(gst::PadFlags::FLUSHING) {
            return taken;
        }
        self.pad = None;
        match taken {
            // It was taken away: nothing that who pushes needs to know.
            ControlFlow::Break(_) => ControlFlow::Break(Ok(gst::FlowSuccess::Ok)),
            usual => usual,
        }
    }
}

/// Shortens the way past rtpbin's storage, as long as it keeps nothing, and the demultiplexer behind it. While no data is on
/// its way.
pub fn past(storage: &gst::Element, demultiplexer: &gst::Element) {
    let pads = ["sink", "src"].map(|name| storage.static_pad(name));
    let ([Some(entry), Some(exit)], Some(sink)) = (pads, demultiplexer.static_pad("sink")) else { return };
    let keeps = watch_storage(storage);
    let recent = Mutex::new(Recent { ssrc: None, pad: None, link: Link::new(UNUSUAL) });
    let demultiplexer = demultiplexer.downgrade();
    lead(&entry, move |_, packet| {
        let usual = || peer(&exit, UNUSUAL, 0) == sink.as_ptr() && probes(&sink) == 0;
        if keeps.load(Ordering::Relaxed) || !usual() {
            return ControlFlow::Continue(packet);
        }
        let Some(header) = header(&packet) else { return ControlFlow::Continue(packet) };
        // As in `Link::take`.
        let Ok(mut recent) = recent.try_lock() else { return ControlFlow::Continue(packet) };
        recent.take(ssrc(&header), &demultiplexer, packet)
    });
}

/// Whether the storage keeps packets, from now on.
fn watch_storage(storage: &gst::Element) -> Arc<AtomicBool> {
    let keeps = Arc::new(AtomicBool::new(storage.property::<u64>("size-time") > 0));
    let inner = storage.property::<Option<glib::Object>>("internal-storage");
    for object in [Some(storage.upcast_ref::<glib::Object>()), inner.as_ref()].into_iter().flatten() {
        let keeps = keeps.clone();
        if object.find_property("size-time").is_some() {
            // SAFETY: what the function holds may be used in any thread.
            unsafe {
                object.connect_notify_unsafe(Some("size-time"), move |object, _| {
                    keeps.store(object.property::<u64>("size-time") > 0, Ordering::Relaxed);
                });
            }
        }
    }
    keeps
}

/// The header of an RTP packet of version 2.
fn header(packet: &gst::BufferRef) -> Option<Header> {
    let mut header = Header::default();
    // Copying from a shorter packet panics.
    let read = packet.size() >= header.len() && packet.copy_to_slice(0, &mut header).is_ok();
    (read && header[0] >> 6 == 2).then_some(header)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::{End, beginning, rtp};
    use super::*;

    /// A demultiplexer behind a storage, with an end behind each of its pads.
    struct Row {
        pipeline: gst::Pipeline,
        storage: gst::Element,
        demultiplexer: gst::Element,
        entry: gst::Pad,
        ends: Arc<Mutex<BTreeMap<u32, (gst::Pad, End)>>>,
    }

    impl Row {
        fn new() -> Self {
            gst::init().unwrap();
            let pipeline = gst::Pipeline::new();
            let [storage, demultiplexer] =
                ["rtpstorage", "rtpssrcdemux"].map(|name| gst::ElementFactory::make(name).build().unwrap());
            pipeline.add_many([&storage, &demultiplexer]).unwrap();
            storage.link(&demultiplexer).unwrap();
            past(&storage, &demultiplexer);
            let ends = Arc::<Mutex<BTreeMap<u32, (gst::Pad, End)>>>::default();
            let found = ends.clone();
            demultiplexer.connect_pad_added(move |_, pad| {
                if let Some(key) = pad.name().strip_prefix("src_") {
                    let end = End::new();
                    pad.link(&end.pad).unwrap();
                    found.lock().unwrap().insert(key.parse().unwrap(), (pad.clone(), end));
                }
            });
            pipeline.set_state(gst::State::Playing).unwrap();
            let entry = beginning(
                &storage.static_pad("sink").unwrap(),
                "application/x-rtp,media=audio,clock-rate=8000",
            );
            Self { pipeline, storage, demultiplexer, entry, ends }
        }

        fn count(&self, key: u32) -> usize {
            self.ends.lock().unwrap().get(&key).map_or(0, |(_, end)| end.count())
        }

        /// Pushes a packet for that key; whether it went past the demultiplexer.
        fn is_past(&self, key: u32, packet: gst::Buffer) -> bool {
            let ends = self.ends.lock().unwrap();
            let (source, end) = &ends[&key];
            end.is_reached_past(source, || {
                assert!(self.entry.push(packet).is_err(), "who pushes learns of it");
            })
        }
    }

    impl Drop for Row {
        fn drop(&mut self) {
            self.pipeline.set_state(gst::State::Null).unwrap();
        }
    }

    #[test]
    fn the_first_of_each_row_goes_through_and_the_others_past() {
        let row = Row::new();
        for (sequence, ssrc) in [7, 7, 8, 8, 8, 7, 8].into_iter().enumerate() {
            row.entry.push(rtp(ssrc, 0, sequence as u8)).unwrap();
        }
        assert_eq!((row.count(7), row.count(8)), (3, 4), "each to its pad");
        assert!(row.is_past(8, rtp(8, 0, 7)), "as the one before");
        assert!(!row.is_past(7, rtp(7, 0, 8)), "the demultiplexer sees the first of a row");
        assert!(row.is_past(7, rtp(7, 0, 9)));
    }

    #[test]
    fn a_source_that_was_cleared_gets_a_new_pad() {
        let row = Row::new();
        (0..3).for_each(|sequence| _ = row.entry.push(rtp(7, 0, sequence)).unwrap());
        assert!(row.is_past(7, rtp(7, 0, 3)) && row.count(7) == 4);
        row.demultiplexer.emit_by_name::<()>("clear-ssrc", &[&7u32]);
        (4..6).for_each(|sequence| _ = row.entry.push(rtp(7, 0, sequence)).unwrap());
        assert_eq!(row.count(7), 2, "behind the new pad");
        assert!(row.is_past(7, rtp(7, 0, 6)));
    }

    #[test]
    fn a_storage_that_keeps_packets_gets_them() {
        let row = Row::new();
        (0..3).for_each(|sequence| _ = row.entry.push(rtp(7, 0, sequence)).unwrap());
        for (keeps, ns) in [(true, 1_000_000_000u64), (false, 0)] {
            row.storage.set_property("size-time", ns);
            assert_eq!(row.is_past(7, rtp(7, 0, 3)), !keeps);
        }
    }

    #[test]
    fn what_is_no_rtp_is_left_to_the_demultiplexer() {
        let row = Row::new();
        (0..3).for_each(|sequence| _ = row.entry.push(rtp(7, 0, sequence)).unwrap());
        for bytes in [vec![], vec![0x80; 11], vec![0; 40]] {
            // Dropped with a warning, or refused.
            let _ = row.entry.push(gst::Buffer::from_slice(bytes));
        }
        assert_eq!(row.count(7), 3);
    }
}
