//! Accounts in virtual time, with a scripted registrar (9).

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_sip::account::{AccountError, AccountEvent, AccountManager, AccountNotification, AccountSettings};
use fs_sip::endpoint::Command;
use fs_sip::settings::{Group, MemoryStorage, Storage, StorageError, Value};
use fs_sip::transport::memory::Weather;
use fs_sip::wire::auth::Secret;
use fs_sip::wire::headers::{Contact, name};
use fs_sip::wire::{Host, Message, Method, Request, Response, Uri};
use support::World;

const ALICE: &str = "alice@10.0.0.9";
const BOB: &str = "bob@10.0.0.9";

fn settings(password: &str) -> AccountSettings {
    AccountSettings { enabled: true, password: Secret::new(password), ..AccountSettings::default() }
}

/// A manager beside endpoint 1 of a world.
struct Desk {
    world: World,
    manager: AccountManager,
    told: Vec<AccountEvent>,
    seen: usize,
    began: Instant,
}

impl Desk {
    fn new(storage: Arc<dyn Storage>) -> Self {
        let manager = AccountManager::load(storage, [3; 32]).expect("settings");
        let world = World::new(1, Weather::default(), 1);
        Self { world, manager, told: Vec::new(), seen: 0, began: Instant::now() }
    }

    fn now(&self) -> Instant {
        self.began + self.world.elapsed()
    }

    fn pump(&mut self) {
        loop {
            for event in self.world.new_events(1) {
                assert!(self.manager.handle_event(&event), "{event:?}");
            }
            let now = self.now();
            self.manager.handle_timeout(now);
            while let Some(event) = self.manager.poll_event() {
                self.told.push(event);
            }
            let mut any = false;
            while let Some(command) = self.manager.poll_command() {
                self.world.command(1, command);
                any = true;
            }
            if !any {
                return;
            }
        }
    }

    fn run(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / 50 {
            self.pump();
            self.world.run_for(Duration::from_millis(50));
        }
        self.pump();
    }

    fn request(&mut self, method: &Method) -> Request {
        for _ in 0..100_000 {
            let all = self.world.raw_requests(9);
            let new = all.iter().enumerate().skip(self.seen).find(|(_, (_, r))| r.method == *method);
            if let Some((index, (_, request))) = new {
                self.seen = index + 1;
                return request.clone();
            }
            self.run(Duration::from_millis(50));
        }
        panic!("no {method}; told {:?}", self.told);
    }

    fn reply(&mut self, request: &Request, status: u16, headers: &[(&str, &str)]) {
        let mut response = Response::to_request(request, status, "server");
        for (name, value) in headers {
            response.headers.push(name, *value);
        }
        self.world.send(9, 1, &Message::Response(response));
        self.run(Duration::from_millis(100));
    }

    /// Notifications of this account since the last look.
    fn notified(&mut self, id: &str) -> Vec<AccountNotification> {
        let all = std::mem::take(&mut self.told).into_iter();
        all.filter_map(|event| match event {
            AccountEvent::Account { account, notification } if account == id => Some(notification),
            _ => None,
        })
        .collect()
    }
}

fn contact(request: &Request) -> String {
    let contact = request.headers.typed::<Contact>().expect("contact").expect("there");
    contact.address().expect("an address").uri.to_string()
}

#[test]
fn an_account_from_its_start_to_its_end() {
    let mut d = Desk::new(Arc::new(MemoryStorage::new()));
    let now = d.now();
    d.manager.add_account(now, ALICE, settings("secret")).expect("added");
    d.run(Duration::from_secs(1));
    assert_eq!(d.world.raw_requests(9).len(), 0, "not started");
    d.manager.start(now);
    let first = d.request(&Method::Register);
    assert_eq!(first.from().expect("From").uri.to_string(), format!("sip:{ALICE}"));
    assert_eq!(first.headers.text(name::EXPIRES).as_deref(), Some("600"));
    let ours = contact(&first);
    let user = Uri::parse(&ours).expect("URI").user().expect("a user").into_owned();
    assert!(user.len() == 8 && user.bytes().all(|b| b.is_ascii_digit()), "{user}");
    assert!(first.headers.text(name::CONTACT).expect("contact").contains("+sip.instance=\"<urn:uuid:"));
    d.reply(&first, 401, &[("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"")]);
    let second = d.request(&Method::Register);
    let proof = second.headers.text(name::AUTHORIZATION).expect("a proof").into_owned();
    assert!(proof.contains("username=\"alice\""), "{proof}");
    d.reply(&second, 200, &[("Contact", &format!("<{ours}>;expires=100"))]);
    let told = std::mem::take(&mut d.told);
    let account = |notification| AccountEvent::Account { account: ALICE.to_owned(), notification };
    let before = [
        AccountEvent::DidAddAccount { account: ALICE.to_owned() },
        AccountEvent::DidChangeDefaultAccount { old: None, account: Some(ALICE.to_owned()) },
        AccountEvent::WillStart,
        account(AccountNotification::WillActivate),
        account(AccountNotification::DidActivate),
        AccountEvent::DidStart,
        account(AccountNotification::WillRegister),
    ];
    assert_eq!(told[..7], before);
    assert!(
        matches!(
            &told[7..],
            [
                AccountEvent::Account {
                    notification: AccountNotification::RegistrationGotAnswer {
                        code: 200,
                        registrar: Some(_),
                        ..
                    },
                    ..
                },
                AccountEvent::Account {
                    notification: AccountNotification::RegistrationDidSucceed { expires: 100, .. },
                    ..
                },
            ]
        ),
        "{told:?}"
    );
    assert!(d.manager.is_registered(ALICE));
    let _ = d.request(&Method::Register);
    assert_eq!(d.notified(ALICE), [AccountNotification::RegistrationWillRefresh]);
    let now = d.now();
    d.manager.stop(now);
    d.run(Duration::from_secs(1));
    let last = d.request(&Method::Register);
    assert_eq!(last.headers.text(name::EXPIRES).as_deref(), Some("0"));
    d.reply(&last, 200, &[]);
    assert_eq!(d.told.last(), Some(&AccountEvent::DidEnd), "{:?}", d.told);
    let mut told = d.notified(ALICE);
    assert!(matches!(told.remove(1), AccountNotification::RegistrationGotAnswer { code: 200, .. }));
    let end = [
        AccountNotification::WillDeactivate,
        AccountNotification::RegistrationDidEnd,
        AccountNotification::DidDeactivate,
    ];
    assert_eq!(told, end);
}

#[test]
fn failures_in_the_words_and_times_of_sip_simple() {
    for (status, error, from, to) in [
        (Some(403), "No more routes to try", 60, 120),
        (Some(401), "Authentication failed", 60, 120),
        (Some(423), "Interval too short", 60, 120),
        (None, "Request timeout", 15, 40),
    ] {
        let mut d = Desk::new(Arc::new(MemoryStorage::new()));
        let now = d.now();
        d.manager.start(now);
        d.manager.add_account(now, ALICE, settings("wrong")).expect("added");
        let first = d.request(&Method::Register);
        let challenge = [("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"")];
        match status {
            Some(401) => {
                d.reply(&first, 401, &challenge);
                let second = d.request(&Method::Register);
                d.reply(&second, 401, &challenge);
            }
            Some(status) => d.reply(&first, status, &[]),
            None => d.run(Duration::from_secs(40)),
        }
        let failed = d.notified(ALICE).into_iter().find_map(|n| match n {
            AccountNotification::RegistrationDidFail { error, retry_after, .. } => {
                Some((error, retry_after.as_secs()))
            }
            _ => None,
        });
        let (said, seconds) = failed.expect("it fails");
        assert_eq!(said, error);
        assert!((from..=to).contains(&seconds), "{status:?}: {seconds}");
    }
    let mut d = Desk::new(Arc::new(MemoryStorage::new()));
    let now = d.now();
    d.manager.start(now);
    d.manager.add_account(now, "alice@nowhere.invalid", settings("x")).expect("added");
    d.run(Duration::from_secs(4));
    let failed: Vec<_> = d
        .notified("alice@nowhere.invalid")
        .into_iter()
        .filter_map(|n| match n {
            AccountNotification::RegistrationDidFail { retry_after, .. } => Some(retry_after.as_secs()),
            _ => None,
        })
        .collect();
    assert_eq!(failed, [1, 2, 4], "doubling");
}

#[test]
fn two_accounts_of_one_realm_prove_each_their_own() {
    let mut d = Desk::new(Arc::new(MemoryStorage::new()));
    let now = d.now();
    d.manager.start(now);
    for (id, name) in [(ALICE, "alice"), (BOB, "robert")] {
        let own = AccountSettings { username: Some(name.to_owned()), ..settings("secret") };
        d.manager.add_account(now, id, own).expect("added");
        let first = d.request(&Method::Register);
        d.reply(&first, 401, &[("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"")]);
        let second = d.request(&Method::Register);
        let proof = second.headers.text(name::AUTHORIZATION).expect("a proof").into_owned();
        assert!(proof.contains(&format!("username=\"{name}\"")), "{proof}");
        assert!(proof.contains("nc=00000001"), "{proof}");
        d.reply(&second, 200, &[("Expires", "600")]);
        assert!(d.manager.is_registered(id));
    }
    let user = |d: &Desk, user: &str| {
        let uri = Uri::parse(&format!("sip:{user}")).expect("URI");
        d.manager.find_account(&uri).map(str::to_owned)
    };
    assert_eq!(user(&d, BOB).as_deref(), Some(BOB));
    assert_eq!(user(&d, "bob@192.0.2.7:5080").as_deref(), Some(BOB), "by the user part alone");
    assert_eq!(user(&d, "carol@10.0.0.9"), None);
    let registered = d.world.raw_requests(9).pop().expect("a REGISTER").1;
    assert_eq!(d.manager.find_account(&Uri::parse(&contact(&registered)).expect("URI")), Some(BOB));
}

#[test]
fn a_change_is_stored_and_told_to_the_registrar() {
    let storage = Arc::new(MemoryStorage::new());
    let mut d = Desk::new(storage.clone());
    let now = d.now();
    d.manager.start(now);
    d.manager.add_account(now, ALICE, settings("secret")).expect("added");
    let first = d.request(&Method::Register);
    d.reply(&first, 200, &[("Expires", "600")]);
    d.manager
        .change_account(now, ALICE, AccountSettings { register_interval: 300, ..settings("secret") })
        .expect("changed");
    let second = d.request(&Method::Register);
    assert_eq!(second.headers.text(name::EXPIRES).as_deref(), Some("300"));
    assert_eq!(second.call_id(), first.call_id(), "RFC 3261 section 10.2");
    assert!(second.cseq().expect("CSeq").number > first.cseq().expect("CSeq").number);
    d.reply(&second, 200, &[("Expires", "300")]);
    let off = AccountSettings { enabled: false, ..d.manager.settings(ALICE).expect("settings").clone() };
    let later = d.now();
    d.manager.change_account(later, ALICE, off).expect("changed");
    let third = d.request(&Method::Register);
    assert_eq!(third.headers.text(name::EXPIRES).as_deref(), Some("0"));
    // Nobody answers: bounded.
    d.told.clear();
    d.run(Duration::from_secs(3));
    assert_eq!(d.notified(ALICE).last(), Some(&AccountNotification::DidDeactivate));
    assert_eq!(d.manager.default_account(), None);
    // Another program finds it as it was left.
    let other = AccountManager::load(storage, [4; 32]).expect("settings");
    assert_eq!(other.accounts().collect::<Vec<_>>(), [ALICE]);
    let stored = other.settings(ALICE).expect("settings");
    assert_eq!((stored.enabled, stored.register_interval), (false, 300));
    let later = d.now();
    d.manager.remove_account(later, ALICE).expect("removed");
    d.pump();
    assert!(d.told.contains(&AccountEvent::DidRemoveAccount { account: ALICE.to_owned() }));
    assert!(matches!(d.manager.settings(ALICE), Err(AccountError::Unknown(_))));
}

/// What the endpoint is told about names in certificates.
fn names(manager: &mut AccountManager) -> Vec<(String, Option<String>)> {
    let commands = std::iter::from_fn(|| manager.poll_command());
    let told = commands.filter_map(|command| match command {
        Command::CertificateName { host, name } => {
            Some((host.to_string(), name.map(|name| name.to_string())))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn the_name_in_the_certificates_of_an_account() {
    let mut manager = AccountManager::load(Arc::new(MemoryStorage::new()), [3; 32]).expect("settings");
    let now = Instant::now();
    let to = |host: &str, name: Option<&str>| (host.to_owned(), name.map(str::to_owned));
    let named = |name: &str| Some(Host::parse(name).expect("host"));
    let mut wanted = AccountSettings { tls_name: named("sip.example"), ..settings("secret") };
    manager.start(now);
    manager.add_account(now, ALICE, wanted.clone()).expect("added");
    let domain = ALICE.split_once('@').expect("a domain").1;
    assert_eq!(names(&mut manager), [to(domain, Some("sip.example"))]);
    wanted.display_name = Some("Alice".to_owned());
    manager.change_account(now, ALICE, wanted.clone()).expect("changed");
    assert_eq!(names(&mut manager), [], "what is known is not told again");
    wanted.outbound_proxy = Some(Uri::parse("sip:proxy.example;transport=tls").expect("URI"));
    manager.change_account(now, ALICE, wanted.clone()).expect("changed");
    assert_eq!(names(&mut manager), [to(domain, None), to("proxy.example", Some("sip.example"))]);
    wanted.enabled = false;
    manager.change_account(now, ALICE, wanted).expect("changed");
    manager.handle_timeout(now + Duration::from_secs(3));
    assert_eq!(names(&mut manager), [to("proxy.example", None)]);
}

#[test]
fn a_mail_box_is_asked() {
    let mut d = Desk::new(Arc::new(MemoryStorage::new()));
    let now = d.now();
    d.manager.start(now);
    let asking = AccountSettings { register: false, message_summary: true, ..settings("secret") };
    d.manager.add_account(now, ALICE, asking).expect("added");
    let subscribe = d.request(&Method::Subscribe);
    assert_eq!(subscribe.headers.text(name::EVENT).as_deref(), Some("message-summary"));
    d.reply(&subscribe, 200, &[("Expires", "600"), ("Contact", "<sip:10.0.0.9>")]);
    let body = "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n";
    let (from, to) = (subscribe.to().expect("To").with_tag("server"), subscribe.from().expect("From"));
    d.world.send_text(9, 1, &format!(
        "NOTIFY sip:user@10.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKn\nFrom: {from}\nTo: {to}\n\
         Call-ID: {}\nCSeq: 1 NOTIFY\nContact: <sip:10.0.0.9>\nMax-Forwards: 70\nEvent: message-summary\n\
         Subscription-State: active;expires=600\nContent-Type: application/simple-message-summary\n\n{body}",
        subscribe.call_id().expect("Call-ID"),
    ));
    d.run(Duration::from_secs(1));
    let summary = d.manager.message_summary(ALICE).expect("told");
    assert_eq!((summary.messages_waiting, summary.summaries["voice-message"].new), (true, 2));
    assert!(matches!(d.notified(ALICE).last(), Some(AccountNotification::GotMessageSummary(_))));
}

/// A storage that can't write.
struct Full;

impl Storage for Full {
    fn load(&self) -> Result<Group, StorageError> {
        let mut tree = Group::new();
        tree.set(&["Accounts", ALICE, "enabled"], Value::Text("perhaps".to_owned()));
        tree.set(&["Accounts", "nobody", "enabled"], Value::Text("True".to_owned()));
        Ok(tree)
    }

    fn save(&self, _: &Group) -> Result<(), StorageError> {
        Err(StorageError::File("config".into(), std::io::ErrorKind::StorageFull.into()))
    }
}

#[test]
fn what_can_not_be_stored_is_not_done() {
    let mut d = Desk::new(Arc::new(Full));
    let now = d.now();
    d.pump();
    let failed: Vec<_> = d
        .told
        .iter()
        .filter_map(|e| match e {
            AccountEvent::LoadFailed(failure) => Some((failure.account.as_str(), failure.setting)),
            _ => None,
        })
        .collect();
    assert_eq!(failed, [(ALICE, "enabled"), ("nobody", "id")]);
    assert!(matches!(d.manager.add_account(now, BOB, settings("x")), Err(AccountError::Storage(_))));
    assert!(matches!(d.manager.change_account(now, ALICE, settings("x")), Err(AccountError::Storage(_))));
    assert!(matches!(d.manager.remove_account(now, ALICE), Err(AccountError::Storage(_))));
    assert_eq!(d.manager.accounts().collect::<Vec<_>>(), [ALICE]);
    assert!(!d.manager.settings(ALICE).expect("there").enabled);
    assert!(matches!(d.manager.set_default_account(ALICE), Err(AccountError::Disabled(_))));
    for id in ["", "alice", "@host", "a@", "a@b:5060", "a@b;x", "a@ b"] {
        assert!(matches!(d.manager.add_account(now, id, settings("x")), Err(AccountError::Id(_))), "{id}");
    }
    assert!(matches!(d.manager.add_account(now, ALICE, settings("x")), Err(AccountError::Exists(_))));
}

/// `CFGSettingsObjectDidChange`: first what has changed, then what follows from it.
#[test]
fn a_change_is_told_by_name() {
    let mut d = Desk::new(Arc::new(MemoryStorage::new()));
    let now = d.now();
    d.manager.start(now);
    d.manager.add_account(now, ALICE, settings("secret")).expect("added");
    let first = d.request(&Method::Register);
    d.reply(&first, 200, &[("Expires", "600")]);
    d.notified(ALICE);
    let changed = AccountSettings {
        display_name: Some("Alice".into()),
        register_interval: 300,
        password: Secret::new("other"),
        ..d.manager.settings(ALICE).expect("settings").clone()
    };
    d.manager.change_account(now, ALICE, changed.clone()).expect("changed");
    d.manager.change_account(now, ALICE, changed).expect("nothing to change");
    d.pump();
    let modified = vec!["display_name", "auth.password", "sip.register_interval"];
    let expected =
        [AccountNotification::DidChange { modified }, AccountNotification::RegistrationWillRefresh];
    assert_eq!(d.notified(ALICE), expected);
}

/// A rename is stored, and goes on with the default account, the contact and the registration.
#[test]
fn an_account_gets_another_id() {
    const CAROL: &str = "carol@10.0.0.9";
    let storage = Arc::new(MemoryStorage::new());
    let mut tree = Group::new();
    tree.set(&["Accounts", ALICE, "rtp", "note"], Value::Text("kept".into()));
    tree.set(&["Accounts", ALICE, "enabled"], Value::Text("True".into()));
    storage.save(&tree).expect("stored");
    let mut d = Desk::new(storage.clone());
    let now = d.now();
    d.manager.start(now);
    let first = d.request(&Method::Register);
    d.reply(&first, 200, &[("Expires", "600")]);
    let user =
        |request: &Request| Uri::parse(&contact(request)).expect("URI").user().expect("user").into_owned();
    d.manager.add_account(now, BOB, settings("x")).expect("added");
    let taken = d.manager.rename_account(now, ALICE, BOB);
    assert!(matches!(taken, Err(AccountError::Exists(id)) if id == BOB));
    assert!(matches!(d.manager.rename_account(now, ALICE, "carol"), Err(AccountError::Id(_))));
    assert!(matches!(d.manager.rename_account(now, "nobody@h", CAROL), Err(AccountError::Unknown(_))));
    d.run(Duration::from_millis(200));
    d.told.clear();
    d.manager.rename_account(now, ALICE, CAROL).expect("renamed");
    d.pump();
    let renamed = AccountEvent::DidRenameAccount { old: ALICE.into(), account: CAROL.into() };
    assert_eq!(d.told.first(), Some(&renamed));
    assert_eq!(d.manager.accounts().collect::<Vec<_>>(), [BOB, CAROL]);
    assert_eq!(d.manager.default_account(), Some(CAROL));
    d.run(Duration::from_millis(200));
    let registers = d.world.raw_requests(9);
    let of = |id: &str| {
        let from = |r: &Request| r.from().expect("From").uri.to_string() == format!("sip:{id}");
        registers.iter().rev().map(|(_, r)| r).find(|r| from(r)).cloned().expect("a REGISTER")
    };
    let (gone, new) = (of(ALICE), of(CAROL));
    assert_eq!(gone.headers.text(name::EXPIRES).as_deref(), Some("0"));
    assert_eq!(new.headers.text(name::EXPIRES).as_deref(), Some("600"));
    assert_eq!(user(&new), user(&first));
    d.run(Duration::from_secs(3));
    let removed = |e: &AccountEvent| matches!(e, AccountEvent::DidRemoveAccount { .. });
    assert!(!d.told.iter().any(removed), "{:?}", d.told);
    let stored = storage.load().expect("stored");
    assert_eq!(stored.text(&["Accounts", CAROL, "rtp", "note"]), Some("kept"));
    assert_eq!(stored.group(&["Accounts", ALICE]), None);
    assert_eq!(stored.text(&["SIPSimpleSettings", "default_account"]), Some(CAROL));
}
