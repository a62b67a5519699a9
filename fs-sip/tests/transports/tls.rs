//! TLS: certificates, names, authorities.

use super::*;

/// A private authority and what it signs.
struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Self {
        Self::named("ours")
    }

    fn named(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("certificate");
        Self { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    fn trust(&self) -> Trust {
        Trust::Authorities(self.certificate.pem().into_bytes())
    }

    fn identity(&self, name: &str) -> Identity {
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let key = rcgen::KeyPair::generate().expect("key");
        let certificate = params.signed_by(&key, &self.issuer).expect("certificate");
        Identity::from_pem(certificate.pem(), key.serialize_pem())
    }
}

fn tls_config(tls: TlsSettings) -> EndpointConfig {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = match tls.identity {
        Some(_) => [Protocol::Tls, Protocol::Wss].map(|protocol| Listen { protocol, address }).to_vec(),
        None => Vec::new(),
    };
    EndpointConfig { tls, listen, ..EndpointConfig::default() }
}

/// A server with a certificate for `name`, signed by `signer`.
async fn server(signer: &Authority, name: &str) -> Side {
    let tls = TlsSettings {
        trust: signer.trust(),
        identity: Some(signer.identity(name)),
        ..TlsSettings::default()
    };
    Side::new(tls_config(tls)).await
}

type Seen = Arc<Mutex<Vec<Refusal>>>;

async fn client(trust: Trust, identity: Option<Identity>) -> (Side, Seen) {
    let seen = Seen::default();
    let writer = Arc::clone(&seen);
    let watch = RefusalWatch::new(move |refusal| writer.lock().expect("lock").push(refusal.clone()));
    let tls = TlsSettings { trust, identity, refusals: Some(watch), ..TlsSettings::default() };
    (Side::new(tls_config(tls)).await, seen)
}

#[tokio::test]
async fn calls_over_tls_with_an_authority_of_our_own() {
    let authority = Authority::new();
    let mut b = server(&authority, "127.0.0.1").await;
    let (mut a, seen) = client(authority.trust(), Some(authority.identity("127.0.0.1"))).await;
    for target in [b.uri(Protocol::Tls), format!("sips:bob@{}", b.address(Protocol::Tls))] {
        let headers = whole_call(&mut a, &mut b, &target).await;
        assert!(header(&headers, "Via").starts_with("SIP/2.0/TLS"));
    }
    let target = b.uri(Protocol::Wss);
    let headers = whole_call(&mut a, &mut b, &target).await;
    assert!(header(&headers, "Via").starts_with("SIP/2.0/WSS"));
    assert_eq!(*seen.lock().expect("lock"), []);
}

#[tokio::test]
async fn a_certificate_of_a_stranger_or_for_another_name_is_refused_and_seen() {
    let (ours, stranger) = (Authority::new(), Authority::named("stranger"));
    let cases = [
        (server(&stranger, "127.0.0.1").await, "UnknownIssuer"),
        (server(&ours, "other.example").await, "not valid for name"),
    ];
    for (b, why) in cases {
        let (mut a, seen) = client(ours.trust(), None).await;
        a.call(&b.uri(Protocol::Tls), "v=0\r\n");
        let Event::Failed { cause: FailureCause::Transport, reason, .. } = a.next().await else {
            panic!("no end")
        };
        assert!(reason.contains("certificate"), "{reason}");
        let seen = seen.lock().expect("lock");
        let [refusal] = &seen[..] else { panic!("seen once: {seen:?}") };
        assert_eq!(refusal.name.as_deref(), Some("127.0.0.1"));
        assert!(refusal.reason.contains(why), "{}", refusal.reason);
        assert_eq!(refusal.chain.len(), 1);
    }
}

#[tokio::test]
async fn the_name_in_the_uri_is_what_the_certificate_must_bear() {
    let authority = Authority::new();
    let mut b = server(&authority, "localhost").await;
    let (mut a, _) = client(authority.trust(), Some(authority.identity("localhost"))).await;
    let target = format!("sip:bob@localhost:{};transport=tls", b.address(Protocol::Tls).port());
    a.call(&target, "v=0\r\n");
    let (id, _) = b.called().await;
    b.endpoint.send(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
    assert!(matches!(a.next().await, Event::Failed { status: 486, .. }));
}

#[tokio::test]
async fn another_name_can_be_asked_of_the_servers_of_a_host() {
    let authority = Authority::new();
    let mut b = server(&authority, "sip.example.org").await;
    let (mut a, seen) = client(authority.trust(), None).await;
    let target = b.uri(Protocol::Tls);
    let host = || Host::parse("127.0.0.1").expect("host");
    let name = Host::parse("sip.example.org").expect("host");
    a.endpoint.send(Command::CertificateName { host: host(), name: Some(name) });
    a.call(&target, "v=0\r\n");
    let (id, _) = b.called().await;
    b.endpoint.send(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
    assert!(matches!(a.next().await, Event::Failed { status: 486, .. }));
    // Taken back, the connection to that name serves nobody else.
    a.endpoint.send(Command::CertificateName { host: host(), name: None });
    a.call(&target, "v=0\r\n");
    assert!(matches!(a.next().await, Event::Failed { cause: FailureCause::Transport, .. }));
    assert_eq!(seen.lock().expect("lock").first().and_then(|r| r.name.clone()).as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn clients_must_show_a_certificate_where_it_is_required() {
    let (authority, stranger) = (Authority::new(), Authority::named("stranger"));
    let seen = Seen::default();
    let writer = Arc::clone(&seen);
    let tls = TlsSettings {
        trust: authority.trust(),
        identity: Some(authority.identity("127.0.0.1")),
        require_client_certificate: true,
        refusals: Some(RefusalWatch::new(move |r| writer.lock().expect("lock").push(r.clone()))),
    };
    let mut b = Side::new(tls_config(tls)).await;
    let (known, _) = client(authority.trust(), Some(authority.identity("127.0.0.1"))).await;
    known.call(&b.uri(Protocol::Tls), "v=0\r\n");
    b.called().await;
    for identity in [None, Some(stranger.identity("127.0.0.1"))] {
        let (mut unknown, _) = client(authority.trust(), identity).await;
        unknown.call(&b.uri(Protocol::Tls), "v=0\r\n");
        assert!(matches!(unknown.next().await, Event::Failed { cause: FailureCause::Transport, .. }));
    }
    let seen = seen.lock().expect("lock");
    let [refusal] = &seen[..] else { panic!("the stranger's is seen: {seen:?}") };
    assert_eq!(refusal.name, None);
    assert!(refusal.reason.contains("UnknownIssuer"), "{}", refusal.reason);
}

#[tokio::test]
async fn a_tls_listener_without_certificate_says_what_is_missing() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listen = vec![Listen { protocol: Protocol::Tls, address }];
    let error: BindError = Endpoint::bind(EndpointConfig { listen, ..EndpointConfig::default() })
        .await
        .expect_err("no certificate");
    let text = error.to_string();
    assert!(text.contains("TLS") && text.contains("certificate"), "{text}");
}

#[test]
fn a_private_key_is_never_printed() {
    let identity = Identity::from_pem("chain", "-----BEGIN SECRET-----");
    let config = EndpointConfig {
        tls: TlsSettings { identity: Some(identity), ..TlsSettings::default() },
        ..EndpointConfig::default()
    };
    assert!(!format!("{config:?}").contains("SECRET"));
}
