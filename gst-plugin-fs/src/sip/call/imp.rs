//! Private half of `fssipcall`: properties, pads, state changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_sip::media::farstream::FarstreamBackend;
use glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::{Lazy, OnceCell};

use super::sound::Sound;
use super::state::CallState;
use super::worker::{self, Handle, Request, Settings};

/// Debug category `fssipcall`.
pub static CAT: Lazy<gst::DebugCategory> =
    Lazy::new(|| gst::DebugCategory::new("fssipcall", gst::DebugColorFlags::empty(), Some("SIP call")));

/// The codecs of SIP SIMPLE's default list.
const DEFAULT_CODECS: &str = "opus,G722,PCMU,PCMA";

/// Instance state of `fssipcall`.
#[derive(Default)]
pub struct SipCall {
    settings: Mutex<Settings>,
    call_state: Mutex<CallState>,
    worker: Mutex<Option<Handle>>,
    /// Missing only when an element of the sound path is not installed.
    sound: OnceCell<Arc<Sound>>,
    backend: OnceCell<Arc<FarstreamBackend>>,
    /// What was missing when the sound path was built.
    missing: OnceCell<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl super::SipCall {
    /// Notes the state of the call and notifies of the change.
    pub(super) fn set_call_state(&self, state: CallState) {
        let changed = std::mem::replace(&mut *lock(&self.imp().call_state), state) != state;
        if changed {
            self.notify("state");
        }
    }
}

impl SipCall {
    fn request(&self, request: Request) {
        match lock(&self.worker).as_ref() {
            Some(worker) => worker.send(request),
            None => gst::debug!(CAT, imp = self, "{request:?} without effect: the element is not started"),
        }
    }

    /// Starts the endpoint. What goes wrong is posted as an ERROR message, too.
    fn start(&self) -> Result<(), gst::StateChangeError> {
        let settings = lock(&self.settings).clone();
        let (Some(sound), Some(backend)) = (self.sound.get(), self.backend.get()) else {
            let missing = self.missing.get().map_or("an element", String::as_str);
            gst::element_imp_error!(
                self,
                gst::CoreError::MissingPlugin,
                ("the sound path can't be built: {missing}")
            );
            return Err(gst::StateChangeError);
        };
        let backend: Arc<dyn fs_sip::media::Backend> = Arc::clone(backend) as _;
        match worker::start(&self.obj(), sound, backend, &settings) {
            Ok(worker) => {
                *lock(&self.worker) = Some(worker);
                Ok(())
            }
            Err(text) => {
                gst::element_imp_error!(self, gst::ResourceError::OpenReadWrite, ("{text}"));
                Err(gst::StateChangeError)
            }
        }
    }

    fn stop(&self) {
        let worker = lock(&self.worker).take();
        if let Some(worker) = worker {
            worker.shutdown();
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for SipCall {
    const NAME: &'static str = "FsSipCall";
    type Type = super::SipCall;
    type ParentType = gst::Bin;
}

impl ObjectImpl for SipCall {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            let text = |name: &str, nick: &str, blurb: &str, default: Option<&str>| {
                glib::ParamSpecString::builder(name)
                    .nick(nick)
                    .blurb(blurb)
                    .default_value(default)
                    .mutable_ready()
                    .build()
            };
            vec![
                text(
                    "local-uri",
                    "Local URI",
                    "Who we are and where we listen; empty takes a free port",
                    Some(""),
                ),
                text("uri", "URI", "Whom to call; empty waits for a call", Some("")),
                glib::ParamSpecBoolean::builder("auto-accept")
                    .nick("Accept calls")
                    .blurb("Accept the call that comes; otherwise it rings until the accept signal")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("state", CallState::Null)
                    .nick("State")
                    .blurb("What the call is doing")
                    .read_only()
                    .build(),
                text(
                    "codecs",
                    "Codecs",
                    "Codecs to use, best first: NAME[/RATE[/CHANNELS]], ...",
                    Some(DEFAULT_CODECS),
                ),
            ]
        });
        PROPERTIES.as_ref()
    }

    fn signals() -> &'static [Signal] {
        static SIGNALS: Lazy<Vec<Signal>> = Lazy::new(|| {
            let action = |name: &str, request: fn() -> Request| {
                Signal::builder(name)
                    .action()
                    .class_handler(move |values| {
                        if let Some(Ok(element)) = values.first().map(|v| v.get::<super::SipCall>()) {
                            element.imp().request(request());
                        }
                        None
                    })
                    .build()
            };
            let reject = Signal::builder("reject")
                .param_types([u32::static_type()])
                .action()
                .class_handler(|values| {
                    let element = values.first().and_then(|v| v.get::<super::SipCall>().ok());
                    let status = values.get(1).and_then(|v| v.get::<u32>().ok());
                    if let (Some(element), Some(status)) = (element, status) {
                        element.imp().request(Request::Reject(u16::try_from(status).unwrap_or(603)));
                    }
                    None
                })
                .build();
            vec![action("accept", || Request::Accept), reject, action("hangup", || Request::Hangup)]
        });
        SIGNALS.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let text = || value.get::<Option<String>>().ok().flatten().unwrap_or_default();
        let mut settings = lock(&self.settings);
        match pspec.name() {
            "local-uri" => settings.local_uri = text(),
            "uri" => settings.uri = text(),
            "auto-accept" => settings.auto_accept = value.get().unwrap_or_default(),
            "codecs" => settings.codecs = text(),
            other => gst::error!(CAT, imp = self, "no property {other}"),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings).clone();
        match pspec.name() {
            "local-uri" => {
                let taken = lock(&self.worker).as_ref().map(|worker| worker.local_uri.clone());
                taken.unwrap_or(settings.local_uri).to_value()
            }
            "uri" => settings.uri.to_value(),
            "auto-accept" => settings.auto_accept.to_value(),
            "codecs" => settings.codecs.to_value(),
            _ => lock(&self.call_state).to_value(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        lock(&self.settings).codecs = DEFAULT_CODECS.to_owned();
        let bin = self.obj();
        // To the pipeline we are one live source and one sink, whatever sockets are inside.
        let flags = gst::ElementFlags::SINK | gst::ElementFlags::SOURCE;
        bin.set_suppressed_flags(flags);
        bin.set_element_flags(flags);
        match Sound::new(&bin) {
            Ok(sound) => {
                let pads = Arc::clone(&sound) as _;
                // Both cells are empty: an object is constructed once.
                let _ = self.backend.set(Arc::new(FarstreamBackend::new(bin.upcast_ref(), pads)));
                let _ = self.sound.set(sound);
            }
            Err(error) => {
                gst::error!(CAT, imp = self, "{error}");
                // The cell is empty, as above.
                let _ = self.missing.set(error.message.into_owned());
            }
        }
    }
}

impl GstObjectImpl for SipCall {}

impl ElementImpl for SipCall {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "SIP call",
                "Source/Sink/Network/Audio",
                "One SIP call: raw audio in, raw audio out",
                "The Farstream authors",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let caps = gst::Caps::builder("audio/x-raw").build();
            [
                ("audio_sink", gst::PadDirection::Sink, gst::PadPresence::Request),
                ("audio_src", gst::PadDirection::Src, gst::PadPresence::Sometimes),
            ]
            .into_iter()
            .filter_map(|(name, direction, presence)| {
                gst::PadTemplate::new(name, direction, presence, &caps).ok()
            })
            .collect()
        });
        TEMPLATES.as_ref()
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.start()?,
            gst::StateChange::PausedToReady => self.stop(),
            _ => {}
        }
        let result = self.parent_change_state(transition);
        if result.is_err() && transition == gst::StateChange::ReadyToPaused {
            self.stop();
        }
        let success = result?;
        match transition {
            gst::StateChange::PausedToPlaying => self.request(Request::Play),
            gst::StateChange::PausedToReady => {
                if let Some(sound) = self.sound.get() {
                    sound.reset();
                }
                self.obj().set_call_state(CallState::Null);
            }
            // The peer's sound is live, whatever feeds our own.
            gst::StateChange::ReadyToPaused | gst::StateChange::PlayingToPaused => {
                return Ok(gst::StateChangeSuccess::NoPreroll);
            }
            _ => {}
        }
        Ok(success)
    }

    fn send_event(&self, event: gst::Event) -> bool {
        if event.type_() == gst::EventType::Eos {
            self.request(Request::Hangup);
            return true;
        }
        self.parent_send_event(event)
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let bin = self.obj();
        if bin.static_pad("audio_sink").is_some() {
            gst::warning!(CAT, imp = self, "there is one audio_sink only");
            return None;
        }
        let target = self.sound.get()?.sink_target()?;
        let pad = gst::GhostPad::builder_from_template(template)
            .name("audio_sink")
            .with_target(&target)
            .ok()?
            .build();
        let weak = self.downgrade();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            let ends = info.event().is_some_and(|event| event.type_() == gst::EventType::Eos);
            match weak.upgrade() {
                Some(this) if ends => {
                    this.request(Request::Hangup);
                    gst::PadProbeReturn::Handled
                }
                _ => gst::PadProbeReturn::Ok,
            }
        });
        pad.set_active(true).ok()?;
        bin.add_pad(&pad).ok()?;
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        // Both fail only when the pad is none of ours.
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
    }
}

impl BinImpl for SipCall {
    fn handle_message(&self, message: gst::Message) {
        if let Some(backend) = self.backend.get() {
            backend.handle_message(&message);
        }
        // Sockets inside that have seen an EOS are not the end of the call; the worker posts that one.
        if message.type_() != gst::MessageType::Eos {
            self.parent_handle_message(message);
        }
    }
}
