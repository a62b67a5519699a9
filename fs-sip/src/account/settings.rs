//! The settings of one account (SIP SIMPLE: `Account`), as far as the
//! signalling acts on them; all others that stand in its group are kept.

use std::fmt;

use fs_proto::{Codec, MediaType};

use crate::sdp::SrtpPolicy;
use crate::session::MediaOptions;
use crate::settings::{Group, Value};
use crate::wire::auth::Secret;
use crate::wire::{Host, NameAddr, Uri};

/// Where a STUN server is (SIP SIMPLE: `STUNServerAddress`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StunServer {
    /// A name or an address.
    pub host: Host,
    /// The UDP port.
    pub port: u16,
}

impl StunServer {
    /// The port where none is named (RFC 8489 section 8).
    pub const PORT: u16 = 3478;

    /// From `host[:port]`.
    fn parse(text: &str) -> Option<Self> {
        let uri = Uri::parse(&format!("sip:{text}")).ok()?;
        let plain = uri.user().is_none() && uri.params().is_empty() && uri.headers().is_none();
        let port = uri.port().unwrap_or(Self::PORT);
        let host = uri.host().cloned().filter(|_| plain && port != 0)?;
        Some(Self { host, port })
    }
}

impl fmt::Display for StunServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Settings of an account. Two of them with the same values ask the same of
/// the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSettings {
    /// Is it used at all? Default no.
    pub enabled: bool,
    /// What others see beside the address; default none.
    pub display_name: Option<String>,
    /// `auth.username`: the name for proofs; default the user part of the id.
    pub username: Option<String>,
    /// `auth.password`; default empty.
    pub password: Secret,
    /// `sip.register`: tell the registrar where we are? Default yes.
    pub register: bool,
    /// `sip.outbound_proxy`: `host[:port][;transport=…]`; default none.
    pub outbound_proxy: Option<Uri>,
    /// `sip.always_use_my_proxy`: without an outbound proxy, send calls to
    /// others through the servers of our own domain too? Default no.
    pub always_use_my_proxy: bool,
    /// `sip.tls_name`: whom the certificates of the account's servers, the
    /// outbound proxy or else those of its domain, are for; default the name
    /// they are reached by.
    pub tls_name: Option<Host>,
    /// `sip.register_interval`, in seconds; default 600.
    pub register_interval: u32,
    /// `sip.subscribe_interval`, in seconds; default 600.
    pub subscribe_interval: u32,
    /// `sip.publish_interval`, in seconds; default 600.
    pub publish_interval: u32,
    /// `message_summary.enabled`: ask whether messages wait? Default no.
    pub message_summary: bool,
    /// `message_summary.voicemail_uri`: whom to ask; default the account.
    pub voicemail_uri: Option<Uri>,
    /// `rtp.audio_codec_list`: names of the codecs of its calls, best first;
    /// default what the application has.
    pub audio_codecs: Option<Vec<String>>,
    /// `rtp.video_codec_list`: the same for pictures, where the application has
    /// them.
    pub video_codecs: Option<Vec<String>>,
    /// `rtp.srtp_encryption`: `disabled`, `optional` or `mandatory`; default
    /// what the application has.
    pub srtp: Option<SrtpPolicy>,
    /// `nat_traversal.use_ice`; default what the application has.
    pub use_ice: Option<bool>,
    /// `nat_traversal.stun_server_list`, each `host[:port]`: whom ICE asks how
    /// others see us; the first that answers is taken. Default what the
    /// application has, and where that has none, those that DNS names for the
    /// account's domain (`_stun._udp`, RFC 8489 section 8.1).
    pub stun_servers: Option<Vec<StunServer>>,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            display_name: None,
            username: None,
            password: Secret::new(""),
            register: true,
            outbound_proxy: None,
            always_use_my_proxy: false,
            tls_name: None,
            register_interval: 600,
            subscribe_interval: 600,
            publish_interval: 600,
            message_summary: false,
            voicemail_uri: None,
            audio_codecs: None,
            video_codecs: None,
            srtp: None,
            use_ice: None,
            stun_servers: None,
        }
    }
}

/// A stored value that can't be used; the default stands in for it. It never
/// holds the value, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFailure {
    /// Of which account.
    pub account: String,
    /// `group.setting`.
    pub setting: &'static str,
    /// What is wrong.
    pub error: String,
}

/// What stands at a path, read as some type.
enum Read<T> {
    Absent,
    Good(T),
    Bad(&'static str),
}

impl AccountSettings {
    /// From the group of the account `id`; what can't be used is told.
    #[must_use]
    pub fn from_group(id: &str, group: &Group) -> (Self, Vec<LoadFailure>) {
        let mut failures = Vec::new();
        let mut this = Self::default();
        let mut fail = |setting: &'static str, error: &str| {
            failures.push(LoadFailure { account: id.to_owned(), setting, error: error.to_owned() });
        };
        macro_rules! take {
            ($field:expr, $name:literal, $read:ident) => {
                match $read(group, $name) {
                    Read::Absent => {}
                    Read::Good(value) => $field = value,
                    Read::Bad(error) => fail($name, error),
                }
            };
        }
        take!(this.enabled, "enabled", flag);
        take!(this.display_name, "display_name", text_or_none);
        take!(this.username, "auth.username", text_or_none);
        take!(this.password, "auth.password", secret);
        take!(this.register, "sip.register", flag);
        take!(this.outbound_proxy, "sip.outbound_proxy", proxy);
        take!(this.always_use_my_proxy, "sip.always_use_my_proxy", flag);
        take!(this.tls_name, "sip.tls_name", host);
        take!(this.register_interval, "sip.register_interval", seconds);
        take!(this.subscribe_interval, "sip.subscribe_interval", seconds);
        take!(this.publish_interval, "sip.publish_interval", seconds);
        take!(this.message_summary, "message_summary.enabled", flag);
        take!(this.voicemail_uri, "message_summary.voicemail_uri", address);
        take!(this.audio_codecs, "rtp.audio_codec_list", names);
        take!(this.video_codecs, "rtp.video_codec_list", names);
        take!(this.srtp, "rtp.srtp_encryption", encryption);
        take!(this.use_ice, "nat_traversal.use_ice", flag_or_none);
        take!(this.stun_servers, "nat_traversal.stun_server_list", stun_servers);
        (this, failures)
    }

    /// Into the group of the account; what equals the default is left out,
    /// what is not ours stays.
    pub fn write(&self, group: &mut Group) {
        for (name, value, is_default) in self.values() {
            let path: Vec<&str> = name.split('.').collect();
            if is_default {
                group.remove(&path);
            } else {
                group.set(&path, value);
            }
        }
    }

    /// The names (`group.setting`) of what differs from `other`.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = self.values().into_iter().zip(other.values());
        pairs.filter(|(ours, theirs)| ours.1 != theirs.1).map(|(ours, _)| ours.0).collect()
    }

    /// What the calls of the account carry, where those of the application
    /// carry this.
    #[must_use]
    pub fn media(&self, application: &MediaOptions) -> MediaOptions {
        let codecs = |names: &[String], kind| {
            names.iter().map(|name| Codec::new(Codec::ID_ANY, name, kind, 0)).collect::<Vec<_>>()
        };
        let mut media = application.clone();
        if let Some(names) = &self.audio_codecs {
            media.codecs = codecs(names, MediaType::Audio);
        }
        if let (Some(names), Some(video)) = (&self.video_codecs, &mut media.video) {
            video.codecs = codecs(names, MediaType::Video);
        }
        media.srtp = self.srtp.unwrap_or(media.srtp);
        match self.use_ice {
            Some(false) => media.ice = None,
            Some(true) => drop(media.ice.get_or_insert_default()),
            None => {}
        }
        media
    }

    /// Name, value, and whether it is the default one.
    fn values(&self) -> [(&'static str, Value, bool); 18] {
        let default = Self::default();
        let flag = |b: bool| Value::Text(if b { "True" } else { "False" }.to_owned());
        let number = |n: u32| Value::Text(n.to_string());
        let text = |t: Option<String>| t.map_or(Value::Nil, Value::Text);
        let list = |l: &Option<Vec<String>>| l.clone().map_or(Value::Nil, Value::List);
        let srtp = |policy| match policy {
            SrtpPolicy::Disabled => "disabled".to_owned(),
            SrtpPolicy::Optional => "optional".to_owned(),
            SrtpPolicy::Mandatory => "mandatory".to_owned(),
        };
        let proxy = self.outbound_proxy.as_ref().map(|uri| uri.to_string().split_off(4));
        let tls_name = self.tls_name.as_ref().map(Host::to_string);
        let named = |servers: &Vec<StunServer>| servers.iter().map(StunServer::to_string).collect();
        let stun = self.stun_servers.as_ref().map(named);
        let voicemail = self.voicemail_uri.as_ref().map(Uri::to_string);
        [
            ("enabled", flag(self.enabled), self.enabled == default.enabled),
            ("display_name", text(self.display_name.clone()), self.display_name.is_none()),
            ("auth.username", text(self.username.clone()), self.username.is_none()),
            (
                "auth.password",
                Value::Text(self.password.reveal().to_owned()),
                self.password == default.password,
            ),
            ("sip.register", flag(self.register), self.register == default.register),
            ("sip.outbound_proxy", text(proxy), self.outbound_proxy.is_none()),
            ("sip.always_use_my_proxy", flag(self.always_use_my_proxy), !self.always_use_my_proxy),
            ("sip.tls_name", text(tls_name), self.tls_name.is_none()),
            ("sip.register_interval", number(self.register_interval), self.register_interval == 600),
            ("sip.subscribe_interval", number(self.subscribe_interval), self.subscribe_interval == 600),
            ("sip.publish_interval", number(self.publish_interval), self.publish_interval == 600),
            ("message_summary.enabled", flag(self.message_summary), !self.message_summary),
            ("message_summary.voicemail_uri", text(voicemail), self.voicemail_uri.is_none()),
            ("rtp.audio_codec_list", list(&self.audio_codecs), self.audio_codecs.is_none()),
            ("rtp.video_codec_list", list(&self.video_codecs), self.video_codecs.is_none()),
            ("rtp.srtp_encryption", text(self.srtp.map(srtp)), self.srtp.is_none()),
            ("nat_traversal.use_ice", self.use_ice.map_or(Value::Nil, flag), self.use_ice.is_none()),
            ("nat_traversal.stun_server_list", list(&stun), self.stun_servers.is_none()),
        ]
    }
}

fn find<'a>(group: &'a Group, name: &str) -> Option<&'a Value> {
    let path: Vec<&str> = name.split('.').collect();
    group.get(&path)
}

/// Reads a text by `read`.
fn of_text<T>(
    group: &Group,
    name: &str,
    none: Read<T>,
    read: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Read<T> {
    match find(group, name) {
        None => Read::Absent,
        Some(Value::Nil) => none,
        Some(Value::Text(text)) => read(text).map_or_else(Read::Bad, Read::Good),
        Some(Value::List(_) | Value::Group(_)) => Read::Bad("one value is wanted"),
    }
}

fn flag(group: &Group, name: &str) -> Read<bool> {
    of_text(group, name, Read::Bad("True or False is wanted"), |text| {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err("True or False is wanted"),
        }
    })
}

fn seconds(group: &Group, name: &str) -> Read<u32> {
    of_text(group, name, Read::Bad("a number is wanted"), |text| match text.parse() {
        Ok(number) if (1..=crate::limits::MAX_EXPIRES).contains(&number) => Ok(number),
        _ => Err("a number of seconds is wanted"),
    })
}

fn text_or_none(group: &Group, name: &str) -> Read<Option<String>> {
    of_text(group, name, Read::Good(None), |text| Ok(Some(text.to_owned())))
}

fn flag_or_none(group: &Group, name: &str) -> Read<Option<bool>> {
    if matches!(find(group, name), Some(Value::Nil)) {
        return Read::Good(None);
    }
    match flag(group, name) {
        Read::Absent => Read::Absent,
        Read::Good(value) => Read::Good(Some(value)),
        Read::Bad(error) => Read::Bad(error),
    }
}

fn names(group: &Group, name: &str) -> Read<Option<Vec<String>>> {
    match texts(group, name) {
        Read::Good(Some(list)) if list.is_empty() => Read::Bad(NAMES),
        Read::Bad(_) => Read::Bad(NAMES),
        other => other,
    }
}

const NAMES: &str = "names of codecs are wanted";

/// One text or several; none of them is a list as well.
fn texts(group: &Group, name: &str) -> Read<Option<Vec<String>>> {
    match find(group, name) {
        None => Read::Absent,
        Some(Value::Nil) => Read::Good(None),
        Some(Value::Text(one)) => Read::Good(Some(vec![one.clone()])),
        Some(Value::List(list)) => Read::Good(Some(list.clone())),
        Some(Value::Group(_)) => Read::Bad("a list is wanted"),
    }
}

fn stun_servers(group: &Group, name: &str) -> Read<Option<Vec<StunServer>>> {
    let wrong = Read::Bad("servers, each host[:port], are wanted");
    match texts(group, name) {
        Read::Absent => Read::Absent,
        Read::Good(None) => Read::Good(None),
        Read::Good(Some(list)) if list.len() <= crate::limits::MAX_STUN_SERVERS => {
            let servers = list.iter().map(|text| StunServer::parse(text)).collect::<Option<Vec<_>>>();
            servers.map_or(wrong, |servers| Read::Good(Some(servers)))
        }
        Read::Good(Some(_)) | Read::Bad(_) => wrong,
    }
}

fn host(group: &Group, name: &str) -> Read<Option<Host>> {
    of_text(group, name, Read::Good(None), |text| {
        Host::parse(text).map(Some).map_err(|_| "the name in a certificate is wanted")
    })
}

fn encryption(group: &Group, name: &str) -> Read<Option<SrtpPolicy>> {
    of_text(group, name, Read::Good(None), |text| match text.to_ascii_lowercase().as_str() {
        "disabled" => Ok(Some(SrtpPolicy::Disabled)),
        "optional" => Ok(Some(SrtpPolicy::Optional)),
        "mandatory" => Ok(Some(SrtpPolicy::Mandatory)),
        _ => Err("disabled, optional or mandatory is wanted"),
    })
}

fn secret(group: &Group, name: &str) -> Read<Secret> {
    of_text(group, name, Read::Good(Secret::new("")), |text| Ok(Secret::new(text)))
}

fn proxy(group: &Group, name: &str) -> Read<Option<Uri>> {
    of_text(group, name, Read::Good(None), |text| {
        let uri = Uri::parse(&format!("sip:{text}")).map_err(|_| "host[:port][;transport=...] is wanted")?;
        if uri.user().is_some() { Err("a proxy has no user part") } else { Ok(Some(uri)) }
    })
}

fn address(group: &Group, name: &str) -> Read<Option<Uri>> {
    of_text(group, name, Read::Good(None), |text| {
        let uri = NameAddr::parse(text).or_else(|_| NameAddr::parse(&format!("sip:{text}")));
        uri.map(|address| Some(address.uri)).map_err(|_| "a SIP address is wanted")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::text;

    #[test]
    fn what_is_written_is_read_and_the_rest_is_kept() {
        let uri = |text: &str| Some(Uri::parse(text).expect("URI"));
        let settings = AccountSettings {
            enabled: true,
            display_name: Some("Alice, at work".to_owned()),
            username: Some("a".to_owned()),
            password: Secret::new("p#=w"),
            register: false,
            outbound_proxy: uri("sip:proxy.example:5070;transport=tcp"),
            always_use_my_proxy: true,
            tls_name: Some(Host::parse("sip.example").expect("host")),
            register_interval: 300,
            message_summary: true,
            voicemail_uri: uri("sip:mail@example.org"),
            srtp: Some(SrtpPolicy::Mandatory),
            use_ice: Some(true),
            video_codecs: Some(vec!["VP8".to_owned()]),
            stun_servers: ["stun.example", "192.0.2.1:3479", "[2001:db8::1]"]
                .map(StunServer::parse)
                .into_iter()
                .collect(),
            ..AccountSettings::default()
        };
        let mut group =
            text::parse("rtp:\n    codec_list = opus, PCMU\nsip:\n    publish_interval = 5\n").expect("tree");
        settings.write(&mut group);
        let group = text::parse(&text::write(&group)).expect("tree");
        let (read, failures) = AccountSettings::from_group("a@b", &group);
        assert_eq!((read, failures), (settings, vec![]));
        assert!(group.get(&["rtp", "codec_list"]).is_some());
        assert_eq!(group.get(&["sip", "publish_interval"]), None, "the default is not written");
    }

    #[test]
    fn what_can_not_be_used_is_told_and_the_default_counts() {
        let text = "enabled = perhaps\nauth:\n    password = geheim, zwei\nsip:\n    register_interval = 0\n    \
                    outbound_proxy = user@host\n    subscribe_interval = 30\n    tls_name = a b\n\
                    nat_traversal:\n    stun_server_list = a, b:0\n";
        let (settings, failures) = AccountSettings::from_group("a@b", &text::parse(text).expect("tree"));
        assert_eq!(settings, AccountSettings { subscribe_interval: 30, ..AccountSettings::default() });
        let names: Vec<_> = failures.iter().map(|f| f.setting).collect();
        let refused = [
            "enabled",
            "auth.password",
            "sip.outbound_proxy",
            "sip.tls_name",
            "sip.register_interval",
            "nat_traversal.stun_server_list",
        ];
        assert_eq!(names, refused);
        assert!(!format!("{failures:?}").contains("geheim"));
    }
}
