//! A kamailio of our own on loopback, and phones of ours that know its
//! passwords. Debian packages kamailio, kamailio-tls-modules and
//! kamailio-websocket-modules.
#![allow(dead_code)] // each test binary uses its part

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

pub const LIMIT: Duration = Duration::from_secs(20);
pub const DOMAIN: &str = "fs.invalid";
pub const ID: RegistrationId = RegistrationId(1);

/// Registrar and forking proxy that asks for the password "secret" with the
/// words `@...@` replaced.
pub const CONFIG: &str = r#"#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
tcp_children=2
auto_aliases=no
exit_timeout=2
tcp_accept_no_cl=yes
enable_tls=yes
alias="fs.invalid"
alias="fs.test"
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
    if (proto==WS || proto==WSS || $hdr(Server) =~ "baresip") add_contact_alias();
}

request_route {
    # Over WebSocket a contact stands for its connection (RFC 7118 section 5).
    # baresip names a TLS port where it does not listen.
    if (proto==WS || proto==WSS || (proto==TLS && $ua =~ "baresip")) {
        force_rport();
        if (is_method("REGISTER")) fix_nated_register();
        else add_contact_alias();
    }
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (has_totag()) {
        if (loose_route()) {
            if (is_gruu()) lookup("location");
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
pub fn free_port() -> u16 {
    for _ in 0..50 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = tcp.local_addr().expect("its address").port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free for UDP and TCP");
}

pub struct Kamailio {
    child: Child,
    pub folder: PathBuf,
    pub plain: u16,
    pub secure: u16,
    pub authority: Vec<u8>,
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
    pub async fn start(algorithm: &str) -> Self {
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

    pub async fn wait(&mut self) {
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

    pub fn proxy(&self, protocol: Protocol) -> Uri {
        let port = if protocol.is_secure() { self.secure } else { self.plain };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Uri::parse(&format!("sip:{address};transport={}", protocol.parameter())).expect("URI")
    }

    /// A phone that knows `password`.
    pub async fn phone(&self, user: &'static str, password: &str) -> Phone {
        self.any_phone(user, password, EndpointConfig::default()).await
    }

    /// A phone that knows the password and takes messages.
    pub async fn phone_that_reads(&self, user: &'static str) -> Phone {
        self.any_phone(user, "secret", EndpointConfig { messages: true, ..EndpointConfig::default() }).await
    }

    /// A phone with further settings.
    pub async fn any_phone(&self, user: &'static str, password: &str, rest: EndpointConfig) -> Phone {
        let config = EndpointConfig {
            contact_user: user.to_owned(),
            credentials: vec![Credentials {
                realm: Some(DOMAIN.to_owned()),
                username: user.to_owned(),
                password: Secret::new(password),
            }],
            tls: TlsSettings { trust: Trust::Authorities(self.authority.clone()), ..TlsSettings::default() },
            ..rest
        };
        let (endpoint, events) = Endpoint::bind(config).await.expect("a port");
        Phone { endpoint, events, user }
    }

    /// A phone that is registered.
    pub async fn registered(&self, user: &'static str, protocol: Protocol) -> Phone {
        let mut phone = self.phone(user, "secret").await;
        phone.register(self.proxy(protocol), 600);
        match phone.registration().await {
            RegistrationEvent::Registered { expires: 600, .. } => phone,
            other => panic!("{user} over {protocol}: {other:?}"),
        }
    }
}

pub struct Phone {
    pub endpoint: Endpoint,
    pub events: UnboundedReceiver<Event>,
    pub user: &'static str,
}

pub fn address_of(user: &str) -> NameAddr {
    NameAddr::parse(&format!("<sip:{user}@{DOMAIN}>")).expect("address")
}

impl Phone {
    pub fn register(&self, proxy: Uri, expires: u32) {
        let settings = RegistrationSettings {
            outbound_proxy: Some(proxy),
            expires,
            ..RegistrationSettings::new(address_of(self.user))
        };
        self.endpoint.send(Command::Register { id: ID, settings });
    }

    pub async fn next(&mut self) -> Event {
        let event = tokio::time::timeout(LIMIT, self.events.recv()).await;
        event.unwrap_or_else(|_| panic!("{} waits in vain", self.user)).expect("the endpoint lives")
    }

    pub async fn registration(&mut self) -> RegistrationEvent {
        match self.next().await {
            Event::Registration { event, .. } => event,
            other => panic!("unexpected: {other:?}"),
        }
    }

    pub fn call(&self, user: &str, proxy: &Uri) -> InviteId {
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

    pub async fn called(&mut self) -> InviteId {
        match self.next().await {
            Event::Incoming { id, .. } => id,
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// The next event that is no provisional answer.
    pub async fn outcome(&mut self) -> Event {
        loop {
            match self.next().await {
                Event::Progress { .. } => {}
                event => return event,
            }
        }
    }

    pub fn accept(&self, id: InviteId) {
        self.endpoint.send(Command::Accept { id, body: Some(Body::sdp("v=0\r\n")) });
    }

    pub fn hang_up(&self, id: InviteId) {
        self.endpoint.send(Command::Hangup { id, headers: Vec::new() });
    }
}
