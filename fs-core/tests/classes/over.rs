//! Subclasses of the `talking` ones: every method says that it was called and chains up.

use std::cell::RefCell;

use fs_core::prelude::*;
use fs_proto::{Candidate, Codec, MediaType, StreamDirection};
use glib::subclass::prelude::*;
use gst::subclass::prelude::*;

use super::talking;

thread_local! {
    static TOLD: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// The methods that were called on this thread since the last time.
pub fn told() -> Vec<&'static str> {
    TOLD.with_borrow_mut(std::mem::take)
}

fn tell(method: &'static str) {
    TOLD.with_borrow_mut(|told| told.push(method));
}

type Answer = Result<(), glib::Error>;
type Parameters = [(String, glib::Value)];

macro_rules! derive {
    ($imp:ident, $wrapper:ident, $impl_trait:ident, $name:literal $(, $more:ty)*) => {
        // SAFETY: the class of the parent has nothing to initialise besides what the abstract class has.
        unsafe impl<T: $impl_trait> IsSubclassable<T> for talking::$wrapper {}

        #[derive(Default)]
        pub struct $imp;

        #[glib::object_subclass]
        impl ObjectSubclass for $imp {
            const NAME: &'static str = $name;
            type Type = $wrapper;
            type ParentType = talking::$wrapper;
        }

        impl ObjectImpl for $imp {}

        glib::wrapper! {
            pub struct $wrapper(ObjectSubclass<$imp>) @extends talking::$wrapper, fs_core::$wrapper $(, $more)*;
        }
    };
}

derive!(ConferenceImp, Conference, ConferenceImpl, "TestOverConference", gst::Bin, gst::Element, gst::Object);
derive!(SessionImp, Session, SessionImpl, "TestOverSession");
derive!(StreamImp, Stream, StreamImpl, "TestOverStream");
derive!(TransmitterImp, Transmitter, TransmitterImpl, "TestOverTransmitter");
derive!(StreamTransmitterImp, StreamTransmitter, StreamTransmitterImpl, "TestOverStreamTransmitter");

impl GstObjectImpl for ConferenceImp {}
impl ElementImpl for ConferenceImp {}
impl BinImpl for ConferenceImp {}

impl ConferenceImpl for ConferenceImp {
    fn new_session(&self, media_type: MediaType) -> Result<fs_core::Session, glib::Error> {
        tell("new_session");
        self.parent_new_session(media_type)
    }

    fn new_participant(&self) -> Result<fs_core::Participant, glib::Error> {
        tell("new_participant");
        self.parent_new_participant()
    }
}

impl SessionImpl for SessionImp {
    fn new_stream(
        &self,
        participant: &fs_core::Participant,
        direction: StreamDirection,
    ) -> Result<fs_core::Stream, glib::Error> {
        tell("new_stream");
        self.parent_new_stream(participant, direction)
    }

    fn start_telephony_event(&self, event: u8, volume: u8) -> bool {
        tell("start_telephony_event");
        self.parent_start_telephony_event(event, volume)
    }

    fn stop_telephony_event(&self) -> bool {
        tell("stop_telephony_event");
        self.parent_stop_telephony_event()
    }

    fn set_send_codec(&self, codec: &Codec) -> Answer {
        tell("set_send_codec");
        self.parent_set_send_codec(codec)
    }

    fn set_codec_preferences(&self, preferences: &[Codec]) -> Answer {
        tell("set_codec_preferences");
        self.parent_set_codec_preferences(preferences)
    }

    fn list_transmitters(&self) -> Vec<String> {
        tell("list_transmitters");
        self.parent_list_transmitters()
    }

    fn stream_transmitter_type(&self, transmitter: &str) -> glib::Type {
        tell("get_stream_transmitter_type");
        self.parent_stream_transmitter_type(transmitter)
    }

    fn codecs_need_resend(&self, old: &[Codec], new: &[Codec]) -> Vec<Codec> {
        tell("codecs_need_resend");
        self.parent_codecs_need_resend(old, new)
    }

    fn set_allowed_caps(&self, sink: Option<&gst::Caps>, src: Option<&gst::Caps>) -> Answer {
        tell("set_allowed_caps");
        self.parent_set_allowed_caps(sink, src)
    }

    fn set_encryption_parameters(&self, parameters: Option<&gst::StructureRef>) -> Answer {
        tell("set_encryption_parameters");
        self.parent_set_encryption_parameters(parameters)
    }
}

impl StreamImpl for StreamImp {
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Answer {
        tell("add_remote_candidates");
        self.parent_add_remote_candidates(candidates)
    }

    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Answer {
        tell("force_remote_candidates");
        self.parent_force_remote_candidates(candidates)
    }

    fn set_remote_codecs(&self, codecs: &[Codec]) -> Answer {
        tell("set_remote_codecs");
        self.parent_set_remote_codecs(codecs)
    }

    fn add_id(&self, id: u32) {
        tell("add_id");
        self.parent_add_id(id);
    }

    fn set_transmitter(&self, transmitter: &str, parameters: &Parameters) -> Answer {
        tell("set_transmitter");
        self.parent_set_transmitter(transmitter, parameters)
    }

    fn set_decryption_parameters(&self, parameters: Option<&gst::StructureRef>) -> Answer {
        tell("set_decryption_parameters");
        self.parent_set_decryption_parameters(parameters)
    }
}

impl TransmitterImpl for TransmitterImp {
    fn new_stream_transmitter(
        &self,
        participant: Option<&fs_core::Participant>,
        parameters: &Parameters,
    ) -> Result<fs_core::StreamTransmitter, glib::Error> {
        tell("new_stream_transmitter");
        self.parent_new_stream_transmitter(participant, parameters)
    }

    fn stream_transmitter_type(&self) -> glib::Type {
        tell("get_stream_transmitter_type");
        self.parent_stream_transmitter_type()
    }
}

impl StreamTransmitterImpl for StreamTransmitterImp {
    fn add_remote_candidates(&self, candidates: &[Candidate]) -> Answer {
        tell("add_remote_candidates");
        self.parent_add_remote_candidates(candidates)
    }

    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Answer {
        tell("force_remote_candidates");
        self.parent_force_remote_candidates(candidates)
    }

    fn gather_local_candidates(&self) -> Answer {
        tell("gather_local_candidates");
        self.parent_gather_local_candidates()
    }

    fn stop(&self) {
        tell("stop");
        self.parent_stop();
    }
}
