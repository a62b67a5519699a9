//! Registrations and calls through kamailio, a registrar and proxy of others,
//! over UDP, TCP, TLS, WebSocket and secure WebSocket. Debian packages kamailio,
//! kamailio-tls-modules and kamailio-websocket-modules; `./run check` installs
//! them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, InviteId};
use fs_sip::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use fs_sip::transport::{Protocol, TlsSettings, Trust};
use fs_sip::wire::auth::{Credentials, Secret};
use fs_sip::wire::{NameAddr, Uri};
use tokio::sync::mpsc::UnboundedReceiver;

const LIMIT: Duration = Duration::from_secs(20);
const DOMAIN: &str = "fs.invalid";
const ID: RegistrationId = RegistrationId(1);

/// Registrar and forking proxy that asks for the password "secret" with the
/// words `@...@` replaced.
const CONFIG: &str = r#"#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
tcp_children=2
auto_aliases=no
tcp_accept_no_cl=yes
enable_tls=yes
alias="fs.invalid"
listen=udp:127.0.0.1:@PLAIN@
listen=tcp:127.0.0.1:@PLAIN@
listen=tls:127.0.0.1:@SECURE@
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "nathelper.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "private_key", "@FOLDER@/key.pem")
modparam("tls", "certificate", "@FOLDER@/certificate.pem")
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")
modparam("registrar", "min_expires", 60)
modparam("registrar", "append_branches", 1)
modparam("auth", "algorithm", "@ALGORITHM@")
modparam("rr", "enable_full_lr", 1)
modparam("rr", "enable_double_rr", 1)
modparam("tm", "fr_timer", 5000)

event_route[xhttp:request] {
    set_reply_close();
    set_reply_no_connect();
    if ($hdr(Upgrade) =~ "websocket" && ws_handle_handshake()) exit;
    xhttp_reply("404", "Not Found", "text/plain", "");
}

onreply_route {
    if (proto==WS || proto==WSS) add_contact_alias();
}

request_route {
    # Over WebSocket a contact stands for its connection (RFC 7118 section 5).
    if (proto==WS || proto==WSS) {
        force_rport();
        if (is_method("REGISTER")) fix_nated_register();
        else add_contact_alias();
    }
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (has_totag()) {
        if (loose_route()) {
            if ($du == "") handle_ruri_alias();
            t_relay();
            exit;
        }
        if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
        sl_send_reply("404", "Not here"); exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("fs.invalid", "secret", "0")) { www_challenge("fs.invalid", "1"); exit; }
        if (!save("location")) sl_reply_error();
        exit;
    }
    if (is_method("INVITE")) {
        if (!pv_proxy_authenticate("fs.invalid", "secret", "0")) { proxy_challenge("fs.invalid", "1"); exit; }
        consume_credentials();
    }
    remove_hf("Route");
    if (is_method("INVITE")) record_route();
    if (uri==myself && !lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    if (!t_relay()) sl_reply_error();
}
"#;

/// A free port for both UDP and TCP.
fn free_port() -> u16 {
    for _ in 0..50 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = tcp.local_addr().expect("its address").port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free for UDP and TCP");
}

struct Kamailio {
    child: Child,
    folder: PathBuf,
    plain: u16,
    secure: u16,
    authority: Vec<u8>,
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its main process ends the others when it is asked to.
        let asked = Process::new("kill").arg(self.child.id().to_string()).status();
        if asked.is_ok_and(|s| s.success()) {
            let _ = self.child.wait();
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl Kamailio {
    async fn start(algorithm: &str) -> Self {
        let (plain, secure) = (free_port(), free_port());
        let folder = std::env::temp_dir().join(format!("fs-sip-kamailio-{}-{plain}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let key = rcgen::KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("certificate").pem();
        fs::write(folder.join("key.pem"), key.serialize_pem()).expect("written");
        fs::write(folder.join("certificate.pem"), &certificate).expect("written");
        let config = CONFIG
            .replace("@PLAIN@", &plain.to_string())
            .replace("@SECURE@", &secure.to_string())
            .replace("@ALGORITHM@", algorithm)
            .replace("@FOLDER@", folder.to_str().expect("UTF-8"));
        fs::write(folder.join("kamailio.cfg"), config).expect("written");
        let log = File::create(folder.join("log")).expect("a log");
        let child = Process::new("/usr/sbin/kamailio")
            .args(["-DD", "-E", "-m", "16", "-M", "4", "-f", "kamailio.cfg", "-Y", ".", "-w", "."])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("kamailio starts (Debian packages kamailio and kamailio-tls-modules)");
        let mut this = Self { child, folder, plain, secure, authority: certificate.into_bytes() };
        this.wait().await;
        this
    }

    async fn wait(&mut self) {
        for _ in 0..200 {
            let ended = self.child.try_wait().expect("its state");
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(ended.is_none(), "kamailio ended: {ended:?}\n{log}");
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.secure)).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("kamailio does not listen; see {}", self.folder.display());
    }

    fn proxy(&self, protocol: Protocol) -> Uri {
        let port = if protocol.is_secure() { self.secure } else { self.plain };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Uri::parse(&format!("sip:{address};transport={}", protocol.parameter())).expect("URI")
    }

    /// A phone that knows `password`.
    async fn phone(&self, user: &'static str, password: &str) -> Phone {
        let config = EndpointConfig {
            contact_user: user.to_owned(),
            credentials: vec![Credentials {
                realm: Some(DOMAIN.to_owned()),
                username: user.to_owned(),
                password: Secret::new(password),
            }],
            tls: TlsSettings { trust: Trust::Authorities(self.authority.clone()), ..TlsSettings::default() },
            ..EndpointConfig::default()
        };
        let (endpoint, events) = Endpoint::bind(config).await.expect("a port");
        Phone { endpoint, events, user }
    }

    /// A phone that is registered.
    async fn registered(&self, user: &'static str, protocol: Protocol) -> Phone {
        let mut phone = self.phone(user, "secret").await;
        phone.register(self.proxy(protocol), 600);
        match phone.registration().await {
            RegistrationEvent::Registered { expires: 600, .. } => phone,
            other => panic!("{user} over {protocol}: {other:?}"),
        }
    }
}

struct Phone {
    endpoint: Endpoint,
    events: UnboundedReceiver<Event>,
    user: &'static str,
}

fn address_of(user: &str) -> NameAddr {
    NameAddr::parse(&format!("<sip:{user}@{DOMAIN}>")).expect("address")
}

impl Phone {
    fn register(&self, proxy: Uri, expires: u32) {
        let settings = RegistrationSettings {
            outbound_proxy: Some(proxy),
            expires,
            ..RegistrationSettings::new(address_of(self.user))
        };
        self.endpoint.send(Command::Register { id: ID, settings });
    }

    async fn next(&mut self) -> Event {
        let event = tokio::time::timeout(LIMIT, self.events.recv()).await;
        event.unwrap_or_else(|_| panic!("{} waits in vain", self.user)).expect("the endpoint lives")
    }

    async fn registration(&mut self) -> RegistrationEvent {
        match self.next().await {
            Event::Registration { event, .. } => event,
            other => panic!("unexpected: {other:?}"),
        }
    }

    fn call(&self, user: &str, proxy: &Uri) -> InviteId {
        let id = self.endpoint.new_invite_id();
        self.endpoint.send(Command::Invite {
            id,
            target: address_of(user).uri,
            from: address_of(self.user),
            to: None,
            headers: vec![("Route".to_owned(), format!("<{proxy};lr>"))],
            body: Some(Body::sdp("v=0\r\n")),
        });
        id
    }

    async fn called(&mut self) -> InviteId {
        match self.next().await {
            Event::Incoming { id, .. } => id,
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// The next event that is no provisional answer.
    async fn outcome(&mut self) -> Event {
        loop {
            match self.next().await {
                Event::Progress { .. } => {}
                event => return event,
            }
        }
    }

    fn accept(&self, id: InviteId) {
        self.endpoint.send(Command::Accept { id, body: Some(Body::sdp("v=0\r\n")) });
    }

    fn hang_up(&self, id: InviteId) {
        self.endpoint.send(Command::Hangup { id, headers: Vec::new() });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_and_right_passwords_over_every_transport() {
    for algorithm in ["MD5", "SHA-256"] {
        let kamailio = Kamailio::start(algorithm).await;
        for protocol in Protocol::all() {
            let mut stranger = kamailio.phone("mallory", "wrong").await;
            stranger.register(kamailio.proxy(protocol), 600);
            let event = stranger.registration().await;
            assert!(
                matches!(event, RegistrationEvent::Failed { status: 401, .. }),
                "{algorithm} {protocol}: {event:?}"
            );
            let mut phone = kamailio.registered("alice", protocol).await;
            phone.endpoint.send(Command::Unregister { id: ID });
            assert_eq!(phone.registration().await, RegistrationEvent::Ended, "{algorithm} {protocol}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_brief_an_interval_is_made_longer() {
    let kamailio = Kamailio::start("MD5").await;
    let mut phone = kamailio.phone("alice", "secret").await;
    phone.register(kamailio.proxy(Protocol::Udp), 30);
    let event = phone.registration().await;
    assert!(matches!(event, RegistrationEvent::Registered { expires: 60, .. }), "{event:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_through_it_over_every_pair_of_transports() {
    let kamailio = Kamailio::start("MD5").await;
    for theirs in Protocol::all() {
        let mut bob = kamailio.registered("bob", theirs).await;
        for ours in Protocol::all() {
            let mut alice = kamailio.phone("alice", "secret").await;
            let id = alice.call("bob", &kamailio.proxy(ours));
            let called = bob.called().await;
            bob.accept(called);
            let event = alice.outcome().await;
            assert!(
                matches!(event, Event::Established { id: got, .. } if got == id),
                "{ours} to {theirs}: {event:?}"
            );
            let event = bob.next().await;
            assert!(matches!(event, Event::Confirmed { .. }), "{ours} to {theirs}: {event:?}");
            bob.hang_up(called);
            let event = alice.outcome().await;
            assert!(
                matches!(event, Event::Terminated { by_peer: true, .. }),
                "{ours} to {theirs}: {event:?}"
            );
            let event = bob.next().await;
            assert!(
                matches!(event, Event::Terminated { by_peer: false, .. }),
                "{ours} to {theirs}: {event:?}"
            );
        }
        bob.endpoint.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_to_two_contacts_ends_with_one_call() {
    let kamailio = Kamailio::start("MD5").await;
    let mut first = kamailio.registered("bob", Protocol::Udp).await;
    let mut second = kamailio.registered("bob", Protocol::Tcp).await;
    let mut alice = kamailio.phone("alice", "secret").await;
    let id = alice.call("bob", &kamailio.proxy(Protocol::Udp));
    let (one, other) = (first.called().await, second.called().await);
    for (phone, call) in [(&first, one), (&second, other)] {
        phone.endpoint.send(Command::Provisional { id: call, status: 180, reason: None, body: None });
    }
    second.accept(other);
    let event = alice.outcome().await;
    assert!(matches!(event, Event::Established { id: got, .. } if got == id), "{event:?}");
    assert!(matches!(first.next().await, Event::Cancelled { id } if id == one));
    assert!(matches!(second.next().await, Event::Confirmed { .. }));
    alice.hang_up(id);
    assert!(matches!(second.next().await, Event::Terminated { by_peer: true, .. }));
    assert!(matches!(alice.outcome().await, Event::Terminated { by_peer: false, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_that_name() {
    let kamailio = Kamailio::start("MD5").await;
    let mut alice = kamailio.phone("alice", "secret").await;
    alice.call("nobody", &kamailio.proxy(Protocol::Tcp));
    assert!(matches!(alice.outcome().await, Event::Failed { status: 404, .. }));
}
