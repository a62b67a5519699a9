//! From the element's properties to the settings of the SIP application.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use fs_proto::{MediaType, StreamDirection};
use fs_sip::endpoint::{EndpointConfig, Listen};
use fs_sip::registration::RegistrationSettings;
use fs_sip::sdp::codecs::{preferences, preferences_of};
use fs_sip::session::{IceOptions, VideoOptions};
use fs_sip::transport::{Identity, Protocol, TlsSettings, Trust};
use fs_sip::wire::auth::{Credentials, Secret};
use fs_sip::wire::{NameAddr, Uri};
use fs_sip::{ApplicationConfig, MediaOptions};

use super::settings::Settings;

/// The default port of STUN servers (RFC 8489 section 18.6).
const STUN_PORT: u16 = 3478;

/// Everything that the worker starts with.
#[derive(Debug)]
pub struct Configuration {
    /// For the application.
    pub application: ApplicationConfig,
    /// What to register, if anything.
    pub registration: Option<RegistrationSettings>,
    /// Whom to call; empty = nobody.
    pub target: String,
    /// How others reach us, where that is another way than UDP and TCP.
    pub reached_by: Option<Protocol>,
}

/// Checks all properties and finds out where to listen.
///
/// # Errors
/// A sentence that begins with the property that is wrong.
pub async fn configure(settings: &Settings) -> Result<Configuration, String> {
    let protocol = protocol(&settings.transport)?;
    let proxy = uri("proxy", &settings.proxy, protocol)?;
    let registrar = uri("registrar", &settings.registrar, protocol)?;
    let mut application = ApplicationConfig {
        media: media(settings).await?,
        outbound_proxy: proxy.clone(),
        ..ApplicationConfig::default()
    };
    // An element has nobody who would read them: 405 is the honest answer.
    application.endpoint.call_messages = false;
    application.endpoint.tls = tls(settings)?;
    let target = target(settings, protocol)?;
    let (mut registration, mut reached_by) = (None, None);
    if settings.has_server() {
        let own = NameAddr::parse(&settings.local_uri).map_err(|error| {
            format!("property local-uri: {error} (a registrar or proxy needs to know who we are)")
        })?;
        let user = own.uri.user().map(|user| user.into_owned()).unwrap_or_default();
        let server = proxy.as_ref().or(registrar.as_ref()).unwrap_or(&own.uri);
        listen_towards(&mut application, server).await?;
        application.endpoint.contact_user.clone_from(&user);
        if settings.register {
            let mut at = registrar.unwrap_or_else(|| own.uri.to_domain());
            if let Some(protocol) = protocol {
                set_transport(&mut at, protocol);
            }
            let identity = own.clone();
            registration = Some(RegistrationSettings {
                registrar: Some(at),
                outbound_proxy: proxy,
                ..RegistrationSettings::new(identity)
            });
        }
        application.endpoint.credentials = credentials(settings, &user);
        application.identity = Some(own);
    } else {
        reached_by = listen_at(&mut application, settings, protocol).await?;
        application.endpoint.credentials = credentials(settings, "");
    }
    Ok(Configuration { application, registration, target, reached_by })
}

fn credentials(settings: &Settings, user: &str) -> Vec<Credentials> {
    if settings.password.is_empty() {
        return Vec::new();
    }
    let username = if settings.auth_user.is_empty() { user } else { &settings.auth_user };
    vec![Credentials {
        realm: None,
        username: username.to_owned(),
        password: Secret::new(&settings.password),
    }]
}

async fn media(settings: &Settings) -> Result<MediaOptions, String> {
    let codecs = preferences(&settings.codecs).map_err(|error| format!("property codecs: {error}"))?;
    let video = preferences_of(MediaType::Video, &settings.video_codecs)
        .map_err(|error| format!("property video-codecs: {error}"))?;
    let direction = if settings.sends_video { StreamDirection::BOTH } else { StreamDirection::RECV };
    let video =
        settings.has_video().then(|| VideoOptions { codecs: video, direction, ..VideoOptions::default() });
    let ice = match settings.transmitter.as_str() {
        "" | "rawudp" => None,
        "nice" => Some(IceOptions { stun: stun(&settings.stun_server).await? }),
        other => return Err(format!("property transmitter: {other:?} is none of rawudp, nice")),
    };
    Ok(MediaOptions { codecs, video, srtp: settings.srtp.into(), ice, ..MediaOptions::default() })
}

async fn stun(server: &str) -> Result<Option<SocketAddr>, String> {
    if server.is_empty() {
        return Ok(None);
    }
    let with_port = if server.parse::<std::net::Ipv6Addr>().is_ok() {
        format!("[{server}]:{STUN_PORT}")
    } else if server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        server.to_owned()
    } else {
        format!("{server}:{STUN_PORT}")
    };
    let mut found = tokio::net::lookup_host(&with_port)
        .await
        .map_err(|error| format!("property stun-server: {server}: {error}"))?;
    found.next().map(Some).ok_or_else(|| format!("property stun-server: {server} has no address"))
}

fn tls(settings: &Settings) -> Result<TlsSettings, String> {
    let read = |property: &str, file: &str| {
        std::fs::read(file).map_err(|error| format!("property {property}: {file}: {error}"))
    };
    let mut tls = TlsSettings::default();
    if !settings.ca_file.is_empty() {
        tls.trust = Trust::Authorities(read("ca-file", &settings.ca_file)?);
    }
    if !settings.certificate.is_empty() {
        let chain = read("certificate", &settings.certificate)?;
        let key = match settings.private_key.as_str() {
            "" => chain.clone(),
            file => read("private-key", file)?,
        };
        tls.identity = Some(Identity::from_pem(chain, key));
    }
    Ok(tls)
}

fn protocol(text: &str) -> Result<Option<Protocol>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let found = Protocol::of_parameter(text).map(Some);
    found.ok_or_else(|| format!("property transport: {text:?} is none of udp, tcp, tls, ws, wss"))
}

/// A SIP URI of a server, with the transport asked for unless it names one itself.
fn uri(property: &str, text: &str, protocol: Option<Protocol>) -> Result<Option<Uri>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let text =
        if text.contains(':') && text.starts_with("sip") { text.to_owned() } else { format!("sip:{text}") };
    let mut uri = Uri::parse(&text).map_err(|error| format!("property {property}: {error}"))?;
    if uri.host().is_none() {
        return Err(format!("property {property}: {text} names no host"));
    }
    if let Some(protocol) = protocol {
        set_transport(&mut uri, protocol);
    }
    Ok(Some(uri))
}

fn set_transport(uri: &mut Uri, protocol: Protocol) {
    if uri.params().raw("transport").is_none()
        && let Some(params) = uri.params_mut()
    {
        params.set("transport", Some(protocol.parameter()));
    }
}

/// Whom to call; straight there, so the transport belongs to it, unless a proxy takes care.
fn target(settings: &Settings, protocol: Option<Protocol>) -> Result<String, String> {
    if settings.uri.is_empty() {
        return Ok(String::new());
    }
    let mut target = NameAddr::parse(&settings.uri).map_err(|error| format!("property uri: {error}"))?;
    let Some(protocol) = protocol.filter(|_| settings.proxy.is_empty()) else {
        return Ok(settings.uri.clone());
    };
    set_transport(&mut target.uri, protocol);
    Ok(target.to_string())
}

async fn lookup(property: &str, uri: &Uri) -> Result<Option<SocketAddr>, String> {
    let host = uri.host().map(ToString::to_string).unwrap_or_default();
    let address = (host.trim_matches(['[', ']']).to_owned(), uri.port().unwrap_or(5060));
    let mut found = tokio::net::lookup_host(address)
        .await
        .map_err(|error| format!("property {property}: host {host}: {error}"))?;
    Ok(found.next())
}

/// A free port of the address that faces a server.
async fn listen_towards(application: &mut ApplicationConfig, server: &Uri) -> Result<(), String> {
    // A domain may have records for its SIP servers only; then the default route has to do.
    let server = lookup("registrar", server).await.ok().flatten();
    listen_facing(application, server.unwrap_or_else(|| SocketAddr::from(([198, 51, 100, 1], 9))));
    Ok(())
}

/// A free port of the address that faces a peer, and of all others: another one may face it later in the call.
fn listen_facing(application: &mut ApplicationConfig, peer: SocketAddr) {
    let Some(ip) = fs_sip::application::route_to(peer) else { return };
    let all: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    application.host = Some(ip);
    application.endpoint.bind = (if ip.is_loopback() { ip } else { all }, 0).into();
}

/// Where `local-uri` says, else where the peer is faced, with a port of the system. Returns the way to us, where that has
/// a listener of its own.
async fn listen_at(
    application: &mut ApplicationConfig,
    settings: &Settings,
    protocol: Option<Protocol>,
) -> Result<Option<Protocol>, String> {
    if settings.local_uri.is_empty() {
        let peer = match NameAddr::parse(&settings.uri) {
            Ok(peer) => lookup("uri", &peer.uri).await.ok().flatten(),
            Err(_) => None,
        };
        // Without a peer: the address that faces the default route. TEST-NET-2 is never reached, only routed.
        listen_facing(application, peer.unwrap_or_else(|| SocketAddr::from(([198, 51, 100, 1], 9))));
        return Ok(None);
    }
    let endpoint = &mut application.endpoint;
    let local_uri = &settings.local_uri;
    let mut own = NameAddr::parse(local_uri).map_err(|error| format!("property local-uri: {error}"))?;
    if !own.uri.is_sip() || own.uri.host().is_none() {
        return Err(format!("property local-uri: {local_uri} is no sip: address"));
    }
    let found = lookup("local-uri", &own.uri).await?;
    endpoint.bind = found.ok_or_else(|| format!("property local-uri: {local_uri} has no address"))?;
    let reached_by = listen_also(endpoint, &own.uri, protocol);
    if let Some(params) = own.uri.params_mut() {
        // Whose port stands in place of port 0.
        params.set("transport", Some(reached_by.unwrap_or(Protocol::Udp).parameter()));
    }
    application.identity = Some(own);
    Ok(reached_by)
}

/// WebSocket and, with a certificate, TLS have a listener of their own. It takes the port of `local-uri`, and those of UDP
/// and TCP any other. Returns which it is, if any.
fn listen_also(endpoint: &mut EndpointConfig, own: &Uri, protocol: Option<Protocol>) -> Option<Protocol> {
    let named = own.params().value("transport");
    let protocol = protocol.or_else(|| named.and_then(|name| Protocol::of_parameter(&name)));
    let fits = |p: &Protocol| match p {
        Protocol::Udp | Protocol::Tcp => false,
        other => !other.is_secure() || endpoint.tls.identity.is_some(),
    };
    let protocol = protocol.filter(fits)?;
    let port = own.port().unwrap_or_else(|| protocol.default_port());
    let address = SocketAddr::new(endpoint.bind.ip(), port);
    endpoint.listen.push(Listen { protocol, address });
    endpoint.bind.set_port(0);
    Some(protocol)
}

#[cfg(test)]
mod tests {
    use super::super::settings::Srtp;
    use super::*;

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings::default();
        change(&mut settings);
        settings
    }

    #[tokio::test]
    async fn mistakes_name_their_property() {
        type Change = fn(&mut Settings);
        let wrong: [(&str, Change); 9] = [
            ("property transport:", |s| s.transport = "sctp".into()),
            ("property transmitter:", |s| s.transmitter = "shm".into()),
            ("property proxy:", |s| s.proxy = "sip:".into()),
            ("property local-uri:", |s| s.register = true),
            ("property ca-file:", |s| s.ca_file = "/nowhere.pem".into()),
            ("property certificate:", |s| s.certificate = "/nowhere.pem".into()),
            ("property private-key:", |s| {
                s.certificate = "/dev/null".into();
                s.private_key = "/nowhere.pem".into();
            }),
            ("property codecs:", |s| s.codecs = "opus/x".into()),
            ("property uri:", |s| s.uri = "no uri".into()),
        ];
        for (beginning, change) in wrong {
            let error = configure(&settings(change)).await.unwrap_err();
            assert!(error.starts_with(beginning), "{beginning} {error}");
        }
    }

    #[tokio::test]
    async fn a_registered_user_listens_towards_its_registrar() {
        let made = configure(&settings(|s| {
            s.local_uri = "sip:alice@test.invalid".into();
            s.register = true;
            s.registrar = "127.0.0.1:15200".into();
            s.transport = "tcp".into();
            s.password = "secret".into();
            s.srtp = Srtp::Mandatory;
        }))
        .await
        .unwrap();
        let registration = made.registration.unwrap();
        assert_eq!(registration.registrar.unwrap().to_string(), "sip:127.0.0.1:15200;transport=tcp");
        let endpoint = &made.application.endpoint;
        assert_eq!(endpoint.bind, "127.0.0.1:0".parse().unwrap());
        assert_eq!(
            (endpoint.contact_user.as_str(), endpoint.credentials[0].username.as_str()),
            ("alice", "alice")
        );
        assert_eq!(made.application.identity.unwrap().uri.to_string(), "sip:alice@test.invalid");
        assert_eq!(made.application.media.srtp, fs_sip::sdp::SrtpPolicy::Mandatory);
    }

    #[tokio::test]
    async fn the_port_of_local_uri_is_that_of_its_transport() {
        for (transport, certificate, protocol) in [
            ("tls", "/dev/null", Some(Protocol::Tls)),
            ("wss", "/dev/null", Some(Protocol::Wss)),
            ("ws", "", Some(Protocol::Ws)),
            ("tls", "", None),
            ("tcp", "/dev/null", None),
            ("", "/dev/null", None),
        ] {
            let made = configure(&settings(|s| {
                s.local_uri = "sip:alice@127.0.0.1:5071".into();
                s.transport = transport.into();
                s.certificate = certificate.into();
            }))
            .await
            .unwrap();
            let endpoint = &made.application.endpoint;
            let port = if protocol.is_some() { 0 } else { 5071 };
            assert_eq!(endpoint.bind, SocketAddr::from(([127, 0, 0, 1], port)), "{transport} {certificate}");
            let address = SocketAddr::from(([127, 0, 0, 1], 5071));
            let listen: Vec<Listen> =
                protocol.into_iter().map(|protocol| Listen { protocol, address }).collect();
            assert_eq!(endpoint.listen, listen, "{transport} {certificate}");
        }
    }

    #[tokio::test]
    async fn the_transport_belongs_to_the_first_hop() {
        let to = |proxy: &str| {
            let proxy = proxy.to_owned();
            settings(move |s| {
                s.local_uri = "sip:alice@127.0.0.1:0".into();
                s.uri = "sip:bob@127.0.0.1".into();
                s.transport = "tcp".into();
                s.proxy = proxy;
            })
        };
        let straight = configure(&to("")).await.unwrap();
        assert!(straight.target.contains("sip:bob@127.0.0.1;transport=tcp"), "{}", straight.target);
        let through = configure(&to("sip:127.0.0.1:9")).await.unwrap();
        assert!(!through.target.contains("transport"), "{}", through.target);
        let proxy = through.application.outbound_proxy.unwrap().to_string();
        assert_eq!(proxy, "sip:127.0.0.1:9;transport=tcp");
    }
}
