//! Implementation of `fsrtpxdatapay`.

use std::ops::Range;

use gst_rtp::prelude::*;
use gst_rtp::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::{CLOCK_RATE, templates};

/// What fits into a packet on the networks this was made for.
const DEFAULT_MTU: u32 = 1212;

/// See the module.
#[derive(Default)]
pub struct Payloader;

#[glib::object_subclass]
impl ObjectSubclass for Payloader {
    const NAME: &'static str = "FsRTPXdataPay";
    type Type = super::Payloader;
    type ParentType = gst_rtp::RTPBasePayload;
}

impl ObjectImpl for Payloader {
    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_mtu(DEFAULT_MTU);
    }
}

impl GstObjectImpl for Payloader {}

impl ElementImpl for Payloader {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTP payloader for X-DATA",
                "Codec/Payloader/Network/RTP",
                "Puts arbitrary bytes into RTP packets, as Microsoft Lync does",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let rtp = gst::Caps::builder("application/x-rtp")
                .field("media", "application")
                .field("payload", gst::IntRange::new(96, 127))
                .field("clock-rate", CLOCK_RATE as i32)
                .field("encoding-name", "X-DATA")
                .build();
            templates("sink", gst::PadDirection::Sink, rtp)
        });
        &TEMPLATES
    }
}

impl RTPBasePayloadImpl for Payloader {
    fn set_caps(&self, _caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        self.obj().set_options("application", true, "X-DATA", CLOCK_RATE);
        self.obj()
            .set_outcaps(None)
            .map_err(|_| gst::loggable_error!(gst::CAT_RUST, "the element behind takes no X-DATA"))
    }

    fn handle_buffer(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let room = gst_rtp::calc_payload_len(self.obj().mtu(), 0, 0) as usize;
        let mut packets = gst::BufferList::new();
        for part in parts(buffer.size(), room) {
            let last = part.end == buffer.size();
            let packet = self.packet(&buffer, part, last)?;
            packets.make_mut().add(packet);
        }
        if packets.is_empty() { Ok(gst::FlowSuccess::Ok) } else { self.obj().push_list(packets) }
    }
}

impl Payloader {
    /// One packet; the data is shared with `buffer`, not copied.
    fn packet(
        &self,
        buffer: &gst::Buffer,
        part: Range<usize>,
        last: bool,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let mut packet = self.obj().allocate_output_buffer(0, 0, 0);
        let data =
            buffer.copy_region(gst::BufferCopyFlags::MEMORY, part).map_err(|_| gst::FlowError::Error)?;
        {
            let packet = packet.make_mut();
            packet.set_pts(buffer.pts());
            packet.set_dts(buffer.dts());
            let mut rtp =
                gst_rtp::RTPBuffer::from_buffer_writable(packet).map_err(|_| gst::FlowError::Error)?;
            rtp.set_marker(last);
        }
        packet.append(data);
        Ok(packet)
    }
}

/// Cuts `size` bytes into parts of at most `room` bytes each.
fn parts(size: usize, room: usize) -> impl Iterator<Item = Range<usize>> {
    let room = room.max(1);
    (0..size).step_by(room).map(move |start| start..size.min(start.saturating_add(room)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_bytes_once_and_fit() {
        for (size, room, wanted) in [
            (0, 10, &[][..]),
            (1, 10, &[(0, 1)]),
            (10, 10, &[(0, 10)]),
            (11, 10, &[(0, 10), (10, 11)]),
            (3, 0, &[(0, 1), (1, 2), (2, 3)]),
        ] {
            let found: Vec<_> = parts(size, room).map(|r| (r.start, r.end)).collect();
            assert_eq!(found, wanted, "{size} bytes in {room}");
        }
    }
}
