//! Every size and time bound of the signalling, with its reason.

use std::time::Duration;

/// Round-trip estimate T1 (RFC 3261 section 17.1.1.1).
pub const T1: Duration = Duration::from_millis(500);

/// Longest retransmission interval T2 of non-INVITE requests and of INVITE
/// responses (RFC 3261 section 17.1.2.2).
pub const T2: Duration = Duration::from_secs(4);

/// Longest time T4 a message stays in the network (RFC 3261 section 17.1.2.2).
pub const T4: Duration = Duration::from_secs(5);

/// A server INVITE transaction answers 100 by itself after this time
/// (RFC 3261 section 17.2.1).
pub const TRYING_AFTER: Duration = Duration::from_millis(200);

/// Timer D: how long an INVITE client transaction absorbs repeated final
/// responses over UDP; RFC 3261 section 17.1.1.2 asks for at least 32 s.
pub const TIMER_D: Duration = Duration::from_secs(32);

/// Transactions that wait for repetitions only end together, in steps of this
/// time, up to so much later than the RFC's least; not over reliable transports,
/// where they end at once.
pub const END_TOGETHER: Duration = Duration::from_millis(100);

/// Transactions at once after which a quiet endpoint gives memory back to the
/// system.
pub const BUSY: usize = 2048;

/// Longest message head (start line and headers). A UDP datagram can't be
/// longer; over streams it keeps a slow sender from filling the memory.
pub const MAX_HEAD: usize = 64 * 1024;

/// Longest body over a stream.
pub const MAX_BODY: usize = 1024 * 1024;

/// Most header values in one message, comma lists counted value by value.
pub const MAX_HEADERS: usize = 512;

/// Longest Request-URI; longer ones get 414.
pub const MAX_URI: usize = 8 * 1024;

/// Largest CSeq number (RFC 3261 section 8.1.1.5: below 2^31).
pub const MAX_CSEQ: u32 = (1 << 31) - 1;

/// Initial Max-Forwards (RFC 3261 section 8.1.1.6).
pub const MAX_FORWARDS: u8 = 70;

/// Bytes of offending text quoted in an error.
pub const EXCERPT: usize = 48;

/// Most server transactions at once; beyond it new requests get 503. At
/// 32 s of life each this allows about 3,700 requests a second.
pub const MAX_SERVER_TRANSACTIONS: usize = 120_000;

/// Broken messages that are told to the application in a second; the rest is
/// only counted.
pub const MAX_MALFORMED_EVENTS: u32 = 50;

/// Most early dialogs kept for one INVITE (a fork with more branches still
/// works, the further ones are just not tracked while early).
pub const MAX_EARLY_DIALOGS: usize = 32;

/// Branches of one INVITE whose 2xx gets ACK and BYE; further ones are dropped
/// and counted.
pub const MAX_ANSWERED_BRANCHES: usize = 32;

/// Lines of `a=crypto` read of one m-line.
pub const MAX_CRYPTO_LINES: usize = 32;

/// Lines of `a=candidate` read of one m-line; a host with several addresses,
/// a STUN and a TURN server has about twenty.
pub const MAX_ICE_CANDIDATES: usize = 64;

/// Lines of `a=extmap` read of one m-line.
pub const MAX_EXTENSIONS: usize = 32;

/// Digits that wait to be sent in one call; at 0.3 s each this is a minute.
pub const MAX_DIGITS: usize = 200;

/// Messages inside one call that wait for the answer to the one before.
pub const MAX_MESSAGES: usize = 64;

/// Header lines kept of an INVITE for the application.
pub const MAX_EVENT_HEADERS: usize = 128;

/// Most groups inside each other in a file of settings.
pub const MAX_SETTING_DEPTH: usize = 16;

/// Messages and commands that are there already and are taken one after the
/// other before the endpoint lets others run.
pub const BATCH: usize = 64;

/// Receive buffer of a UDP socket that we ask the system for (it may give
/// less): 0.2 s of 10,000 messages a second.
pub const RECEIVE_BUFFER: usize = 2 * 1024 * 1024;

/// Messages of a trace that wait for their reader; those beyond it are left
/// out.
pub const MAX_TRACED: usize = 1024;

/// How long `Endpoint::shutdown` waits for the answers to its BYE and CANCEL
/// requests before it stops without them.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(4);

/// How often one request is sent again with answers to challenges: a server
/// and some proxies in a row, and old nonces among them.
pub const MAX_AUTH_RETRIES: u8 = 6;

/// Challenges remembered, one for each realm.
pub const MAX_REALMS: usize = 64;

/// Longest time a registrar may grant or ask for, in seconds.
pub const MAX_EXPIRES: u32 = 7 * 24 * 3600;

/// How often the addresses of this machine are looked at.
pub const WATCH_TIME: Duration = Duration::from_secs(2);

/// How long the application may think about a stream that the peer wants to add: an UPDATE waits for 32 s.
pub const PROPOSAL_TIME: Duration = Duration::from_secs(30);

/// How long a call waits with an offer that another one has crossed.
pub const OFFER_AGAIN: Duration = Duration::from_millis(500);

/// How long the offer with a stream's other addresses waits for those of the other streams.
pub const OFFER_TOGETHER: Duration = Duration::from_millis(50);

/// How long a media engine may take to leave an address that is gone by itself: a quarter of a second of quiet, and the
/// answer of a STUN server.
pub const ENGINE_TIME: Duration = Duration::from_secs(3);

/// How long a registrar may be silent while there is another one to ask (SIP SIMPLE: 10 s a route).
pub const REGISTER_PATIENCE: Duration = Duration::from_secs(10);

/// The same for subscriptions and publications (SIP SIMPLE: 5 s a route).
pub const SUBSCRIBE_PATIENCE: Duration = Duration::from_secs(5);

/// Parts of one body.
pub const MAX_PARTS: usize = 16;

/// Proxies of a Path that are told.
pub const MAX_PATH: usize = 32;

/// Requests of others that wait for the application's answer at once; beyond it they get 503.
pub const MAX_ASKED: usize = 4096;

/// Calls of others that wait for the application to look at them; beyond it they get 486.
pub const MAX_WAITING_CALLS: usize = 64;

/// How long the application may take to answer a request outside calls; its sender gives up after 32 s.
pub const ASK_TIME: Duration = Duration::from_secs(20);

/// Subscriptions of others at once; beyond it they get 503.
pub const MAX_NOTIFIERS: usize = 4096;

/// Shortest subscription that others may ask for, in seconds; shorter ones get
/// 423.
pub const MIN_SUBSCRIPTION: u32 = 60;

/// Connections at once, theirs and ours; beyond it theirs are closed at once.
pub const MAX_CONNECTIONS: usize = 4096;

/// Messages that wait to be written on one connection; a peer that reads so
/// slowly that more pile up loses it.
pub const MAX_QUEUED_MESSAGES: usize = 1024;

/// Messages read from connections that wait for the endpoint; then nobody
/// reads on, and TCP slows the senders down.
pub const MAX_READ_AHEAD: usize = 256;

/// How long a connection, with its TLS handshake, may take to come about.
pub const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How long the rest of a message may take once its first byte came over a
/// stream, and how long a message may take to be written.
pub const HALF_MESSAGE_TIME: Duration = Duration::from_secs(32);

/// How long a connection of theirs may say nothing.
pub const IDLE_TIME: Duration = Duration::from_secs(3600);

/// How often our connections show that they live (RFC 5626 section 4.4.1: up
/// to 120 s).
pub const KEEP_ALIVE: Duration = Duration::from_secs(90);

/// The shortest pause between keep-alives that a registrar may ask for by
/// Flow-Timer.
pub const SHORTEST_KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Characters of a peer's Warning that are told.
pub const MAX_WARNING: usize = 300;

/// STUN servers of one account that are asked, at most.
pub const MAX_STUN_SERVERS: usize = 8;

/// How long the answer to a keep-alive may take, from a peer that has given
/// one before (RFC 5626 section 4.4.1).
pub const PONG_TIME: Duration = Duration::from_secs(10);

/// The session timer we ask for, in seconds (RFC 4028 section 4: 1800 is
/// recommended).
pub const SESSION_EXPIRES: u32 = 1800;

/// The shortest session timer, in seconds (RFC 4028 section 5).
pub const MIN_SE: u32 = 90;

/// Reliable provisional responses of one call that wait for the PRACK of the
/// one before.
pub const MAX_RELIABLE_QUEUE: usize = 8;

/// How long the subscription of a REFER lives without an end of its own
/// (SIP SIMPLE: 90 s).
pub const REFER_TIME: Duration = Duration::from_secs(90);

/// Targets of redirections that are tried for one call, at most.
pub const MAX_REDIRECTS: usize = 8;

/// How long an INVITE waits after a provisional answer: callees say something
/// every minute (RFC 3261 section 13.3.1.1), and proxies give up after little
/// more than three (Timer C, section 16.6).
pub const SILENCE: Duration = Duration::from_secs(190);

/// How long a re-INVITE may wait after a provisional answer (the least of
/// Timer C, RFC 3261 section 16.6).
pub const REINVITE_TIME: Duration = Duration::from_secs(180);
