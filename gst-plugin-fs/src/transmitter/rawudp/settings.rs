//! The parameters of a stream, as properties and as values that were checked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use glib::prelude::*;

use super::binding::Ports;
use super::candidates::invalid;
use super::socket::BufferSizes;
use crate::transmitter::base::{StreamSettings, take};
use crate::transmitter::counters;

/// How many STUN servers are asked at most.
const MOST_SERVERS: usize = 8;

/// Linux holds at most half of the largest number that it takes.
const MOST_BUFFER: u32 = i32::MAX as u32 / 2;

/// What the application set at construction, and what it may change later.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) base: StreamSettings,
    stun_ip: Option<String>,
    stun_port: u32,
    stun_servers: Option<String>,
    stun_timeout: u32,
    pub(super) upnp_mapping: bool,
    pub(super) upnp_discovery: bool,
    upnp_mapping_timeout: u32,
    upnp_discovery_timeout: u32,
    gateway: Option<String>,
    min_port: u32,
    max_port: u32,
    pub(super) buffers: BufferSizes,
    pub(super) symmetric_rtp: bool,
    pub(super) send_component_mux: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: StreamSettings::default(),
            stun_ip: None,
            stun_port: 3478,
            stun_servers: None,
            stun_timeout: 30,
            upnp_mapping: false,
            upnp_discovery: false,
            upnp_mapping_timeout: 600,
            upnp_discovery_timeout: 2,
            gateway: None,
            min_port: 0,
            max_port: 0,
            buffers: BufferSizes::default(),
            symmetric_rtp: false,
            send_component_mux: false,
        }
    }
}

impl Settings {
    /// The value of a property.
    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "stun-ip" => self.stun_ip.to_value(),
            "stun-port" => self.stun_port.to_value(),
            "stun-servers" => self.stun_servers.to_value(),
            "stun-timeout" => self.stun_timeout.to_value(),
            "upnp-mapping" => self.upnp_mapping.to_value(),
            "upnp-discovery" => self.upnp_discovery.to_value(),
            "upnp-mapping-timeout" => self.upnp_mapping_timeout.to_value(),
            "upnp-discovery-timeout" => self.upnp_discovery_timeout.to_value(),
            "mapping-gateway" => self.gateway.to_value(),
            "min-port" => self.min_port.to_value(),
            "max-port" => self.max_port.to_value(),
            "send-buffer-size" => self.buffers.send.to_value(),
            "receive-buffer-size" => self.buffers.receive.to_value(),
            "symmetric-rtp" => self.symmetric_rtp.to_value(),
            "send-component-mux" => self.send_component_mux.to_value(),
            _ => return self.base.get(name),
        })
    }

    /// Sets a property to a value of its type.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "stun-ip" => take(&mut self.stun_ip, value),
            "stun-port" => take(&mut self.stun_port, value),
            "stun-servers" => take(&mut self.stun_servers, value),
            "stun-timeout" => take(&mut self.stun_timeout, value),
            "upnp-mapping" => take(&mut self.upnp_mapping, value),
            "upnp-discovery" => take(&mut self.upnp_discovery, value),
            "upnp-mapping-timeout" => take(&mut self.upnp_mapping_timeout, value),
            "upnp-discovery-timeout" => take(&mut self.upnp_discovery_timeout, value),
            "mapping-gateway" => take(&mut self.gateway, value),
            "min-port" => take(&mut self.min_port, value),
            "max-port" => take(&mut self.max_port, value),
            "send-buffer-size" => take(&mut self.buffers.send, value),
            "receive-buffer-size" => take(&mut self.buffers.receive, value),
            "symmetric-rtp" => take(&mut self.symmetric_rtp, value),
            "send-component-mux" => take(&mut self.send_component_mux, value),
            _ => self.base.set(name, value),
        }
    }

    /// The ports that may be taken.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS` when there are none.
    pub(super) fn ports(&self) -> Result<Ports, glib::Error> {
        Ports::between(self.min_port, self.max_port)
    }

    /// `stun-ip` with `stun-port`, then `stun-servers`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS`, naming the parameter and what is no address in it.
    pub(super) fn stun_servers(&self) -> Result<Vec<SocketAddr>, glib::Error> {
        let port = u16::try_from(self.stun_port).unwrap_or_default();
        let mut servers = Vec::new();
        if let Some(text) = self.stun_ip.as_deref().filter(|text| !text.is_empty()) {
            let ip = text.parse::<IpAddr>().map_err(|_| wrong("stun-ip", text, "a numeric IP address"))?;
            servers.push(SocketAddr::new(ip.to_canonical(), port));
        }
        let more = self.stun_servers.as_deref().unwrap_or_default();
        for text in more.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            servers.push(address("stun-servers", text, port)?);
        }
        if servers.len() > MOST_SERVERS {
            return Err(wrong("stun-servers", more, &format!("a list of at most {MOST_SERVERS} servers")));
        }
        if let Some(nowhere) = servers.iter().find(|server| server.port() == 0) {
            return Err(wrong("stun-port", &nowhere.to_string(), "a port that can be asked"));
        }
        Ok(servers)
    }

    /// How long STUN servers are waited for.
    pub(super) fn stun_timeout(&self) -> Duration {
        Duration::from_secs(self.stun_timeout.into())
    }

    /// Whom to ask by PCP and NAT-PMP, if not the default gateway.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS`, naming the parameter.
    pub(super) fn gateway(&self) -> Result<Option<SocketAddr>, glib::Error> {
        let text = self.gateway.as_deref().filter(|text| !text.is_empty());
        text.map(|text| address("mapping-gateway", text, super::mapping::PORT_CONTROL)).transpose()
    }

    /// How long a port stays forwarded, and how long a gateway is searched.
    pub(super) fn mapping_times(&self) -> (Duration, Duration) {
        let seconds = |number: u32| Duration::from_secs(number.into());
        (seconds(self.upnp_mapping_timeout), seconds(self.upnp_discovery_timeout))
    }
}

/// An address, with or without port.
fn address(parameter: &str, text: &str, port: u16) -> Result<SocketAddr, glib::Error> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = text.parse().or_else(|_| bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)));
    parsed.map_err(|_| wrong(parameter, text, "a numeric IP address, with or without port"))
}

fn wrong(parameter: &str, value: &str, wanted: &str) -> glib::Error {
    invalid(&format!("transmitter rawudp: '{value}' in parameter '{parameter}' is not {wanted}"))
}

/// The three properties of the base class and those of rawudp; all but `sending` and `send-component-mux` are
/// construct-only.
pub(super) fn properties() -> Vec<glib::ParamSpec> {
    let mut list = StreamSettings::properties();
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
    let all = u32::MAX;
    list.extend([
        text("stun-ip", "STUN server", "Numeric address of the STUN server; none: no STUN"),
        number("stun-port", "STUN port", "Port of STUN servers that name none", (0, 65535, 3478)),
        text("stun-servers", "STUN servers", "More servers, ADDRESS or ADDRESS:PORT, with commas between"),
        number("stun-timeout", "STUN timeout", "Seconds to wait for the STUN servers", (1, 60, 30)),
        flag("upnp-mapping", "Mapping", "Whether to ask the gateway to forward our ports"),
        flag("upnp-discovery", "Discovery", "Whether to offer the gateway's outer address"),
        number("upnp-mapping-timeout", "Mapping timeout", "Seconds a port stays forwarded", (0, all, 600)),
        number("upnp-discovery-timeout", "Discovery timeout", "Seconds to look for a gateway", (0, all, 2)),
        text(
            "mapping-gateway",
            "Mapping gateway",
            "Who is asked by PCP and NAT-PMP; none: the default gateway",
        ),
        number("min-port", "Lowest port", "Lowest port to take; 0: 7078, or 1 with a highest", (0, 65535, 0)),
        number("max-port", "Highest port", "Highest port to take; 0: 65535", (0, 65535, 0)),
        number("send-buffer-size", "Send buffer", "Bytes in the system; 0: its default", (0, MOST_BUFFER, 0)),
        number(
            "receive-buffer-size",
            "Receive buffer",
            "Bytes in the system; 0: its default",
            (0, MOST_BUFFER, 0),
        ),
        flag("symmetric-rtp", "Symmetric RTP", "Whether to send to where the peer's first packet comes from"),
        glib::ParamSpecBoolean::builder("send-component-mux")
            .nick("Send components muxed")
            .blurb("Whether control packets go out on the first component (RFC 5761)")
            .build(),
        counters::property(),
    ]);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(ip: &str, more: &str) -> Result<Vec<SocketAddr>, glib::Error> {
        let mut settings = Settings::default();
        settings.set("stun-ip", &ip.to_value());
        settings.set("stun-servers", &more.to_value());
        settings.stun_servers()
    }

    #[test]
    fn servers_come_from_two_parameters() {
        let read =
            servers("192.0.2.1", "192.0.2.2:19302, 2001:db8::1,[2001:db8::2]:5, [2001:db8::3]").unwrap();
        let told: Vec<String> = read.iter().map(ToString::to_string).collect();
        let wanted = "192.0.2.1:3478 192.0.2.2:19302 [2001:db8::1]:3478 [2001:db8::2]:5 [2001:db8::3]:3478";
        assert_eq!(told.join(" "), wanted);
        assert!(servers("", "").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_address_is_named_with_its_parameter() {
        let many = "192.0.2.1,".repeat(MOST_SERVERS + 1);
        for (ip, more, words) in [
            ("stun.example", "", ["stun-ip", "stun.example"]),
            ("", "192.0.2.1:99999", ["stun-servers", "99999"]),
            ("", "192.0.2.1:0", ["stun-port", "192.0.2.1"]),
            ("", &many, ["stun-servers", "at most"]),
        ] {
            let error = servers(ip, more).unwrap_err();
            assert!(error.matches(fs_core::Error::InvalidArguments));
            assert!(words.iter().all(|word| error.message().contains(word)), "{error}");
        }
    }
}
