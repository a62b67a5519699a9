//! What other languages see of the classes: sizes, parents, flags, properties, signals, names of enum values.
//!
//! Struct offsets are checked when `ffi.rs` is compiled; here the registered types are checked against the same
//! numbers, so a class registered with a wrong size is found too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fs_core::*;
use glib::prelude::*;
use glib::translate::*;

/// Class size and instance size of a type.
fn sizes(type_: glib::Type) -> (u32, u32) {
    // SAFETY: the query is written completely for a registered type.
    unsafe {
        let mut query = std::mem::zeroed();
        glib::gobject_ffi::g_type_query(type_.into_glib(), &mut query);
        (query.class_size, query.instance_size)
    }
}

fn is_abstract(type_: glib::Type) -> bool {
    // SAFETY: the type is registered.
    let answer = unsafe {
        glib::gobject_ffi::g_type_test_flags(type_.into_glib(), glib::gobject_ffi::G_TYPE_FLAG_ABSTRACT)
    };
    answer != glib::ffi::GFALSE
}

#[test]
fn classes_have_the_sizes_of_the_c_structs() {
    gst::init().unwrap();
    let expected = [
        ("FsConference", Conference::static_type(), "GstBin", (624, 440), true),
        ("FsSession", Session::static_type(), "GObject", (264, 96), true),
        ("FsStream", Stream::static_type(), "GObject", (240, 96), true),
        ("FsParticipant", Participant::static_type(), "GObject", (208, 104), true),
        ("FsTransmitter", Transmitter::static_type(), "GObject", (216, 104), true),
        ("FsStreamTransmitter", StreamTransmitter::static_type(), "GObject", (232, 96), true),
        ("FsPlugin", Plugin::static_type(), "GTypeModule", (248, 144), false),
        ("FsElementAddedNotifier", ElementAddedNotifier::static_type(), "GObject", (136, 32), false),
    ];
    for (name, type_, parent, expected_sizes, expected_abstract) in expected {
        assert_eq!(type_.name(), name);
        assert_eq!(type_.parent().unwrap().name(), parent, "{name}");
        assert_eq!(sizes(type_), expected_sizes, "{name}");
        assert_eq!(is_abstract(type_), expected_abstract, "{name}");
    }
}

/// Names of the properties a type adds, with R, W, C (construct) and O (construct-only).
fn properties(type_: glib::Type) -> Vec<String> {
    let class = glib::Class::<glib::Object>::from_type(type_).unwrap();
    class
        .list_properties()
        .iter()
        .filter(|spec| spec.owner_type() == type_)
        .map(|spec| {
            let mut text = spec.name().to_owned() + " ";
            let letters = [
                (glib::ParamFlags::READABLE, 'R'),
                (glib::ParamFlags::WRITABLE, 'W'),
                (glib::ParamFlags::CONSTRUCT, 'C'),
                (glib::ParamFlags::CONSTRUCT_ONLY, 'O'),
            ];
            text.extend(letters.iter().filter(|(flag, _)| spec.flags().contains(*flag)).map(|(_, c)| c));
            format!("{text} {}", spec.value_type())
        })
        .collect()
}

#[test]
fn properties_are_those_of_the_c_library() {
    gst::init().unwrap();
    assert_eq!(
        properties(Session::static_type()),
        [
            "conference RWO FsConference",
            "media-type RWO FsMediaType",
            "id RWO guint",
            "sink-pad R GstPad",
            "codec-preferences R FsCodecGList",
            "codecs R FsCodecGList",
            "codecs-without-config R FsCodecGList",
            "current-send-codec R FsCodec",
            "tos RW guint",
            "allowed-src-caps R GstCaps",
            "allowed-sink-caps R GstCaps",
            "encryption-parameters R GstStructure",
        ]
    );
    assert_eq!(
        properties(Stream::static_type()),
        [
            "remote-codecs R FsCodecGList",
            "negotiated-codecs R FsCodecGList",
            "current-recv-codecs R FsCodecGList",
            "direction RWC FsStreamDirection",
            "participant RWO FsParticipant",
            "session RWO FsSession",
            "decryption-parameters R GstStructure",
            "require-encryption RW gboolean",
        ]
    );
    assert_eq!(
        properties(Transmitter::static_type()),
        [
            "gst-sink R GstElement",
            "gst-src R GstElement",
            "components RWO guint",
            "tos RW guint",
            "do-timestamp RW gboolean",
        ]
    );
    assert_eq!(
        properties(StreamTransmitter::static_type()),
        [
            "sending RW gboolean",
            "preferred-local-candidates RWO FsCandidateList",
            "associate-on-source RWO gboolean"
        ]
    );
    assert!(properties(Participant::static_type()).is_empty());
    assert!(properties(Conference::static_type()).is_empty());
}

#[track_caller]
fn assert_signal(type_: glib::Type, name: &str, arguments: &[&str]) {
    let id = glib::subclass::SignalId::lookup(name, type_).unwrap_or_else(|| panic!("{type_} has no {name}"));
    let query = id.query();
    let found: Vec<&str> = query.param_types().iter().map(|t| t.type_().name()).collect();
    assert_eq!(found, arguments, "{type_}::{name}");
    assert_eq!(query.flags(), glib::SignalFlags::RUN_LAST, "{type_}::{name}");
    assert_eq!(query.return_type().type_(), glib::Type::UNIT, "{type_}::{name}");
}

#[test]
fn signals_are_those_of_the_c_library() {
    gst::init().unwrap();
    for type_ in [
        Session::static_type(),
        Stream::static_type(),
        Transmitter::static_type(),
        StreamTransmitter::static_type(),
        ElementAddedNotifier::static_type(),
    ] {
        // The signals come with the class.
        drop(glib::Class::<glib::Object>::from_type(type_));
    }
    assert_signal(Session::static_type(), "error", &["GObject", "FsError", "gchararray"]);
    assert_signal(Stream::static_type(), "error", &["FsError", "gchararray"]);
    assert_signal(Stream::static_type(), "src-pad-added", &["GstPad", "FsCodec"]);
    assert_signal(Transmitter::static_type(), "error", &["FsError", "gchararray"]);
    let type_ = StreamTransmitter::static_type();
    assert_signal(type_, "error", &["FsError", "gchararray"]);
    assert_signal(type_, "new-local-candidate", &["FsCandidate"]);
    assert_signal(type_, "local-candidates-prepared", &[]);
    assert_signal(type_, "new-active-candidate-pair", &["FsCandidate", "FsCandidate"]);
    assert_signal(type_, "known-source-packet-received", &["guint", "gpointer"]);
    assert_signal(type_, "state-changed", &["guint", "FsStreamState"]);
    assert_signal(ElementAddedNotifier::static_type(), "element-added", &["GstBin", "GstElement"]);
}

fn values(type_: glib::Type) -> Vec<(i32, String, String)> {
    let class = glib::EnumClass::with_type(type_).unwrap();
    class.values().iter().map(|v| (v.value(), v.name().to_owned(), v.nick().to_owned())).collect()
}

#[test]
fn two_names_for_one_value_are_both_registered() {
    let media = values(enums::MediaType::static_type());
    assert_eq!(media.len(), 4);
    assert_eq!(media[2], (2, "FS_MEDIA_TYPE_APPLICATION".to_owned(), "application".to_owned()));
    assert_eq!(media[3], (2, "FS_MEDIA_TYPE_LAST".to_owned(), "last".to_owned()));
    let protocols = values(enums::NetworkProtocol::static_type());
    assert_eq!(protocols.len(), 5);
    assert_eq!(protocols[1], (1, "FS_NETWORK_PROTOCOL_TCP".to_owned(), "tcp".to_owned()));
    assert_eq!(protocols[2], (1, "FS_NETWORK_PROTOCOL_TCP_PASSIVE".to_owned(), "tcp-passive".to_owned()));
}

#[test]
fn enums_convert_to_values_and_back() {
    let value = enums::StreamState::Connecting.to_value();
    assert_eq!(value.type_().name(), "FsStreamState");
    assert_eq!(value.get::<enums::StreamState>().unwrap(), enums::StreamState::Connecting);
    assert!(value.get::<enums::MediaType>().is_err());
    let both: enums::StreamDirection = fs_proto::StreamDirection::BOTH.into();
    assert_eq!(
        fs_proto::StreamDirection::from(both.to_value().get::<enums::StreamDirection>().unwrap()).bits(),
        3
    );
    assert_eq!(values(Error::static_type()).len(), 12);
    assert_eq!(values(enums::DtmfEvent::static_type())[11].2, "pound");
}

#[test]
fn errors_are_a_domain() {
    let error = glib::Error::new(Error::NoCodecsLeft, "nothing left");
    assert_eq!(error.domain().as_str(), "fs-error");
    assert!(error.matches(Error::NoCodecsLeft));
    assert_eq!(code_of(&error), Error::NoCodecsLeft);
    assert_eq!(code_of(&glib::Error::new(glib::FileError::Noent, "x")), Error::Internal);
    assert!(Error::Construction.is_fatal() && !Error::Network.is_fatal());
}
