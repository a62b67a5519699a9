//! Private half of `fssipcall`: properties, pads, state changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_sip::media::farstream::FarstreamBackend;
use glib::subclass::Signal;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::{Lazy, OnceCell};

use super::paths::MediaPaths;
use super::settings::Settings;
use super::state::CallState;
use super::worker::{self, Handle, Request};

/// Debug category `fssipcall`.
pub static CAT: Lazy<gst::DebugCategory> =
    Lazy::new(|| gst::DebugCategory::new("fssipcall", gst::DebugColorFlags::empty(), Some("SIP call")));

/// Instance state of `fssipcall`.
#[derive(Default)]
pub struct SipCall {
    settings: Mutex<Settings>,
    call_state: Mutex<CallState>,
    worker: Mutex<Option<Handle>>,
    /// Missing only when an element of the sound path is not installed.
    paths: OnceCell<Arc<MediaPaths>>,
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
        let mut settings = lock(&self.settings).clone();
        let (Some(paths), Some(backend)) = (self.paths.get(), self.backend.get()) else {
            let missing = self.missing.get().map_or("an element", String::as_str);
            gst::element_imp_error!(
                self,
                gst::CoreError::MissingPlugin,
                ("the sound path can't be built: {missing}")
            );
            return Err(gst::StateChangeError);
        };
        settings.sends_video = paths.sends_pictures();
        paths.expect_pictures(settings.has_video());
        let backend: Arc<dyn fs_sip::media::Backend> = Arc::clone(backend) as _;
        match worker::start(&self.obj(), paths, backend, &settings) {
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
            let mut properties = Settings::properties();
            properties.push(
                glib::ParamSpecEnum::builder_with_default("state", CallState::Null)
                    .nick("State")
                    .blurb("What the call is doing")
                    .read_only()
                    .build(),
            );
            properties
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
            let with_value = |name: &str, kind: glib::Type, request: fn(&glib::Value) -> Option<Request>| {
                Signal::builder(name)
                    .param_types([kind])
                    .action()
                    .class_handler(move |values| {
                        let element = values.first().and_then(|v| v.get::<super::SipCall>().ok());
                        if let (Some(element), Some(request)) = (element, values.get(1).and_then(request)) {
                            element.imp().request(request);
                        }
                        None
                    })
                    .build()
            };
            vec![
                action("accept", || Request::Accept),
                with_value("reject", u32::static_type(), |status| {
                    let status = status.get::<u32>().ok()?;
                    Some(Request::Reject(u16::try_from(status).unwrap_or(603)))
                }),
                action("hangup", || Request::Hangup),
                action("hold", || Request::Hold(true)),
                action("unhold", || Request::Hold(false)),
                with_value("send-dtmf", String::static_type(), |digits| {
                    Some(Request::Digits(digits.get::<Option<String>>().ok()??))
                }),
            ]
        });
        SIGNALS.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if !lock(&self.settings).set(pspec.name(), value) {
            gst::error!(CAT, imp = self, "no property {}", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "local-uri"
            && let Some(worker) = lock(&self.worker).as_ref()
        {
            return worker.local_uri.to_value();
        }
        let settings = lock(&self.settings).clone();
        settings.get(pspec.name()).unwrap_or_else(|| lock(&self.call_state).to_value())
    }

    fn constructed(&self) {
        self.parent_constructed();
        let bin = self.obj();
        // To the pipeline we are one live source and one sink, whatever sockets are inside.
        let flags = gst::ElementFlags::SINK | gst::ElementFlags::SOURCE;
        bin.set_suppressed_flags(flags);
        bin.set_element_flags(flags);
        match MediaPaths::new(&bin) {
            Ok(paths) => {
                let pads = Arc::clone(&paths) as _;
                // Both cells are empty: an object is constructed once.
                let _ = self.backend.set(Arc::new(FarstreamBackend::new(bin.upcast_ref(), pads)));
                let _ = self.paths.set(paths);
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
                "Source/Sink/Network/Audio/Video",
                "One SIP call: raw audio and video in, raw audio and video out",
                "The Farstream authors",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let (audio, video) = ("audio/x-raw", "video/x-raw");
            let (sink, src) = (gst::PadDirection::Sink, gst::PadDirection::Src);
            let (request, sometimes) = (gst::PadPresence::Request, gst::PadPresence::Sometimes);
            [
                ("audio_sink", audio, sink, request),
                ("audio_src", audio, src, sometimes),
                ("video_sink", video, sink, request),
                ("video_src", video, src, sometimes),
            ]
            .into_iter()
            .filter_map(|(name, caps, direction, presence)| {
                gst::PadTemplate::new(name, direction, presence, &gst::Caps::builder(caps).build()).ok()
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
                if let Some(paths) = self.paths.get() {
                    paths.reset();
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
        let name = template.name_template();
        if bin.static_pad(name).is_some() {
            gst::warning!(CAT, imp = self, "there is one {name} only");
            return None;
        }
        let paths = self.paths.get()?;
        let target = match name {
            "video_sink" => paths.picture.sink_target()?,
            _ => paths.sound.sink_target()?,
        };
        let pad =
            gst::GhostPad::builder_from_template(template).name(name).with_target(&target).ok()?.build();
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
