//! Past rtpbin's demultiplexers: a packet with the SSRC, or the payload type, of the one before goes where that one went.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::{Flow, Link, UNUSUAL, lead, peer, probes};

/// The fixed part of an RTP header (RFC 3550 section 5.1).
pub type Header = [u8; 12];

/// What a demultiplexer tells packets apart by.
pub type Key = fn(&Header) -> u32;

/// The synchronisation source, for `rtpssrcdemux`.
pub fn ssrc(header: &Header) -> u32 {
    u32::from_be_bytes([header[8], header[9], header[10], header[11]])
}

/// The payload type, for `rtpptdemux`.
pub fn payload_type(header: &Header) -> u32 {
    u32::from(header[1] & 0x7f)
}

/// Where the last packet went.
#[derive(Debug)]
struct Recent {
    /// What it went by. The demultiplexer itself has seen the first packet of each row with the same key.
    key: Option<u32>,
    pad: Option<gst::Pad>,
    link: Link,
}

/// [`Recent`], and whether it may be used again: the demultiplexer has to ask for formats first when that was forgotten.
#[derive(Debug)]
struct Shared {
    recent: Mutex<Recent>,
    forgotten: AtomicBool,
}

impl Default for Shared {
    fn default() -> Self {
        let recent = Mutex::new(Recent { key: None, pad: None, link: Link::new(UNUSUAL) });
        Self { recent, forgotten: AtomicBool::new(false) }
    }
}

impl Shared {
    /// Of a demultiplexer, for which it hears of what clears formats.
    fn of(demultiplexer: &gst::Element) -> Arc<Self> {
        let shared = Arc::<Self>::default();
        let weak = Arc::downgrade(&shared);
        if glib::subclass::SignalId::lookup("clear-pt-map", demultiplexer.type_()).is_some() {
            demultiplexer.connect("clear-pt-map", false, move |_| {
                if let Some(shared) = weak.upgrade() {
                    shared.forgotten.store(true, Ordering::Release);
                }
                None
            });
        }
        shared
    }

    /// Takes a packet with this key past the demultiplexer, if it is not the first of a row.
    fn take(
        &self,
        key: u32,
        demultiplexer: &glib::WeakRef<gst::Element>,
        packet: gst::Buffer,
    ) -> ControlFlow<Flow, gst::Buffer> {
        // As in `Link::take`.
        let Ok(mut recent) = self.recent.try_lock() else { return ControlFlow::Continue(packet) };
        if self.forgotten.swap(false, Ordering::AcqRel) || recent.key != Some(key) {
            (recent.key, recent.pad) = (Some(key), None);
            return ControlFlow::Continue(packet);
        }
        if recent.pad.is_none() {
            recent.pad = demultiplexer.upgrade().and_then(|d| d.static_pad(&format!("src_{key}")));
        }
        let Some(pad) = &recent.pad else { return ControlFlow::Continue(packet) };
        let taken = recent.link.take(pad, packet);
        let gone = || pad.pad_flags().contains(gst::PadFlags::FLUSHING);
        match taken {
            ControlFlow::Break(Ok(flow)) => ControlFlow::Break(Ok(flow)),
            // It was taken away: nothing that who pushes needs to know.
            other if gone() => {
                recent.pad = None;
                match other {
                    ControlFlow::Break(Err(_)) => ControlFlow::Break(Ok(gst::FlowSuccess::Ok)),
                    other => other,
                }
            }
            other => other,
        }
    }
}

/// Shortens the way past a demultiplexer. `seen` hears of each packet that arrives there. For the thread that pushes into it,
/// or while nobody does.
pub fn past(demultiplexer: &gst::Element, key: Key, seen: impl Fn(&Header) + Send + Sync + 'static) {
    let Some(sink) = demultiplexer.static_pad("sink") else { return };
    let (recent, demultiplexer) = (Shared::of(demultiplexer), demultiplexer.downgrade());
    lead(&sink, move |_, packet| {
        let Some(header) = header(&packet) else { return ControlFlow::Continue(packet) };
        seen(&header);
        recent.take(key(&header), &demultiplexer, packet)
    });
}

/// Shortens the way past rtpbin's storage, as long as it keeps nothing, and the demultiplexer behind it. While no data is on
/// its way.
pub fn past_storage(storage: &gst::Element, demultiplexer: &gst::Element, key: Key) {
    let pads = ["sink", "src"].map(|name| storage.static_pad(name));
    let ([Some(entry), Some(exit)], Some(sink)) = (pads, demultiplexer.static_pad("sink")) else { return };
    let keeps = watch_storage(storage);
    let (recent, demultiplexer) = (Shared::of(demultiplexer), demultiplexer.downgrade());
    lead(&entry, move |_, packet| {
        let usual = || peer(&exit, UNUSUAL, 0) == sink.as_ptr() && probes(&sink) == 0;
        if keeps.load(Ordering::Relaxed) || !usual() {
            return ControlFlow::Continue(packet);
        }
        let Some(header) = header(&packet) else { return ControlFlow::Continue(packet) };
        recent.take(key(&header), &demultiplexer, packet)
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
    use std::sync::atomic::AtomicUsize;

    use super::super::tests::{End, beginning, rtp};
    use super::*;

    /// A demultiplexer, perhaps behind a storage, with an end behind each of its pads.
    struct Row {
        pipeline: gst::Pipeline,
        demultiplexer: gst::Element,
        entry: gst::Pad,
        ends: Arc<Mutex<BTreeMap<u32, (gst::Pad, End)>>>,
        asked: Arc<AtomicUsize>,
    }

    impl Row {
        fn new(factory: &str, storage: Option<&gst::Element>) -> Self {
            gst::init().unwrap();
            let pipeline = gst::Pipeline::new();
            let demultiplexer = gst::ElementFactory::make(factory).build().unwrap();
            pipeline.add(&demultiplexer).unwrap();
            let ends = Arc::<Mutex<BTreeMap<u32, (gst::Pad, End)>>>::default();
            let found = ends.clone();
            demultiplexer.connect_pad_added(move |_, pad| {
                if let Some(key) = pad.name().strip_prefix("src_") {
                    let end = End::new();
                    pad.link(&end.pad).unwrap();
                    found.lock().unwrap().insert(key.parse().unwrap(), (pad.clone(), end));
                }
            });
            let asked = Arc::<AtomicUsize>::default();
            if factory == "rtpptdemux" {
                let count = asked.clone();
                demultiplexer.connect("request-pt-map", false, move |values| {
                    count.fetch_add(1, Ordering::Relaxed);
                    let pt = values[1].get::<u32>().unwrap() as i32;
                    let caps = gst::Caps::builder("application/x-rtp").field("payload", pt);
                    Some(caps.field("clock-rate", 8000i32).build().to_value())
                });
                past(&demultiplexer, payload_type, |_| {});
            }
            let mut first = demultiplexer.static_pad("sink").unwrap();
            if let Some(storage) = storage {
                pipeline.add(storage).unwrap();
                storage.link(&demultiplexer).unwrap();
                past_storage(storage, &demultiplexer, ssrc);
                first = storage.static_pad("sink").unwrap();
            }
            pipeline.set_state(gst::State::Playing).unwrap();
            let entry = beginning(&first, "application/x-rtp,media=audio,clock-rate=8000");
            Self { pipeline, demultiplexer, entry, ends, asked }
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

    fn storage() -> gst::Element {
        gst::init().unwrap();
        gst::ElementFactory::make("rtpstorage").build().unwrap()
    }

    #[test]
    fn the_first_of_each_row_goes_through_and_the_others_past() {
        let row = Row::new("rtpptdemux", None);
        for (sequence, pt) in [0, 0, 8, 8, 8, 0, 8].into_iter().enumerate() {
            row.entry.push(rtp(1, pt, sequence as u8)).unwrap();
        }
        assert_eq!((row.count(0), row.count(8)), (3, 4), "each to its pad");
        assert!(row.is_past(8, rtp(1, 8, 7)), "as the one before");
        assert!(!row.is_past(0, rtp(1, 0, 8)), "the demultiplexer has to know of the change");
        assert!(row.is_past(0, rtp(1, 0, 9)));
    }

    #[test]
    fn formats_are_asked_for_again_when_they_were_cleared() {
        let row = Row::new("rtpptdemux", None);
        (0..3).for_each(|sequence| _ = row.entry.push(rtp(1, 0, sequence)).unwrap());
        let asked = row.asked.load(Ordering::Relaxed);
        row.demultiplexer.emit_by_name::<()>("clear-pt-map", &[]);
        assert!(!row.is_past(0, rtp(1, 0, 3)));
        assert_eq!(row.asked.load(Ordering::Relaxed), asked + 1);
        assert!(row.is_past(0, rtp(1, 0, 4)));
    }

    #[test]
    fn a_source_that_was_cleared_gets_a_new_pad() {
        let storage = storage();
        let row = Row::new("rtpssrcdemux", Some(&storage));
        (0..3).for_each(|sequence| _ = row.entry.push(rtp(7, 0, sequence)).unwrap());
        assert!(row.is_past(7, rtp(7, 0, 3)) && row.count(7) == 4);
        row.demultiplexer.emit_by_name::<()>("clear-ssrc", &[&7u32]);
        (4..6).for_each(|sequence| _ = row.entry.push(rtp(7, 0, sequence)).unwrap());
        assert_eq!(row.count(7), 2, "behind the new pad");
        assert!(row.is_past(7, rtp(7, 0, 6)));
    }

    #[test]
    fn a_storage_that_keeps_packets_gets_them() {
        let storage = storage();
        let row = Row::new("rtpssrcdemux", Some(&storage));
        (0..3).for_each(|sequence| _ = row.entry.push(rtp(7, 0, sequence)).unwrap());
        for (keeps, ns) in [(true, 1_000_000_000u64), (false, 0)] {
            storage.set_property("size-time", ns);
            assert_eq!(row.is_past(7, rtp(7, 0, 3)), !keeps);
        }
    }

    #[test]
    fn what_is_no_rtp_is_left_to_the_demultiplexer() {
        let row = Row::new("rtpptdemux", None);
        (0..3).for_each(|sequence| _ = row.entry.push(rtp(1, 0, sequence)).unwrap());
        for bytes in [vec![], vec![0x80; 11], vec![0; 40]] {
            // Dropped with a warning, or refused.
            let _ = row.entry.push(gst::Buffer::from_slice(bytes));
        }
        assert_eq!(row.count(0), 3);
    }
}
