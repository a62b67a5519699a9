//! Subclasses that override everything and say what they were asked.

use std::sync::Mutex;

use fs_core::prelude::*;
use fs_core::{CandidateList, CodecList, CodecValue, Error, enums};
use fs_proto::{Candidate, Codec, MediaType, StreamDirection};
use glib::prelude::*;
use glib::subclass::prelude::*;
use gst::subclass::prelude::*;

use super::bare;

/// What the stream was asked, in order.
pub fn log(stream: &fs_core::Stream) -> Vec<String> {
    let stream = stream.downcast_ref::<Stream>().expect("a stream of the test");
    stream.imp().log.lock().unwrap().clone()
}

pub mod conference {
    use super::*;

    #[derive(Default)]
    pub struct Imp;

    #[glib::object_subclass]
    impl ObjectSubclass for Imp {
        const NAME: &'static str = "TestConference";
        type Type = super::Conference;
        type ParentType = fs_core::Conference;
    }

    impl ObjectImpl for Imp {}
    impl GstObjectImpl for Imp {}
    impl ElementImpl for Imp {}
    impl BinImpl for Imp {}

    impl ConferenceImpl for Imp {
        fn new_session(&self, media_type: MediaType) -> Result<fs_core::Session, glib::Error> {
            assert!(media_type != MediaType::Application, "no data here");
            let session = glib::Object::builder::<Session>()
                .property("conference", self.obj().upcast_ref::<fs_core::Conference>())
                .property("media-type", enums::MediaType::from(media_type))
                .property("id", 1u32)
                .build();
            Ok(session.upcast())
        }

        fn new_participant(&self) -> Result<fs_core::Participant, glib::Error> {
            assert!(self.parent_new_participant().unwrap_err().matches(Error::NotImplemented));
            Ok(glib::Object::new::<bare::Participant>().upcast())
        }
    }
}

glib::wrapper! {
    pub struct Conference(ObjectSubclass<conference::Imp>)
        @extends fs_core::Conference, gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;
}

pub mod session {
    use super::*;

    #[derive(Default)]
    pub struct Imp {
        conference: glib::WeakRef<fs_core::Conference>,
        media_type: Mutex<MediaType>,
        codecs: Mutex<Vec<Codec>>,
        send_codec: Mutex<Option<Codec>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Imp {
        const NAME: &'static str = "TestSession";
        type Type = super::Session;
        type ParentType = fs_core::Session;
    }

    impl ObjectImpl for Imp {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: std::sync::OnceLock<Vec<glib::ParamSpec>> = std::sync::OnceLock::new();
            PROPERTIES.get_or_init(|| {
                ["conference", "media-type", "codecs", "current-send-codec"]
                    .map(glib::ParamSpecOverride::for_class::<fs_core::Session>)
                    .into()
            })
        }

        fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
            match spec.name() {
                "conference" => self.conference.set(value.get::<Option<_>>().unwrap().as_ref()),
                "media-type" => {
                    *self.media_type.lock().unwrap() = value.get::<enums::MediaType>().unwrap().into();
                }
                _ => unreachable!(),
            }
        }

        fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
            match spec.name() {
                "conference" => self.conference.upgrade().to_value(),
                "media-type" => enums::MediaType::from(*self.media_type.lock().unwrap()).to_value(),
                "codecs" => CodecList(self.codecs.lock().unwrap().clone()).to_value(),
                "current-send-codec" => self.send_codec.lock().unwrap().clone().map(CodecValue).to_value(),
                _ => unreachable!(),
            }
        }
    }

    impl SessionImpl for Imp {
        fn new_stream(
            &self,
            participant: &fs_core::Participant,
            direction: StreamDirection,
        ) -> Result<fs_core::Stream, glib::Error> {
            let stream = glib::Object::builder::<Stream>()
                .property("session", self.obj().upcast_ref::<fs_core::Session>())
                .property("participant", participant)
                .property("direction", enums::StreamDirection::from(direction))
                .build();
            Ok(stream.upcast())
        }

        fn start_telephony_event(&self, event: u8, volume: u8) -> bool {
            assert_eq!(volume, 8);
            event < 16
        }

        fn stop_telephony_event(&self) -> bool {
            true
        }

        fn set_send_codec(&self, codec: &Codec) -> Result<(), glib::Error> {
            *self.send_codec.lock().unwrap() = Some(codec.clone());
            Ok(())
        }

        fn set_codec_preferences(&self, preferences: &[Codec]) -> Result<(), glib::Error> {
            *self.codecs.lock().unwrap() = preferences.to_vec();
            Ok(())
        }

        fn list_transmitters(&self) -> Vec<String> {
            vec!["one".to_owned(), "two".to_owned()]
        }

        fn stream_transmitter_type(&self, transmitter: &str) -> glib::Type {
            if transmitter == "two" { bare::StreamTransmitter::static_type() } else { glib::Type::INVALID }
        }

        fn codecs_need_resend(&self, old: &[Codec], new: &[Codec]) -> Vec<Codec> {
            new.iter().filter(|codec| !old.contains(codec)).cloned().collect()
        }

        fn set_allowed_caps(
            &self,
            sink: Option<&gst::Caps>,
            _src: Option<&gst::Caps>,
        ) -> Result<(), glib::Error> {
            match sink {
                Some(_) => Ok(()),
                None => Err(glib::Error::new(Error::NoCodecsLeft, &format!("sink {sink:?}"))),
            }
        }

        fn set_encryption_parameters(
            &self,
            parameters: Option<&gst::StructureRef>,
        ) -> Result<(), glib::Error> {
            match parameters {
                None => Ok(()),
                Some(parameters) => Err(glib::Error::new(Error::InvalidArguments, parameters.name())),
            }
        }
    }
}

glib::wrapper! {
    pub struct Session(ObjectSubclass<session::Imp>) @extends fs_core::Session;
}

pub mod stream {
    use super::*;

    #[derive(Default)]
    pub struct Imp {
        pub(super) log: Mutex<Vec<String>>,
        session: Mutex<Option<fs_core::Session>>,
        participant: Mutex<Option<fs_core::Participant>>,
        direction: Mutex<StreamDirection>,
        remote_codecs: Mutex<Vec<Codec>>,
    }

    impl Imp {
        fn say(&self, text: String) {
            self.log.lock().unwrap().push(text);
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Imp {
        const NAME: &'static str = "TestStream";
        type Type = super::Stream;
        type ParentType = fs_core::Stream;
    }

    impl ObjectImpl for Imp {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: std::sync::OnceLock<Vec<glib::ParamSpec>> = std::sync::OnceLock::new();
            PROPERTIES.get_or_init(|| {
                ["session", "participant", "direction", "remote-codecs"]
                    .map(glib::ParamSpecOverride::for_class::<fs_core::Stream>)
                    .into()
            })
        }

        fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
            match spec.name() {
                "session" => *self.session.lock().unwrap() = value.get().unwrap(),
                "participant" => *self.participant.lock().unwrap() = value.get().unwrap(),
                "direction" => {
                    *self.direction.lock().unwrap() = value.get::<enums::StreamDirection>().unwrap().into();
                }
                _ => unreachable!(),
            }
        }

        fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
            match spec.name() {
                "session" => self.session.lock().unwrap().to_value(),
                "participant" => self.participant.lock().unwrap().to_value(),
                "direction" => enums::StreamDirection::from(*self.direction.lock().unwrap()).to_value(),
                "remote-codecs" => CodecList(self.remote_codecs.lock().unwrap().clone()).to_value(),
                _ => unreachable!(),
            }
        }

        fn dispose(&self) {
            drop(self.session.lock().unwrap().take());
        }
    }

    impl StreamImpl for Imp {
        fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
            self.say(format!("add {}", candidates[0].ip));
            Ok(())
        }

        fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
            self.say(format!("force {}", candidates.len()));
            Err(glib::Error::new(Error::Network, &format!("{} candidates", candidates.len())))
        }

        fn set_remote_codecs(&self, codecs: &[Codec]) -> Result<(), glib::Error> {
            self.say(format!("codecs {}", codecs.len()));
            *self.remote_codecs.lock().unwrap() = codecs.to_vec();
            Ok(())
        }

        fn add_id(&self, id: u32) {
            self.say(format!("id {id}"));
        }

        fn set_transmitter(
            &self,
            transmitter: &str,
            parameters: &[(String, glib::Value)],
        ) -> Result<(), glib::Error> {
            let parameters: String = parameters
                .iter()
                .map(|(name, value)| {
                    let value = value.transform::<String>().unwrap().get::<String>().unwrap();
                    format!(" {name}={value}")
                })
                .collect();
            self.say(format!("transmitter {transmitter}{parameters}"));
            Ok(())
        }

        fn set_decryption_parameters(
            &self,
            _parameters: Option<&gst::StructureRef>,
        ) -> Result<(), glib::Error> {
            assert!(self.parent_set_decryption_parameters(None).unwrap_err().matches(Error::NotImplemented));
            Err(glib::Error::new(Error::Disposed, "gone"))
        }
    }
}

glib::wrapper! {
    pub struct Stream(ObjectSubclass<stream::Imp>) @extends fs_core::Stream;
}

pub mod stream_transmitter {
    use super::*;

    #[derive(Default)]
    pub struct Imp {
        silent: Mutex<bool>,
        preferred: Mutex<Vec<Candidate>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Imp {
        const NAME: &'static str = "TestStreamTransmitter";
        type Type = super::StreamTransmitter;
        type ParentType = fs_core::StreamTransmitter;
    }

    impl ObjectImpl for Imp {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: std::sync::OnceLock<Vec<glib::ParamSpec>> = std::sync::OnceLock::new();
            PROPERTIES.get_or_init(|| {
                ["sending", "preferred-local-candidates"]
                    .map(glib::ParamSpecOverride::for_class::<fs_core::StreamTransmitter>)
                    .into()
            })
        }

        fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
            match spec.name() {
                "sending" => *self.silent.lock().unwrap() = !value.get::<bool>().unwrap(),
                "preferred-local-candidates" => {
                    *self.preferred.lock().unwrap() = value.get::<CandidateList>().unwrap().0;
                }
                _ => unreachable!(),
            }
        }

        fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
            match spec.name() {
                "sending" => (!*self.silent.lock().unwrap()).to_value(),
                "preferred-local-candidates" => {
                    CandidateList(self.preferred.lock().unwrap().clone()).to_value()
                }
                _ => unreachable!(),
            }
        }
    }

    impl StreamTransmitterImpl for Imp {
        fn add_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
            assert!(self.parent_add_remote_candidates(&[]).unwrap_err().matches(Error::NotImplemented));
            Err(glib::Error::new(Error::Network, &format!("{} added", candidates.len())))
        }

        fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
            assert!(self.parent_force_remote_candidates(&[]).unwrap_err().matches(Error::NotImplemented));
            candidates.iter().for_each(|candidate| {
                self.obj().emit_new_active_candidate_pair(candidate, candidate);
            });
            Ok(())
        }

        fn gather_local_candidates(&self) -> Result<(), glib::Error> {
            self.parent_gather_local_candidates()?;
            self.preferred.lock().unwrap().iter().for_each(|c| self.obj().emit_new_local_candidate(c));
            Ok(())
        }

        fn stop(&self) {
            self.parent_stop();
            self.preferred.lock().unwrap().clear();
        }
    }
}

glib::wrapper! {
    pub struct StreamTransmitter(ObjectSubclass<stream_transmitter::Imp>) @extends fs_core::StreamTransmitter;
}

pub mod transmitter {
    use super::*;

    #[derive(Default)]
    pub struct Imp {
        components: Mutex<u32>,
        tos: Mutex<u32>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Imp {
        const NAME: &'static str = "TestTransmitter";
        type Type = super::Transmitter;
        type ParentType = fs_core::Transmitter;
    }

    impl ObjectImpl for Imp {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: std::sync::OnceLock<Vec<glib::ParamSpec>> = std::sync::OnceLock::new();
            PROPERTIES.get_or_init(|| {
                ["components", "tos"].map(glib::ParamSpecOverride::for_class::<fs_core::Transmitter>).into()
            })
        }

        fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
            let place = if spec.name() == "tos" { &self.tos } else { &self.components };
            *place.lock().unwrap() = value.get().unwrap();
        }

        fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
            let place = if spec.name() == "tos" { &self.tos } else { &self.components };
            place.lock().unwrap().to_value()
        }

        fn constructed(&self) {
            self.parent_constructed();
            if *self.components.lock().unwrap() == 99 {
                self.set_construction_error(glib::Error::new(Error::Network, "98 would do"));
                self.set_construction_error(glib::Error::new(Error::Network, "99 are too many"));
            }
        }
    }

    impl TransmitterImpl for Imp {
        fn new_stream_transmitter(
            &self,
            participant: Option<&fs_core::Participant>,
            parameters: &[(String, glib::Value)],
        ) -> Result<fs_core::StreamTransmitter, glib::Error> {
            assert!(self.parent_new_stream_transmitter(None, &[]).is_err());
            if participant.is_none() {
                return Err(glib::Error::new(Error::InvalidArguments, "to whom?"));
            }
            let mut builder = glib::Object::builder::<StreamTransmitter>();
            for (name, value) in parameters {
                builder = builder.property(name, value);
            }
            Ok(builder.build().upcast())
        }

        fn stream_transmitter_type(&self) -> glib::Type {
            assert_eq!(self.parent_stream_transmitter_type(), glib::Type::INVALID);
            StreamTransmitter::static_type()
        }
    }
}

glib::wrapper! {
    pub struct Transmitter(ObjectSubclass<transmitter::Imp>) @extends fs_core::Transmitter;
}
