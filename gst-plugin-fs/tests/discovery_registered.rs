//! Codecs follow what is registered: a payloader and a depayloader that come late bring their codec with them.
//!
//! Debian 12 has coders for AV1 but nothing that puts it into RTP, so the test brings that; and the coders too, which not
//! every machine has.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use fs_core::prelude::*;
use fs_proto::MediaType;
use gst::prelude::*;
use gst::subclass::prelude::*;

/// An element with two pads that only its templates tell anything about.
macro_rules! packer {
    ($module:ident, $name:literal, $klass:literal, $sink:literal, $src:literal) => {
        mod $module {
            use super::*;

            #[derive(Default)]
            pub struct Imp;

            #[glib::object_subclass]
            impl ObjectSubclass for Imp {
                const NAME: &'static str = $name;
                type Type = Element;
                type ParentType = gst::Element;
            }

            impl ObjectImpl for Imp {
                fn constructed(&self) {
                    self.parent_constructed();
                    for template in Self::pad_templates() {
                        self.obj().add_pad(&gst::Pad::from_template(template)).unwrap();
                    }
                }
            }

            impl GstObjectImpl for Imp {}

            impl ElementImpl for Imp {
                fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
                    static METADATA: std::sync::OnceLock<gst::subclass::ElementMetadata> =
                        std::sync::OnceLock::new();
                    Some(METADATA.get_or_init(|| {
                        gst::subclass::ElementMetadata::new($name, $klass, "Part of a test", "A test")
                    }))
                }

                fn pad_templates() -> &'static [gst::PadTemplate] {
                    static TEMPLATES: std::sync::OnceLock<Vec<gst::PadTemplate>> = std::sync::OnceLock::new();
                    TEMPLATES.get_or_init(|| {
                        [("sink", gst::PadDirection::Sink, $sink), ("src", gst::PadDirection::Src, $src)]
                            .map(|(name, direction, caps)| {
                                let caps: gst::Caps = caps.parse().unwrap();
                                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps)
                                    .unwrap()
                            })
                            .into()
                    })
                }
            }

            glib::wrapper! {
                pub struct Element(ObjectSubclass<Imp>) @extends gst::Element, gst::Object;
            }
        }
    };
}

packer!(
    pay,
    "FsTestAv1Pay",
    "Codec/Payloader/Network/RTP",
    "video/x-av1,parsed=true,stream-format=obu-stream,alignment=obu",
    "application/x-rtp,media=video,payload=[96,127],clock-rate=90000,encoding-name=AV1"
);
packer!(
    depay,
    "FsTestAv1Depay",
    "Codec/Depayloader/Network/RTP",
    "application/x-rtp,media=video,clock-rate=90000,encoding-name=AV1",
    "video/x-av1,parsed=true,stream-format=obu-stream,alignment=obu"
);

packer!(
    encoder,
    "FsTestAv1Enc",
    "Codec/Encoder/Video",
    "video/x-raw",
    "video/x-av1,stream-format=obu-stream,alignment=tu"
);
packer!(
    parser,
    "FsTestAv1Parse",
    "Codec/Parser/Converter/Video",
    "video/x-av1",
    "video/x-av1,parsed=true,stream-format={obu-stream,annexb},alignment={obu,tu,frame}"
);
packer!(decoder, "FsTestAv1Dec", "Codec/Decoder/Video", "video/x-av1", "video/x-raw");

fn offered(conference: &fs_core::Conference) -> Vec<String> {
    let session = conference.new_session(MediaType::Video).unwrap();
    let names = session.codecs_without_config().into_iter().map(|c| c.encoding_name).collect();
    session.destroy();
    names
}

#[test]
fn av1_is_offered_once_it_can_be_sent_and_received() {
    support::init();
    let (registry, rank) = (gst::Registry::get(), gst::Rank::SECONDARY);
    for installed in ["av1enc", "av1parse", "av1dec"] {
        gst::ElementFactory::find(installed).iter().for_each(|factory| registry.remove_feature(factory));
    }
    for (name, coder) in [
        ("fstestav1enc", encoder::Element::static_type()),
        ("fstestav1parse", parser::Element::static_type()),
        ("fstestav1dec", decoder::Element::static_type()),
    ] {
        gst::Element::register(None, name, rank, coder).unwrap();
    }
    let conference = gst::ElementFactory::make("fsrtpconference").build().unwrap();
    let conference = conference.downcast::<fs_core::Conference>().unwrap();
    assert!(!offered(&conference).contains(&"AV1".to_owned()), "nothing packs it yet");
    gst::Element::register(None, "fstestav1pay", rank, pay::Element::static_type()).unwrap();
    assert!(!offered(&conference).contains(&"AV1".to_owned()), "nothing unpacks it yet");
    gst::Element::register(None, "fstestav1depay", rank, depay::Element::static_type()).unwrap();
    assert!(offered(&conference).contains(&"AV1".to_owned()), "{:?}", offered(&conference));
    let found = gst_plugin_fs::rtp::discovery::blueprints(MediaType::Video).unwrap();
    let av1 = found.iter().find(|b| b.codec.is_encoding("AV1")).unwrap();
    assert_eq!(av1.send.last().unwrap(), &["fstestav1pay"]);
    let [.., encoders, parsers, _] = &av1.send[..] else { panic!("{:?}", av1.send) };
    assert!(encoders.contains(&"fstestav1enc".to_owned()), "{encoders:?}");
    assert_eq!(parsers, &["fstestav1parse"], "the encoder gives temporal units, OBUs are packed");
    assert_eq!(av1.recv[0], ["fstestav1depay"]);
    assert!(av1.recv.last().unwrap().contains(&"fstestav1dec".to_owned()), "{:?}", av1.recv);
    registry.remove_feature(&gst::ElementFactory::find("fstestav1pay").unwrap());
    assert!(!offered(&conference).contains(&"AV1".to_owned()), "it went with its elements");
}
