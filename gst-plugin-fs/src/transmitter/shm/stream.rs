//! `FsShmStreamTransmitter`: one stream's sockets and connections.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use fs_core::StreamTransmitter;
use fs_core::prelude::*;
use fs_proto::{Candidate, CandidateType};
use glib::prelude::*;
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::reader::Reader;
use super::writer::Writer;
use super::{CAT, ShmTransmitter, check_path, invalid, lock, network};
use crate::transmitter::base::StreamSettings;
use crate::transmitter::counters::{self, Counters};

/// What the application set at construction, and whether to send.
#[derive(Clone, Default)]
struct Settings {
    base: StreamSettings,
    create_local_candidates: bool,
}

/// One component.
#[derive(Default)]
struct Component {
    writer: Option<Writer>,
    reader: Option<Reader>,
    remote: Option<Candidate>,
    counters: Counters,
}

/// `components` is empty before `open` and after `stop`.
#[derive(Default)]
struct State {
    transmitter: Option<ShmTransmitter>,
    components: Vec<Component>,
    gathered: bool,
    /// Where our sockets are, if we chose it.
    folder: Option<PathBuf>,
}

/// Private part of [`super::ShmStreamTransmitter`].
#[derive(Default)]
pub struct ShmStreamTransmitter {
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

impl ShmStreamTransmitter {
    /// Checks the parameters; called once, after construction.
    pub(super) fn open(&self, transmitter: &ShmTransmitter) -> Result<(), glib::Error> {
        let count = transmitter.imp().components();
        for candidate in &lock(&self.settings).base.preferred {
            check_component("preferred local", candidate, count)?;
            check_path(&candidate.ip)?;
        }
        let mut state = lock(&self.state);
        state.transmitter = Some(transmitter.clone());
        state.components = (0..count).map(|_| Component::default()).collect();
        Ok(())
    }

    /// Makes the socket of a component unless it is there. Gives its candidate if it is new.
    fn listen(&self, state: &mut State, number: u32, path: &str) -> Result<Option<Candidate>, glib::Error> {
        let transmitter = state.transmitter.clone().ok_or_else(stopped)?;
        let bins = transmitter.imp().bins()?;
        let component = &mut state.components[number as usize - 1];
        if component.writer.as_ref().is_some_and(|writer| writer.asked == path) {
            return Ok(None);
        }
        let writer = Writer::open(number, path, bins, &self.obj(), &component.counters)?;
        writer.set_sending(sends(&lock(&self.settings), number));
        let local = local_candidate(&writer);
        if let Some(old) = component.writer.replace(writer) {
            old.close(bins);
        }
        Ok(Some(local))
    }

    /// Connects a component to the peer's socket unless it is. Gives the new pair.
    fn connect(
        &self,
        state: &mut State,
        remote: &Candidate,
        path: &str,
    ) -> Result<Option<(Candidate, Candidate)>, glib::Error> {
        let transmitter = state.transmitter.clone().ok_or_else(stopped)?;
        let imp = transmitter.imp();
        let bins = imp.bins()?;
        let number = remote.component_id;
        let component = &mut state.components[number as usize - 1];
        if component.reader.as_ref().is_some_and(|reader| reader.serves(path)) {
            return Ok(None);
        }
        let reader = Reader::open(number, path, bins, &self.obj(), &component.counters, imp.do_timestamp())?;
        if let Some(old) = component.reader.replace(reader) {
            old.close(bins);
        }
        component.remote = Some(remote.clone());
        Ok(component.writer.as_ref().map(|writer| (local_candidate(writer), remote.clone())))
    }

    /// Where the socket of each component is to be: in a new folder, or where the application wants it.
    fn places(&self, state: &mut State) -> Result<Vec<(u32, String)>, glib::Error> {
        let settings = lock(&self.settings).clone();
        if !settings.create_local_candidates {
            let given = settings.base.preferred.iter().filter(|c| !c.ip.is_empty());
            return Ok(given.map(|c| (c.component_id, c.ip.clone())).collect());
        }
        let template = std::env::temp_dir().join("farstream-shm-XXXXXX");
        let Some(folder) = glib::mkdtemp(&template) else {
            let why = std::io::Error::last_os_error();
            return Err(network(&format!("cannot make a folder {} for sockets: {why}", template.display())));
        };
        state.folder = Some(folder.clone());
        let path = |c: u32| folder.join(format!("shm-sink-socket-{c}")).to_string_lossy().into_owned();
        let places: Vec<_> = (1u32..).zip(&state.components).map(|(c, _)| (c, path(c))).collect();
        places.iter().try_for_each(|(_, path)| check_path(path))?;
        Ok(places)
    }

    fn announce(&self, local: &Candidate) {
        let obj = self.obj();
        obj.emit_new_local_candidate(local);
        obj.emit_local_candidates_prepared();
    }

    /// `sending` governs the first component only: control packets go on.
    fn set_sending(&self, sending: bool) {
        let pad = {
            let state = lock(&self.state);
            lock(&self.settings).base.sending = sending;
            let Some(writer) = state.components.first().and_then(|first| first.writer.as_ref()) else {
                return;
            };
            writer.set_sending(sending);
            sending.then(|| writer.key_frame_pad())
        };
        if let Some(pad) = pad {
            let request = gst::Structure::builder("GstForceKeyUnit").field("all-headers", true).build();
            // Nobody upstream may care, as with audio.
            let _ = pad.push_event(gst::event::CustomUpstream::new(request));
        }
    }

    fn close(&self) {
        let State { transmitter, components, folder, .. } = std::mem::take(&mut *lock(&self.state));
        if let Some(Ok(bins)) = transmitter.as_ref().map(|t| t.imp().bins()) {
            for component in components {
                component.reader.iter().for_each(|reader| reader.close(bins));
                component.writer.iter().for_each(|writer| writer.close(bins));
            }
        }
        if let Some(folder) = folder
            && let Err(e) = std::fs::remove_dir(&folder)
        {
            gst::warning!(CAT, "cannot remove {}: {e}", folder.display());
        }
    }

    fn stats(&self) -> gst::Structure {
        let state = lock(&self.state);
        counters::stats((1u32..).zip(&state.components).map(|(number, component)| {
            let local = component.writer.as_ref().map(local_candidate);
            let pair = local.as_ref().zip(component.remote.as_ref());
            component.counters.describe(number, pair, None)
        }))
    }
}

fn local_candidate(writer: &Writer) -> Candidate {
    Candidate::new("", writer.component, CandidateType::Host, &writer.path, 0)
}

fn sends(settings: &Settings, component: u32) -> bool {
    settings.base.sending || component != 1
}

fn check_component(kind: &str, candidate: &Candidate, components: u32) -> Result<(), glib::Error> {
    if (1..=components).contains(&candidate.component_id) {
        return Ok(());
    }
    Err(invalid(&format!(
        "a {kind} candidate has component {}, but there are only 1 to {components}",
        candidate.component_id
    )))
}

fn stopped() -> glib::Error {
    glib::Error::new(fs_core::Error::Disposed, "this shm stream transmitter was stopped")
}

#[glib::object_subclass]
impl ObjectSubclass for ShmStreamTransmitter {
    const NAME: &'static str = "FsShmStreamTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::ShmStreamTransmitter;
    type ParentType = StreamTransmitter;
}

impl ObjectImpl for ShmStreamTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(|| {
            let mut list = StreamSettings::properties();
            list.push(
                glib::ParamSpecBoolean::builder("create-local-candidates")
                    .nick("Create local candidates")
                    .blurb("Whether our sockets are made in a new folder and told as local candidates")
                    .construct_only()
                    .build(),
            );
            list.push(counters::property());
            list
        })
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings).clone();
        match pspec.name() {
            "stats" => self.stats().to_value(),
            "create-local-candidates" => settings.create_local_candidates.to_value(),
            name => settings.base.get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match (pspec.name(), value.get::<bool>()) {
            ("sending", Ok(sending)) => self.set_sending(sending),
            ("create-local-candidates", Ok(create)) => {
                lock(&self.settings).create_local_candidates = create;
            }
            (name, _) => lock(&self.settings).base.set(name, value),
        }
    }

    fn dispose(&self) {
        self.close();
    }
}

impl StreamTransmitterImpl for ShmStreamTransmitter {
    fn add_remote_candidates(&self, _candidates: &[Candidate]) -> Result<(), glib::Error> {
        Err(glib::Error::new(
            fs_core::Error::NotImplemented,
            "shm negotiates no candidates: use force_remote_candidates",
        ))
    }

    /// All candidates are checked before the first is used.
    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let creates = lock(&self.settings).create_local_candidates;
        let (mut locals, mut pairs) = (Vec::new(), Vec::new());
        let used = {
            let mut state = lock(&self.state);
            let count = state.transmitter.as_ref().ok_or_else(stopped)?.imp().components();
            for candidate in candidates {
                check_component("remote", candidate, count)?;
                if candidate.ip.is_empty() && candidate.username.is_empty() {
                    return Err(invalid(&format!(
                        "the remote candidate for component {} has neither the path of our socket in its ip nor \
                         that of the peer's in its username",
                        candidate.component_id
                    )));
                }
                check_path(&candidate.ip)?;
                check_path(&candidate.username)?;
            }
            candidates.iter().try_for_each(|candidate| {
                let (ours, theirs) =
                    if creates { ("", &candidate.ip) } else { (candidate.ip.as_str(), &candidate.username) };
                if !ours.is_empty() {
                    locals.extend(self.listen(&mut state, candidate.component_id, ours)?);
                }
                if !theirs.is_empty() {
                    pairs.extend(self.connect(&mut state, candidate, theirs)?);
                }
                Ok(())
            })
        };
        locals.iter().for_each(|local| self.announce(local));
        for (local, remote) in pairs {
            self.obj().emit_new_active_candidate_pair(&local, &remote);
        }
        used
    }

    /// Makes the sockets that are known by now, and tells them, once.
    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        let mut locals = Vec::new();
        let made = {
            let mut state = lock(&self.state);
            if state.transmitter.is_none() {
                return Err(stopped());
            }
            if std::mem::replace(&mut state.gathered, true) {
                return Ok(());
            }
            let places = self.places(&mut state)?;
            places.iter().try_for_each(|(number, path)| {
                locals.extend(self.listen(&mut state, *number, path)?);
                Ok(())
            })
        };
        locals.iter().for_each(|local| self.announce(local));
        made
    }

    fn stop(&self) {
        self.close();
    }
}
