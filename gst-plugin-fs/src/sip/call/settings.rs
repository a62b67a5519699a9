//! What the element was set to: one line a property in a table.

use fs_sip::sdp::SrtpPolicy;
use glib::prelude::*;

/// The codecs of SIP SIMPLE's default list.
const DEFAULT_CODECS: &str = "opus,G722,PCMU,PCMA";
/// Those that everybody decodes.
const DEFAULT_VIDEO_CODECS: &str = "VP8,H264";

/// Whether media is encrypted, as the property `srtp` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "FsSipSrtp")]
#[repr(i32)]
pub enum Srtp {
    /// Never.
    #[default]
    #[enum_value(name = "Never", nick = "none")]
    None,
    /// If the peer can.
    #[enum_value(name = "If the peer can: keys are offered on RTP/AVP", nick = "optional")]
    Optional,
    /// Always.
    #[enum_value(name = "Always, on RTP/SAVP; calls without encryption are refused", nick = "mandatory")]
    Mandatory,
}

impl From<Srtp> for SrtpPolicy {
    fn from(srtp: Srtp) -> Self {
        match srtp {
            Srtp::None => Self::Disabled,
            Srtp::Optional => Self::Optional,
            Srtp::Mandatory => Self::Mandatory,
        }
    }
}

/// What the element was set to.
#[derive(Clone)]
pub struct Settings {
    /// Who we are and, unless there is a registrar or proxy, where we listen.
    pub local_uri: String,
    /// Whom to call.
    pub uri: String,
    /// Whether to accept by ourselves.
    pub auto_accept: bool,
    /// Audio codec names, best first.
    pub codecs: String,
    /// Whether to offer and accept pictures even if none are sent.
    pub video: bool,
    /// Whether pictures are sent: somebody asked for `video_sink`.
    pub sends_video: bool,
    /// Video codec names, best first.
    pub video_codecs: String,
    /// Whether to register.
    pub register: bool,
    /// Where; empty = at the host of `local_uri`.
    pub registrar: String,
    /// What all requests go through.
    pub proxy: String,
    /// The name for challenges; empty = the user of `local_uri`.
    pub auth_user: String,
    /// The password for challenges. Never shown.
    pub password: String,
    /// The way of our requests; empty = what the URIs say.
    pub transport: String,
    /// A PEM file with the certificates to trust; empty = those of the system.
    pub ca_file: String,
    /// A PEM file with our certificate; with it we are called over TLS.
    pub certificate: String,
    /// A PEM file with its key; empty = in the same file.
    pub private_key: String,
    /// How packets reach the peer: `rawudp` or `nice`.
    pub transmitter: String,
    /// The STUN server for `nice`, as `host:port`.
    pub stun_server: String,
    /// Whether media is encrypted.
    pub srtp: Srtp,
}

impl std::fmt::Debug for Settings {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("local_uri", &self.local_uri)
            .field("uri", &self.uri)
            .field("registrar", &self.registrar)
            .finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        let empty = String::new;
        let mut settings = Self {
            local_uri: empty(),
            uri: empty(),
            auto_accept: false,
            codecs: empty(),
            video: false,
            sends_video: false,
            video_codecs: empty(),
            register: false,
            registrar: empty(),
            proxy: empty(),
            auth_user: empty(),
            password: empty(),
            transport: empty(),
            ca_file: empty(),
            certificate: empty(),
            private_key: empty(),
            transmitter: empty(),
            stun_server: empty(),
            srtp: Srtp::None,
        };
        for property in TEXTS {
            *(property.field)(&mut settings) = property.default.to_owned();
        }
        settings
    }
}

impl Settings {
    /// Whether we are reached through a registrar or proxy: then `local_uri` names no address of this host.
    pub fn has_server(&self) -> bool {
        self.register || !self.registrar.is_empty() || !self.proxy.is_empty()
    }

    /// Whether calls have pictures.
    pub fn has_video(&self) -> bool {
        self.video || self.sends_video
    }

    /// The properties.
    pub fn properties() -> Vec<glib::ParamSpec> {
        use gst::prelude::GstParamSpecBuilderExt;
        let texts = TEXTS.iter().map(|property| {
            let builder = glib::ParamSpecString::builder(property.name)
                .nick(property.nick)
                .blurb(property.blurb)
                .default_value(Some(property.default))
                .mutable_ready();
            if property.name == "password" { builder.write_only().build() } else { builder.build() }
        });
        let flags = FLAGS.iter().map(|flag| {
            glib::ParamSpecBoolean::builder(flag.name)
                .nick(flag.nick)
                .blurb(flag.blurb)
                .mutable_ready()
                .build()
        });
        let srtp = glib::ParamSpecEnum::builder_with_default("srtp", Srtp::None)
            .nick("SRTP")
            .blurb("Whether media is encrypted with keys from the session descriptions (SDES)")
            .mutable_ready()
            .build();
        texts.chain(flags).chain([srtp]).collect()
    }

    /// Takes a value that GObject checked; false for a property that is none of ours.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        if let Some(property) = TEXTS.iter().find(|property| property.name == name) {
            *(property.field)(self) = value.get::<Option<String>>().ok().flatten().unwrap_or_default();
        } else if let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) {
            *(flag.field)(self) = value.get().unwrap_or_default();
        } else if name == "srtp" {
            self.srtp = value.get().unwrap_or_default();
        } else {
            return false;
        }
        true
    }

    /// The value of a property; `None` for one that is none of ours.
    pub fn get(mut self, name: &str) -> Option<glib::Value> {
        if let Some(property) = TEXTS.iter().find(|property| property.name == name) {
            return Some((property.field)(&mut self).to_value());
        }
        if let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) {
            return Some((flag.field)(&mut self).to_value());
        }
        (name == "srtp").then(|| self.srtp.to_value())
    }
}

struct Text {
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    default: &'static str,
    field: fn(&mut Settings) -> &mut String,
}

const fn text(
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    default: &'static str,
    field: fn(&mut Settings) -> &mut String,
) -> Text {
    Text { name, nick, blurb, default, field }
}

const TEXTS: &[Text] = &[
    text(
        "local-uri",
        "Local URI",
        "Who we are and, without registrar or proxy, where we listen; empty or port 0 takes a free port, and reads back which",
        "",
        |s| &mut s.local_uri,
    ),
    text("uri", "URI", "Whom to call; empty waits for a call", "", |s| &mut s.uri),
    text(
        "codecs",
        "Codecs",
        "Audio codecs to use, best first: NAME[/RATE[/CHANNELS]], ...",
        DEFAULT_CODECS,
        |s| &mut s.codecs,
    ),
    text(
        "video-codecs",
        "Video codecs",
        "Video codecs to use, best first: NAME, NAME, ...",
        DEFAULT_VIDEO_CODECS,
        |s| &mut s.video_codecs,
    ),
    text(
        "registrar",
        "Registrar",
        "Where to register, as SIP URI or HOST[:PORT]; empty is the host of local-uri",
        "",
        |s| &mut s.registrar,
    ),
    text("proxy", "Proxy", "A proxy that all requests go through, as SIP URI or HOST[:PORT]", "", |s| {
        &mut s.proxy
    }),
    text(
        "auth-user",
        "User for challenges",
        "The name that goes with the password; empty is the user of local-uri",
        "",
        |s| &mut s.auth_user,
    ),
    text("password", "Password", "The password for challenges of registrar and proxies", "", |s| {
        &mut s.password
    }),
    text(
        "transport",
        "Transport",
        "How our requests travel: udp, tcp, tls, ws or wss, and how we are called at local-uri; empty is what the URIs say",
        "",
        |s| &mut s.transport,
    ),
    text(
        "ca-file",
        "Certificates to trust",
        "PEM file with the certificates of authorities; empty trusts those of the system",
        "",
        |s| &mut s.ca_file,
    ),
    text(
        "certificate",
        "Our certificate",
        "PEM file with our certificate and those that signed it; with transport tls or wss we listen for calls then",
        "",
        |s| &mut s.certificate,
    ),
    text(
        "private-key",
        "Key of our certificate",
        "PEM file with the private key; empty takes it from the file of the certificate",
        "",
        |s| &mut s.private_key,
    ),
    text(
        "transmitter",
        "Transmitter",
        "How packets reach the peer: rawudp, or nice for ICE with peers that have it",
        "rawudp",
        |s| &mut s.transmitter,
    ),
    text("stun-server", "STUN server", "STUN server for the transmitter nice: HOST[:PORT]", "", |s| {
        &mut s.stun_server
    }),
];

struct Flag {
    name: &'static str,
    nick: &'static str,
    blurb: &'static str,
    field: fn(&mut Settings) -> &mut bool,
}

const FLAGS: &[Flag] = &[
    Flag {
        name: "auto-accept",
        nick: "Accept calls",
        blurb: "Accept the call that comes; otherwise it rings until the accept signal",
        field: |s| &mut s.auto_accept,
    },
    Flag {
        name: "video",
        nick: "Video",
        blurb: "Offer and accept pictures, even if none are sent; a requested video_sink does so as well",
        field: |s| &mut s.video,
    },
    Flag {
        name: "register",
        nick: "Register",
        blurb: "Register local-uri while the element is started, so that it can be called there",
        field: |s| &mut s.register,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_is_kept_under_its_name() {
        let mut settings = Settings::default();
        for property in TEXTS {
            assert!(settings.set(property.name, &property.name.to_value()));
        }
        for property in TEXTS {
            let value = settings.clone().get(property.name).unwrap();
            assert_eq!(value.get::<String>().unwrap(), property.name);
        }
        for flag in FLAGS {
            assert!(settings.set(flag.name, &true.to_value()));
            assert!(settings.clone().get(flag.name).unwrap().get::<bool>().unwrap());
        }
        assert!(settings.set("srtp", &Srtp::Optional.to_value()) && settings.srtp == Srtp::Optional);
        assert!(!settings.set("state", &0.to_value()) && settings.get("state").is_none());
    }

    #[test]
    fn the_password_is_never_shown() {
        let settings = Settings { password: "hunter2".into(), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
        let password = Settings::properties().into_iter().find(|p| p.name() == "password").unwrap();
        assert!(!password.flags().contains(glib::ParamFlags::READABLE));
    }
}
