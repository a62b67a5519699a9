//! baresip and linphonec, softphones of others, at the same kamailio as a phone
//! of ours: they register and are called, and call, over each transport they
//! have. Debian packages baresip-core and linphone-cli; `./run check` installs
//! them.

#[path = "support/kamailio.rs"]
mod support;

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fs_sip::endpoint::{Body, Command, Event, InviteId, RequestId};
use fs_sip::transport::Protocol;
use fs_sip::wire::Method;
use support::{Kamailio, Phone, address_of, free_port};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;

const WAYS: [Protocol; 3] = [Protocol::Udp, Protocol::Tcp, Protocol::Tls];
const LIMIT: Duration = Duration::from_secs(40);

/// What we offer and answer: nobody listens at its port.
fn offer() -> Body {
    Body::sdp(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n\
         a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n",
    )
}

/// A program in a folder of its own; both end with this value.
struct Softphone {
    _process: Child,
    input: ChildStdin,
    lines: mpsc::UnboundedReceiver<String>,
    folder: PathBuf,
}

impl Drop for Softphone {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl Softphone {
    fn start(folder: PathBuf, program: &str, arguments: &[&str]) -> Self {
        let mut process = tokio::process::Command::new(program)
            .args(arguments)
            .current_dir(&folder)
            .env("HOME", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let (sender, lines) = mpsc::unbounded_channel();
        let input = process.stdin.take().expect("its input");
        let (out, err) = (process.stdout.take().expect("output"), process.stderr.take().expect("output"));
        for mut reader in [
            Box::new(BufReader::new(out)) as Box<dyn tokio::io::AsyncBufRead + Send + Unpin>,
            Box::new(BufReader::new(err)),
        ] {
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut line = Vec::new();
                while reader.read_until(b'\n', &mut line).await.is_ok_and(|n| n > 0) {
                    // The test may be over.
                    let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                    line.clear();
                }
            });
        }
        Self { _process: process, input, lines, folder }
    }

    async fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("it listens");
    }

    /// Waits for a line with this text in it.
    async fn expect(&mut self, text: &str) {
        let mut seen = Vec::new();
        let wait = async {
            while let Some(line) = self.lines.recv().await {
                let found = line.contains(text);
                seen.push(line);
                if found {
                    return true;
                }
            }
            false
        };
        let found = tokio::time::timeout(LIMIT, wait).await.unwrap_or(false);
        assert!(found, "no '{text}' in {}", seen.concat());
    }
}

/// Waits until the registrar knows somebody, and OPTIONS reaches him.
async fn wait_for(phone: &mut Phone, user: &str) {
    for number in 0..50 {
        phone.endpoint.send(Command::Request {
            id: RequestId(number),
            method: Method::Options,
            target: address_of(user).uri,
            from: address_of(phone.user),
            to: None,
            headers: Vec::new(),
            body: None,
        });
        match phone.next().await {
            Event::Answered { status: 200, .. } => return,
            Event::Answered { .. } => tokio::time::sleep(Duration::from_millis(200)).await,
            other => panic!("unexpected: {other:?}"),
        }
    }
    panic!("{user} does not register");
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("fs-sip-{name}-{}-{}", std::process::id(), free_port()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// We call, and hang up.
async fn call_it(phone: &mut Phone, user: &str, kamailio: &Kamailio, way: Protocol) {
    let id = phone.endpoint.new_invite_id();
    phone.endpoint.send(Command::Invite {
        id,
        target: address_of(user).uri,
        from: address_of(phone.user),
        to: None,
        headers: vec![("Route".to_owned(), format!("<{};lr>", kamailio.proxy(way)))],
        body: Some(offer()),
    });
    let event = phone.outcome().await;
    assert!(
        matches!(&event, Event::Established { id: got, body: Some(_), .. } if *got == id),
        "{way}: {event:?}"
    );
    phone.hang_up(id);
    let event = phone.outcome().await;
    assert!(matches!(event, Event::Terminated { by_peer: false, .. }), "{way}: {event:?}");
}

/// It calls, and we hang up.
async fn be_called(phone: &mut Phone, way: Protocol) -> InviteId {
    let id = phone.called().await;
    phone.endpoint.send(Command::Accept { id, body: Some(offer()) });
    let event = phone.next().await;
    assert!(matches!(event, Event::Confirmed { .. }), "{way}: {event:?}");
    phone.hang_up(id);
    let event = phone.outcome().await;
    assert!(matches!(event, Event::Terminated { by_peer: false, .. }), "{way}: {event:?}");
    id
}

fn baresip(kamailio: &Kamailio, way: Protocol, control: u16) -> Softphone {
    let folder = folder("baresip");
    let modules = ["/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules"];
    let modules =
        modules.iter().find(|m| fs::exists(m).unwrap_or(false)).expect("Debian package baresip-core");
    let config = format!(
        "poll_method epoll\nsip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\naudio_player aubridge,dev0\n\
         audio_source aubridge,dev0\ncall_max_calls 4\nmodule_path {modules}\nmodule g711.so\nmodule aubridge.so\n\
         module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control}\n"
    );
    let uri = kamailio.proxy(way);
    let account = format!(
        "<sip:baresip@{};transport={way_name}>;auth_user=baresip;auth_pass=secret;outbound=\"{uri}\";regint=600;\
         answermode=auto\n",
        support::DOMAIN,
        way_name = way.parameter(),
    );
    fs::write(folder.join("config"), config).expect("written");
    fs::write(folder.join("accounts"), account).expect("written");
    let at = folder.to_str().expect("UTF-8").to_owned();
    Softphone::start(folder, "baresip", &["-f", &at])
}

/// Has baresip do something.
async fn command(control: u16, command: &str, parameters: &str) {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, control)).await.expect("its control");
    let text = format!("{{\"command\":\"{command}\",\"params\":\"{parameters}\",\"token\":\"t\"}}");
    socket.write_all(format!("{}:{text},", text.len()).as_bytes()).await.expect("written");
    // It answers before it lets go.
    let mut answer = [0; 1];
    let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut answer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn baresip_over_each_of_its_transports() {
    for way in WAYS {
        // A fresh one: a softphone that is ended stays registered.
        let kamailio = Kamailio::start("MD5").await;
        let control = free_port();
        let mut it = baresip(&kamailio, way, control);
        it.expect("200 OK").await;
        let mut phone = kamailio.registered("alice", way).await;
        call_it(&mut phone, "baresip", &kamailio, way).await;
        command(control, "dial", &format!("sip:alice@{}", support::DOMAIN)).await;
        be_called(&mut phone, way).await;
    }
}

fn linphone(kamailio: &Kamailio, way: Protocol) -> Softphone {
    let folder = folder("linphone");
    fs::create_dir_all(folder.join(".local/share/linphone")).expect("a folder");
    // 0 switches a transport off. Its TLS reads no addresses in certificates, so
    // the chain alone is checked.
    let port = |of| if of == way { free_port() } else { 0 };
    let authority = kamailio.folder.join("certificate.pem");
    let config = format!(
        "[sip]\nuse_ipv6=0\nsip_port={}\nsip_tcp_port={}\nsip_tls_port={}\nguess_hostname=0\nbind_address=127.0.0.1\n\
         register_only_when_network_is_up=0\nmedia_encryption=none\nverify_server_certs=1\nverify_server_cn=0\n\
         root_ca={}\ndefault_proxy=0\n\n[rtp]\naudio_rtp_port=-1\nvideo_rtp_port=-1\n\n[video]\nenabled=0\n\n\
         [misc]\nprefer_basic_chat_room=1\n\n\
         [proxy_0]\nreg_proxy=<{uri}>\nreg_route=<{uri};lr>\nreg_identity=sip:linphone@{domain}\nreg_expires=600\n\
         reg_sendregister=1\npublish=0\n\n\
         [auth_info_0]\nusername=linphone\nuserid=linphone\npasswd=secret\nrealm={domain}\ndomain={domain}\n",
        port(Protocol::Udp),
        port(Protocol::Tcp),
        port(Protocol::Tls),
        authority.display(),
        uri = kamailio.proxy(way),
        domain = support::DOMAIN,
    );
    fs::write(folder.join("linphonerc"), config).expect("written");
    Softphone::start(folder, "linphonec", &["-c", "linphonerc", "-a"])
}

#[tokio::test(flavor = "multi_thread")]
async fn linphone_over_each_of_its_transports() {
    for way in WAYS {
        // A fresh one: a softphone that is ended stays registered.
        let kamailio = Kamailio::start("MD5").await;
        let mut it = linphone(&kamailio, way);
        it.say("soundcard use files").await;
        let mut phone = kamailio.registered("alice", way).await;
        wait_for(&mut phone, "linphone").await;
        call_it(&mut phone, "linphone", &kamailio, way).await;
        it.say(&format!("call sip:alice@{}", support::DOMAIN)).await;
        be_called(&mut phone, way).await;
    }
}
