//! Implementation of `fsrtpxdatadepay`.

use gst::prelude::*;
use gst_rtp::prelude::*;
use gst_rtp::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::templates;

/// See the module.
#[derive(Default)]
pub struct Depayloader;

#[glib::object_subclass]
impl ObjectSubclass for Depayloader {
    const NAME: &'static str = "FsRTPXdataDepay";
    type Type = super::Depayloader;
    type ParentType = gst_rtp::RTPBaseDepayload;
}

impl ObjectImpl for Depayloader {}

impl GstObjectImpl for Depayloader {}

impl ElementImpl for Depayloader {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "RTP depayloader for X-DATA",
                "Codec/Depayloader/Network/RTP",
                "Takes the bytes out of RTP packets such as Microsoft Lync sends",
                "The Farstream authors",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let rtp = gst::Caps::builder("application/x-rtp")
                .field("media", "application")
                .field("encoding-name", "X-DATA")
                .build();
            templates("src", gst::PadDirection::Src, rtp)
        });
        &TEMPLATES
    }
}

impl RTPBaseDepayloadImpl for Depayloader {
    fn set_caps(&self, _caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let caps = gst::Caps::builder("application/octet-stream").build();
        if self.obj().src_pad().push_event(gst::event::Caps::new(&caps)) {
            return Ok(());
        }
        Err(gst::loggable_error!(gst::CAT_RUST, "the element behind does not take bytes"))
    }

    fn process_rtp_packet(
        &self,
        packet: &gst_rtp::RTPBuffer<gst_rtp::rtp_buffer::Readable>,
    ) -> Option<gst::Buffer> {
        packet.payload_buffer().ok().filter(|data| data.size() > 0)
    }
}
