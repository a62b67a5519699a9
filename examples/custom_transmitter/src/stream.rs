//! The stream transmitter: local and remote candidates of one stream. The address in a candidate is the path of a socket.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use fs_core::prelude::*;
use fs_core::{CandidateList, Error, StreamTransmitter};
use fs_proto::{Candidate, CandidateType};
use glib::prelude::*;
use glib::subclass::prelude::*;

use crate::port::Port;
use crate::{UnixGramTransmitter, construction, lock};

/// Media; the other component carries control.
const RTP: u32 = 1;

#[derive(Clone)]
struct Settings {
    sending: bool,
    preferred: Vec<Candidate>,
    associate_on_source: bool,
    folder: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sending: true, preferred: Vec::new(), associate_on_source: true, folder: None }
    }
}

/// Empty before `open` and after `stop`.
#[derive(Default)]
struct State {
    transmitter: Option<UnixGramTransmitter>,
    folder: Option<PathBuf>,
    ports: Vec<Port>,
}

/// Private part of [`crate::UnixGramStreamTransmitter`].
#[derive(Default)]
pub struct UnixGramStreamTransmitter {
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

impl crate::UnixGramStreamTransmitter {
    /// Makes one with these parameters, which are its properties.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS`, for a parameter that is none of them or of another type.
    pub(crate) fn new(parameters: &[(String, glib::Value)]) -> Result<Self, glib::Error> {
        let class = glib::Class::<Self>::from_type(Self::static_type())
            .ok_or_else(|| construction("unixgram has no class"))?;
        let mut builder = glib::Object::builder::<Self>();
        for (name, value) in parameters {
            let spec = class.find_property(name).filter(|spec| value.type_().is_a(spec.value_type()));
            let spec = spec.ok_or_else(|| {
                invalid(&format!("unixgram has no parameter '{name}' of type {}", value.type_()))
            })?;
            builder = builder.property(spec.name(), value);
        }
        Ok(builder.build())
    }
}

impl UnixGramStreamTransmitter {
    /// Opens one socket for each component; called once, after construction.
    pub(crate) fn open(&self, transmitter: &UnixGramTransmitter) -> Result<(), glib::Error> {
        let settings = lock(&self.settings).clone();
        let mut state = State { transmitter: Some(transmitter.clone()), ..State::default() };
        let opened = self.open_ports(transmitter, &settings, &mut state);
        if opened.is_err() {
            close(&mut state);
        }
        *lock(&self.state) = state;
        opened
    }

    fn open_ports(
        &self,
        transmitter: &UnixGramTransmitter,
        settings: &Settings,
        state: &mut State,
    ) -> Result<(), glib::Error> {
        let parent = settings.folder.clone().map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = make_folder(&parent)
            .map_err(|error| network(&format!("no folder can be made in {}: {error}", parent.display())))?;
        state.folder = Some(folder.clone());
        for number in 1..=transmitter.imp().components() {
            let path = folder.join(number.to_string());
            let port = Port::bind(&path, transmitter.imp().do_timestamp())
                .map_err(|error| network(&format!("{} cannot be opened: {error}", path.display())))?;
            state.ports.push(port);
            let Some(port) = state.ports.last_mut() else { continue };
            transmitter.imp().attach(number, port.appsink.upcast_ref(), port.appsrc.upcast_ref())?;
            let (stream, associate) = (self.obj().downgrade(), settings.associate_on_source);
            let on_known = move |buffer: &gst::Buffer| {
                if let Some(stream) = stream.upgrade().filter(|_| associate) {
                    stream.emit_known_source_packet_received(number, buffer);
                }
            };
            port.start(on_known).map_err(|error| construction(&format!("no thread: {error}")))?;
        }
        Ok(())
    }

    fn set_sending(&self, sending: bool) {
        lock(&self.settings).sending = sending;
        // Control packets always go.
        if let Some(port) = lock(&self.state).ports.get(RTP as usize - 1) {
            port.set_sending(sending);
        }
    }
}

/// Ends everything. What was closed already is empty.
fn close(state: &mut State) {
    for (number, port) in (1..).zip(&mut state.ports) {
        port.stop();
        if let Some(transmitter) = &state.transmitter {
            transmitter.imp().detach(number, port.appsink.upcast_ref(), port.appsrc.upcast_ref());
        }
    }
    if let Some(folder) = &state.folder {
        // It is empty by now, or someone else put a file into it, which then stays.
        let _ = std::fs::remove_dir(folder);
    }
    *state = State::default();
}

/// Makes a folder that nobody else can look into.
fn make_folder(parent: &Path) -> std::io::Result<PathBuf> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("unixgram-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
}

fn network(text: &str) -> glib::Error {
    glib::Error::new(Error::Network, &format!("unixgram: {text}"))
}

fn invalid(text: &str) -> glib::Error {
    glib::Error::new(Error::InvalidArguments, text)
}

#[glib::object_subclass]
impl ObjectSubclass for UnixGramStreamTransmitter {
    const NAME: &'static str = "ExampleUnixGramStreamTransmitter";
    type Type = crate::UnixGramStreamTransmitter;
    type ParentType = StreamTransmitter;
}

impl ObjectImpl for UnixGramStreamTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(|| {
            let mut list: Vec<_> = ["sending", "preferred-local-candidates", "associate-on-source"]
                .map(glib::ParamSpecOverride::for_class::<StreamTransmitter>)
                .into();
            let folder = glib::ParamSpecString::builder("folder").nick("Folder");
            let folder = folder.blurb("Where the sockets are; none: the folder for temporary files");
            list.push(folder.construct_only().build());
            list
        })
    }

    fn property(&self, _id: usize, spec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings);
        match spec.name() {
            "sending" => settings.sending.to_value(),
            "preferred-local-candidates" => CandidateList(settings.preferred.clone()).to_value(),
            "associate-on-source" => settings.associate_on_source.to_value(),
            "folder" => settings.folder.to_value(),
            _ => spec.default_value().clone(),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, spec: &glib::ParamSpec) {
        // GObject checked the types already.
        match spec.name() {
            "sending" => self.set_sending(value.get().unwrap_or(true)),
            "preferred-local-candidates" => {
                lock(&self.settings).preferred =
                    value.get::<CandidateList>().map(|list| list.0).unwrap_or_default();
            }
            "associate-on-source" => {
                lock(&self.settings).associate_on_source = value.get().unwrap_or(true);
            }
            "folder" => lock(&self.settings).folder = value.get().unwrap_or_default(),
            _ => {}
        }
    }

    fn dispose(&self) {
        self.stop();
    }
}

impl StreamTransmitterImpl for UnixGramStreamTransmitter {
    /// All candidates are checked before the first one is used, so that a refusal changes nothing.
    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let mut pairs = Vec::new();
        {
            let state = lock(&self.state);
            for candidate in candidates {
                let known = (1..=state.ports.len() as u32).contains(&candidate.component_id);
                if !known || !Path::new(&candidate.ip).is_absolute() {
                    return Err(invalid(&format!(
                        "unixgram sends to absolute paths, for components 1 to {}; not to '{}' for component {}",
                        state.ports.len(),
                        candidate.ip,
                        candidate.component_id
                    )));
                }
            }
            for candidate in candidates {
                let port = &state.ports[candidate.component_id as usize - 1];
                port.set_remote(&candidate.ip);
                pairs.push((local_candidate(candidate.component_id, port), candidate.clone()));
            }
        }
        // No lock is held while others run.
        for (local, remote) in pairs {
            self.obj().emit_new_active_candidate_pair(&local, &remote);
        }
        Ok(())
    }

    /// The addresses are known since construction.
    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        let local: Vec<Candidate> =
            (1..).zip(&lock(&self.state).ports).map(|(number, port)| local_candidate(number, port)).collect();
        local.iter().for_each(|candidate| self.obj().emit_new_local_candidate(candidate));
        self.obj().emit_local_candidates_prepared();
        Ok(())
    }

    fn stop(&self) {
        let mut state = std::mem::take(&mut *lock(&self.state));
        close(&mut state);
    }
}

fn local_candidate(number: u32, port: &Port) -> Candidate {
    Candidate::new("1", number, CandidateType::Host, &port.path(), 0)
}
