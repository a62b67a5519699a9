//! `FsRtpBinErrorDowngrade`: a bin that turns its elements' errors into warnings.
//!
//! What a peer sends must not end the application's pipeline: an ERROR message does, a WARNING does not.

use gst::glib;
use gst::subclass::prelude::*;

/// Starts the debug text of every message that was an error.
const PREFIX: &str = "FS-WAS-ERROR: ";

mod imp {
    use super::*;

    #[derive(Default)]
    pub struct ErrorDowngradeBin;

    #[glib::object_subclass]
    impl ObjectSubclass for ErrorDowngradeBin {
        const NAME: &'static str = "FsRtpBinErrorDowngrade";
        type Type = super::ErrorDowngradeBin;
        type ParentType = gst::Bin;
    }

    impl ObjectImpl for ErrorDowngradeBin {}
    impl GstObjectImpl for ErrorDowngradeBin {}
    impl ElementImpl for ErrorDowngradeBin {}

    impl BinImpl for ErrorDowngradeBin {
        fn handle_message(&self, message: gst::Message) {
            let message = match message.view() {
                gst::MessageView::Error(error) => downgraded(&message, error),
                _ => message,
            };
            self.parent_handle_message(message);
        }
    }

    fn downgraded(message: &gst::Message, error: &gst::message::Error) -> gst::Message {
        let debug = format!("{PREFIX}{}", error.debug().unwrap_or_default());
        let mut warning = gst::message::Warning::builder_from_error(error.error()).debug(&debug);
        if let Some(details) = error.details() {
            warning = warning.details(details.to_owned());
        }
        warning.src_if_some(message.src()).build()
    }
}

glib::wrapper! {
    /// A `GstBin` whose children's ERROR messages leave it as WARNING, with the debug text prefixed by
    /// `FS-WAS-ERROR: `.
    pub struct ErrorDowngradeBin(ObjectSubclass<imp::ErrorDowngradeBin>)
        @extends gst::Bin, gst::Element, gst::Object,
        @implements gst::ChildProxy;
}

#[cfg(test)]
mod tests {
    use gst::prelude::*;

    use super::*;

    #[test]
    fn an_error_inside_leaves_as_a_warning_with_its_text() {
        gst::init().unwrap();
        let bin: ErrorDowngradeBin = glib::Object::builder().property("name", "recv").build();
        let inner = gst::ElementFactory::make("identity").name("inner").build().unwrap();
        bin.add(&inner).unwrap();
        let pipeline = gst::Pipeline::new();
        pipeline.add(&bin).unwrap();
        let message = gst::message::Error::builder(gst::StreamError::Decode, "broken packet")
            .src(&inner)
            .debug("where");
        inner.post_message(message.build()).unwrap();
        let bus = pipeline.bus().unwrap();
        let got = bus.pop_filtered(&[gst::MessageType::Warning, gst::MessageType::Error]).unwrap();
        let gst::MessageView::Warning(warning) = got.view() else { panic!("{got:?}") };
        assert_eq!(warning.error().message(), "broken packet");
        assert!(warning.error().matches(gst::StreamError::Decode));
        assert_eq!(warning.debug().as_deref(), Some("FS-WAS-ERROR: where"));
        assert_eq!(got.src().map(|s| s.name().to_string()).as_deref(), Some("inner"));
        assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none());
    }
}
