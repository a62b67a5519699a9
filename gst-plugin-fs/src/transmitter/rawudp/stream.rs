//! `FsRawUdpStreamTransmitter`: one stream's local and remote candidates.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};

use fs_core::prelude::*;
use fs_core::{CandidateList, StreamTransmitter};
use fs_proto::{Candidate, CandidateType};
use glib::prelude::*;
use glib::subclass::prelude::*;

use super::candidates::{self, Preference, Remote};
use super::port::Port;
use super::{CAT, RawUdpTransmitter, interfaces, lock, network};

/// Host candidates all have the same type and base, so they share a foundation (RFC 8445 section 5.1.1.3).
const FOUNDATION: &str = "L1";

/// What the application set at construction, and whether to send.
#[derive(Clone)]
struct Settings {
    sending: bool,
    preferred: Vec<Candidate>,
    associate_on_source: bool,
    stun_ip: Option<String>,
    stun_port: u32,
    stun_timeout: u32,
    upnp_mapping: bool,
    upnp_discovery: bool,
    upnp_mapping_timeout: u32,
    upnp_discovery_timeout: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sending: true,
            preferred: Vec::new(),
            associate_on_source: true,
            stun_ip: None,
            stun_port: 3478,
            stun_timeout: 30,
            upnp_mapping: false,
            upnp_discovery: false,
            upnp_mapping_timeout: 600,
            upnp_discovery_timeout: 2,
        }
    }
}

/// One component in use.
struct Component {
    port: Arc<Port>,
    local: Candidate,
    remote: Option<Remote>,
}

/// `components` is empty before `open` and after `stop`.
#[derive(Default)]
struct State {
    transmitter: Option<RawUdpTransmitter>,
    components: Vec<Component>,
    gathered: bool,
}

/// Private part of [`super::RawUdpStreamTransmitter`].
#[derive(Default)]
pub struct RawUdpStreamTransmitter {
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

impl RawUdpStreamTransmitter {
    /// Binds the sockets; called once, after construction.
    pub(super) fn open(&self, transmitter: &RawUdpTransmitter) -> Result<(), glib::Error> {
        let settings = lock(&self.settings).clone();
        self.say_what_is_not_done(&settings);
        let imp = transmitter.imp();
        let preferences = candidates::preferences(&settings.preferred, imp.components())?;
        let ips: Vec<IpAddr> = preferences.iter().map(candidate_ip).collect::<Result<_, _>>()?;
        let ports = imp.open_ports(&preferences)?;
        let mut state = lock(&self.state);
        state.transmitter = Some(transmitter.clone());
        state.components = (1u32..)
            .zip(ports.into_iter().zip(ips))
            .map(|(number, (port, ip))| {
                let local =
                    Candidate::new(FOUNDATION, number, CandidateType::Host, &ip.to_string(), port.number());
                Component { port, local, remote: None }
            })
            .collect();
        Ok(())
    }

    fn say_what_is_not_done(&self, settings: &Settings) {
        if let Some(server) = &settings.stun_ip {
            gst::warning!(
                CAT,
                "STUN server {server} port {} is not asked: host candidates only",
                settings.stun_port
            );
        }
        if settings.upnp_mapping || settings.upnp_discovery {
            gst::warning!(CAT, "no UPnP gateway is asked: host candidates only");
        }
    }

    /// Puts a remote candidate to use. Gives the new pair if it is another one than before.
    fn point(
        &self,
        transmitter: &RawUdpTransmitter,
        component: &mut Component,
        remote: Remote,
    ) -> Option<(Candidate, Candidate)> {
        if component.remote.as_ref() == Some(&remote) {
            return None;
        }
        self.forget(transmitter, component);
        let (number, port) = (component.local.component_id, component.port.clone());
        if let Some(address) = remote.destination {
            let settings = lock(&self.settings);
            let sources = transmitter.imp().sources();
            sources.add(number, port.number(), address, &self.obj(), settings.associate_on_source);
            if sends(&settings, number) {
                port.add_destination(address);
            }
        }
        let pair = (component.local.clone(), remote.candidate.clone());
        component.remote = Some(remote);
        Some(pair)
    }

    /// Stops sending to a component's remote candidate and forgets it.
    fn forget(&self, transmitter: &RawUdpTransmitter, component: &mut Component) {
        let Some(address) = component.remote.take().and_then(|r| r.destination) else { return };
        let (number, port) = (component.local.component_id, &component.port);
        transmitter.imp().sources().remove(number, port.number(), address, &self.obj());
        if sends(&lock(&self.settings), number) {
            port.remove_destination(address);
        }
    }

    /// `sending` governs the first component only: control packets go on.
    fn set_sending(&self, sending: bool) {
        let port = {
            let state = lock(&self.state);
            if std::mem::replace(&mut lock(&self.settings).sending, sending) == sending {
                return;
            }
            let Some(first) = state.components.first() else { return };
            let Some(address) = first.remote.as_ref().and_then(|r| r.destination) else { return };
            if !sending {
                return first.port.remove_destination(address);
            }
            first.port.add_destination(address);
            first.port.clone()
        };
        port.ask_for_key_frame();
    }

    fn close(&self) {
        let (transmitter, mut components) = {
            let mut state = lock(&self.state);
            (state.transmitter.take(), std::mem::take(&mut state.components))
        };
        let Some(transmitter) = transmitter else { return };
        for component in &mut components {
            self.forget(&transmitter, component);
        }
        transmitter.imp().close_ports(components.into_iter().map(|c| c.port).collect());
    }
}

fn sends(settings: &Settings, component: u32) -> bool {
    settings.sending || component != 1
}

/// The address to tell the peer: the one asked for, else this host's.
fn candidate_ip(preference: &Preference) -> Result<IpAddr, glib::Error> {
    preference
        .ip
        .or_else(|| interfaces::host_ipv4().map(IpAddr::from))
        .ok_or_else(|| network("this host has no IPv4 address: no interface is up"))
}

fn check_reach(component: &Component, address: SocketAddr) -> Result<(), glib::Error> {
    if component.port.reaches(address) {
        return Ok(());
    }
    Err(candidates::invalid(&format!(
        "the remote candidate {address} for component {} is of another address family than the local candidate {}",
        component.local.component_id, component.local.ip
    )))
}

fn stopped() -> glib::Error {
    glib::Error::new(fs_core::Error::Disposed, "this rawudp stream transmitter was stopped")
}

#[glib::object_subclass]
impl ObjectSubclass for RawUdpStreamTransmitter {
    const NAME: &'static str = "FsRawUdpStreamTransmitter";
    const ALLOW_NAME_CONFLICT: bool = true;
    type Type = super::RawUdpStreamTransmitter;
    type ParentType = StreamTransmitter;
}

impl ObjectImpl for RawUdpStreamTransmitter {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
        PROPERTIES.get_or_init(property_list)
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings);
        match pspec.name() {
            "sending" => settings.sending.to_value(),
            "preferred-local-candidates" => CandidateList(settings.preferred.clone()).to_value(),
            "associate-on-source" => settings.associate_on_source.to_value(),
            "stun-ip" => settings.stun_ip.to_value(),
            "stun-port" => settings.stun_port.to_value(),
            "stun-timeout" => settings.stun_timeout.to_value(),
            "upnp-mapping" => settings.upnp_mapping.to_value(),
            "upnp-discovery" => settings.upnp_discovery.to_value(),
            "upnp-mapping-timeout" => settings.upnp_mapping_timeout.to_value(),
            "upnp-discovery-timeout" => settings.upnp_discovery_timeout.to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        /// GObject checked the type already.
        fn take<'a, T: glib::value::FromValue<'a>>(place: &mut T, value: &'a glib::Value) {
            if let Ok(new) = value.get() {
                *place = new;
            }
        }
        if pspec.name() == "sending" {
            if let Ok(sending) = value.get() {
                self.set_sending(sending);
            }
            return;
        }
        let settings = &mut *lock(&self.settings);
        match pspec.name() {
            "preferred-local-candidates" => {
                settings.preferred = value.get::<CandidateList>().map(|list| list.0).unwrap_or_default();
            }
            "associate-on-source" => take(&mut settings.associate_on_source, value),
            "stun-ip" => take(&mut settings.stun_ip, value),
            "stun-port" => take(&mut settings.stun_port, value),
            "stun-timeout" => take(&mut settings.stun_timeout, value),
            "upnp-mapping" => take(&mut settings.upnp_mapping, value),
            "upnp-discovery" => take(&mut settings.upnp_discovery, value),
            "upnp-mapping-timeout" => take(&mut settings.upnp_mapping_timeout, value),
            "upnp-discovery-timeout" => take(&mut settings.upnp_discovery_timeout, value),
            _ => {}
        }
    }

    fn dispose(&self) {
        self.close();
    }
}

/// The three properties of the base class and the seven of rawudp, which are construct-only.
fn property_list() -> Vec<glib::ParamSpec> {
    let mut list: Vec<glib::ParamSpec> = ["sending", "preferred-local-candidates", "associate-on-source"]
        .map(glib::ParamSpecOverride::for_class::<StreamTransmitter>)
        .into();
    let text = |name: &str, nick: &str, blurb: &str| {
        glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).construct_only().build()
    };
    let flag = |name: &str, nick: &str, blurb: &str| {
        glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb).construct_only().build()
    };
    let number = |name: &str, nick: &str, blurb: &str, (min, max, default): (u32, u32, u32)| {
        let builder = glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb);
        builder.minimum(min).maximum(max).default_value(default).construct_only().build()
    };
    list.extend([
        text("stun-ip", "STUN server", "Numeric address of the STUN server; none: no STUN"),
        number("stun-port", "STUN port", "Port of the STUN server", (0, 65535, 3478)),
        number("stun-timeout", "STUN timeout", "Seconds to wait for the STUN server", (1, 60, 30)),
        flag("upnp-mapping", "UPnP mapping", "Whether to ask the gateway to forward our ports"),
        flag("upnp-discovery", "UPnP discovery", "Whether to offer the gateway's outer address"),
        number(
            "upnp-mapping-timeout",
            "UPnP mapping timeout",
            "Seconds a port stays forwarded",
            (0, u32::MAX, 600),
        ),
        number(
            "upnp-discovery-timeout",
            "UPnP discovery timeout",
            "Seconds to wait for a gateway",
            (0, u32::MAX, 2),
        ),
    ]);
    list
}

impl StreamTransmitterImpl for RawUdpStreamTransmitter {
    fn add_remote_candidates(&self, _candidates: &[Candidate]) -> Result<(), glib::Error> {
        Err(glib::Error::new(
            fs_core::Error::NotImplemented,
            "rawudp negotiates no candidates: use force_remote_candidates",
        ))
    }

    fn force_remote_candidates(&self, candidates: &[Candidate]) -> Result<(), glib::Error> {
        let (mut pairs, mut ports) = (Vec::new(), Vec::new());
        {
            let mut state = lock(&self.state);
            let transmitter = state.transmitter.clone().ok_or_else(stopped)?;
            let remotes = candidates::remotes(candidates, transmitter.imp().components())?;
            for (index, remote) in &remotes {
                if let Some(address) = remote.destination {
                    check_reach(&state.components[*index], address)?;
                }
            }
            let gathered = state.gathered;
            for (index, remote) in remotes {
                let component = &mut state.components[index];
                let Some(pair) = self.point(&transmitter, component, remote) else { continue };
                ports.push(component.port.clone());
                if gathered {
                    pairs.push(pair);
                }
            }
        }
        ports.iter().for_each(|port| port.ask_for_key_frame());
        for (local, remote) in pairs {
            self.obj().emit_new_active_candidate_pair(&local, &remote);
        }
        Ok(())
    }

    /// Tells the local candidates, once; they are known since construction. Then the pairs of remote candidates that came
    /// before.
    fn gather_local_candidates(&self) -> Result<(), glib::Error> {
        let (locals, pairs) = {
            let mut state = lock(&self.state);
            if state.transmitter.is_none() {
                return Err(stopped());
            }
            if std::mem::replace(&mut state.gathered, true) {
                return Ok(());
            }
            let locals: Vec<Candidate> = state.components.iter().map(|c| c.local.clone()).collect();
            let pair = |c: &Component| c.remote.as_ref().map(|r| (c.local.clone(), r.candidate.clone()));
            (locals, state.components.iter().filter_map(pair).collect::<Vec<_>>())
        };
        let obj = self.obj();
        locals.iter().for_each(|local| obj.emit_new_local_candidate(local));
        obj.emit_local_candidates_prepared();
        pairs.iter().for_each(|(local, remote)| obj.emit_new_active_candidate_pair(local, remote));
        Ok(())
    }

    fn stop(&self) {
        self.close();
    }
}
