//! The parameters of a stream.

use std::net::IpAddr;
use std::sync::OnceLock;

use glib::prelude::*;

use super::candidate::{self, Compatibility, invalid};
use super::relay::{self, RelayInfo};
use crate::transmitter::base::{StreamSettings, take};
use crate::transmitter::counters;

/// What streams must agree on to share an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) compatibility: Compatibility,
    pub(super) stun_ip: String,
    pub(super) stun_port: u32,
    /// Sorted; empty for all addresses of this host.
    pub(super) local: Vec<IpAddr>,
    pub(super) controlling: bool,
    pub(super) ice_udp: bool,
    pub(super) ice_tcp: bool,
    pub(super) reliable: bool,
    pub(super) trickle: bool,
    pub(super) consent: bool,
}

/// What the application set.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) base: StreamSettings,
    pub(super) stun_ip: Option<String>,
    pub(super) stun_port: u32,
    pub(super) controlling_mode: bool,
    pub(super) ice_udp: bool,
    pub(super) ice_tcp: bool,
    pub(super) reliable: bool,
    pub(super) compatibility_mode: u32,
    pub(super) relays: Vec<gst::Structure>,
    pub(super) min_port: u32,
    pub(super) max_port: u32,
    pub(super) send_component_mux: bool,
    pub(super) trickle: bool,
    pub(super) consent_freshness: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: StreamSettings::default(),
            stun_ip: None,
            stun_port: 3478,
            controlling_mode: true,
            ice_udp: true,
            ice_tcp: true,
            reliable: false,
            compatibility_mode: 0,
            relays: Vec::new(),
            min_port: 0,
            max_port: 0,
            send_component_mux: false,
            trickle: false,
            consent_freshness: false,
        }
    }
}

impl Settings {
    /// The agent that such a stream needs.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS`, naming the parameter.
    pub(super) fn key(&self) -> Result<Key, glib::Error> {
        let stun_ip = self.stun_ip.clone().unwrap_or_default();
        if !stun_ip.is_empty() && !(1..=65535).contains(&self.stun_port) {
            return Err(invalid(&format!("parameter 'stun-port' is {}, which is no port", self.stun_port)));
        }
        if !self.ice_udp && !self.ice_tcp {
            return Err(invalid(
                "parameters 'ice-udp' and 'ice-tcp' are both false: no candidate is possible",
            ));
        }
        if self.max_port != 0 && self.min_port > self.max_port {
            return Err(invalid(&format!(
                "parameter 'min-port' is {}, more than 'max-port', {}",
                self.min_port, self.max_port
            )));
        }
        Ok(Key {
            compatibility: self.compatibility(),
            stun_ip,
            stun_port: self.stun_port,
            local: candidate::preferred(&self.base.preferred)?,
            controlling: self.controlling_mode,
            ice_udp: self.ice_udp,
            ice_tcp: self.ice_tcp,
            reliable: self.reliable,
            trickle: self.trickle,
            consent: self.consent_freshness,
        })
    }

    /// The compatibility mode.
    pub(super) fn compatibility(&self) -> Compatibility {
        Compatibility(self.compatibility_mode)
    }

    /// Lowest and highest local port, if the range is one.
    pub(super) fn port_range(&self) -> Option<(u32, u32)> {
        (0 < self.min_port && self.min_port < self.max_port).then_some((self.min_port, self.max_port))
    }

    /// Takes a value that GObject checked.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "stun-ip" => take(&mut self.stun_ip, value),
            "stun-port" => take(&mut self.stun_port, value),
            "controlling-mode" => take(&mut self.controlling_mode, value),
            "ice-udp" => take(&mut self.ice_udp, value),
            "ice-tcp" => take(&mut self.ice_tcp, value),
            "reliable" => take(&mut self.reliable, value),
            "compatibility-mode" => take(&mut self.compatibility_mode, value),
            "relay-info" => self.relays = relay::structures(value),
            "min-port" => take(&mut self.min_port, value),
            "max-port" => take(&mut self.max_port, value),
            "send-component-mux" => take(&mut self.send_component_mux, value),
            "trickle" => take(&mut self.trickle, value),
            "consent-freshness" => take(&mut self.consent_freshness, value),
            _ => self.base.set(name, value),
        }
    }

    /// The value of a property that can be read and is kept here.
    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "stun-ip" => self.stun_ip.to_value(),
            "stun-port" => self.stun_port.to_value(),
            "controlling-mode" => self.controlling_mode.to_value(),
            "ice-udp" => self.ice_udp.to_value(),
            "ice-tcp" => self.ice_tcp.to_value(),
            "reliable" => self.reliable.to_value(),
            "trickle" => self.trickle.to_value(),
            "consent-freshness" => self.consent_freshness.to_value(),
            _ => return self.base.get(name),
        })
    }
}

/// The properties of the base class, those of the C library and two more.
pub(super) fn property_list() -> &'static [glib::ParamSpec] {
    static PROPERTIES: OnceLock<Vec<glib::ParamSpec>> = OnceLock::new();
    PROPERTIES.get_or_init(|| {
        let mut list = StreamSettings::properties();
        list.extend(numbers());
        list.extend(flags());
        list.push(counters::property());
        list.push(
            glib::ParamSpecString::builder("stun-ip")
                .nick("STUN server")
                .blurb("Address of the STUN server; none: no STUN")
                .construct_only()
                .build(),
        );
        list.push(
            glib::ParamSpecBoxed::builder::<RelayInfo>("relay-info")
                .nick("TURN servers")
                .blurb("GPtrArray of GstStructure: ip, port, username, password, optional relay-type and component")
                .write_only()
                .construct_only()
                .build(),
        );
        list
    })
}

fn numbers() -> [glib::ParamSpec; 5] {
    let number = |name, nick, blurb| glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb);
    let port = |name, nick, blurb| {
        number(name, nick, blurb)
            .minimum(0)
            .maximum(65535)
            .default_value(0)
            .write_only()
            .construct_only()
            .build()
    };
    [
        number("stun-port", "STUN port", "Port of the STUN server")
            .minimum(0)
            .maximum(65536)
            .default_value(3478)
            .construct_only()
            .build(),
        number("stream-id", "Stream id", "The stream's number in its libnice agent").read_only().build(),
        number(
            "compatibility-mode",
            "Compatibility mode",
            "0 RFC 5245, 1 Google, 2 MSN, 3 WLM 2009, 4 OC 2007, 5 OC 2007 R2",
        )
        .minimum(0)
        .maximum(5)
        .default_value(0)
        .write_only()
        .construct_only()
        .build(),
        port("min-port", "Lowest port", "Lowest local port; 0: any"),
        port("max-port", "Highest port", "Highest local port; 0: any"),
    ]
}

fn flags() -> [glib::ParamSpec; 8] {
    let flag = |name, nick, blurb| glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb);
    let on = |name, nick, blurb| flag(name, nick, blurb).default_value(true).construct().build();
    [
        on("controlling-mode", "Controlling mode", "Whether our side chooses the pair of candidates"),
        on("ice-udp", "ICE over UDP", "Whether to gather UDP candidates"),
        on("ice-tcp", "ICE over TCP", "Whether to gather TCP candidates"),
        flag("reliable", "Reliable", "Whether to make UDP reliable with pseudo-TCP").construct_only().build(),
        flag("debug", "Debug", "Whether libnice prints what it does, for the whole process")
            .write_only()
            .build(),
        flag("send-component-mux", "Send component mux", "Whether all components are sent over the first")
            .write_only()
            .build(),
        flag("trickle", "Trickle", "Whether candidates are told and used before gathering ends (RFC 8838)")
            .construct_only()
            .build(),
        flag(
            "consent-freshness",
            "Consent freshness",
            "Whether sending ends when the peer answers no checks any more (RFC 7675)",
        )
        .construct_only()
        .build(),
    ]
}
