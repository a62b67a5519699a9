//! Mutational fuzzing, one target a place where bytes of a peer are read:
//! datagram, stream framing, each typed header, SDP, digest challenge, and datagrams at a whole endpoint. Nothing
//! may panic (tests check overflows), and what is read is written and read
//! again.
//!
//! `FS_SIP_FUZZ_SECONDS` (default: a fixed number of rounds) and
//! `FS_SIP_FUZZ_SEED` make longer and other runs; the soak plays 600 s each.

use std::time::{Duration, Instant};

use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamDirection};
use fs_sip::endpoint::{
    Body, Command, EndpointConfig, EndpointCore, Event, Input, Output, Random, Resolution,
};
use fs_sip::sdp::{LocalMedia, SrtpPolicy};
use fs_sip::session::offer_answer::OfferAnswer;
use fs_sip::transport::{Local, Peer};
use fs_sip::wire::auth::{Asker, Credentials, Proof, Secret, answered, challenges};
use fs_sip::wire::headers::{
    Accept, AssertedIdentity, CSeq, Contact, ContentType, EventType, From, MaxForwards, MinSe, Path,
    PreferredIdentity, Privacy, RAck, RSeq, Reason, RecordRoute, ReferTo, ReferredBy, Replaces, Require,
    RetryAfter, Route, SessionExpires, SubscriptionState, Supported, To, Warning, name,
};
use fs_sip::wire::{Datagram, Framer, Headers, Message, TypedHeader, Uri, Via, multipart, parse_datagram};

const ROUNDS: u32 = 20_000;

const BITS: [&[u8]; 20] = [
    b"\r\n",
    b"\0",
    b"\"",
    b"<",
    b">",
    b",",
    b";",
    b"=",
    b":",
    b"%",
    b"@",
    b"[",
    b"]",
    b"99999999999999999999",
    b"-1",
    b" ",
    b"\xff",
    b"\xc3\xa9",
    b"\\",
    b"\r\n\r\n",
];

fn below(random: &mut Random, n: usize) -> usize {
    random.below(u32::try_from(n).unwrap_or(u32::MAX)) as usize
}

/// Breaks one of the seeds in a few places.
fn mutated(random: &mut Random, seeds: &[&str]) -> Vec<u8> {
    let mut data = seeds[below(random, seeds.len())].as_bytes().to_vec();
    for _ in 0..1 + below(random, 5) {
        if data.is_empty() {
            break;
        }
        let at = below(random, data.len());
        match random.below(6) {
            0 => data[at] = random.next_u32() as u8,
            1 => drop(data.drain(at..(at + 1 + below(random, 20)).min(data.len()))),
            2 => drop(data.splice(at..at, BITS[below(random, BITS.len())].iter().copied())),
            3 => {
                let end = (at + 1 + below(random, 60)).min(data.len());
                let copy = data[at..end].to_vec();
                drop(data.splice(at..at, copy));
            }
            4 => data.truncate(at),
            _ => {
                let other = seeds[below(random, seeds.len())].as_bytes();
                data.extend_from_slice(&other[below(random, other.len())..]);
            }
        }
    }
    data
}

/// Feeds a target until its time or its rounds are over.
fn fuzz(target: u8, seeds: &[&str], mut check: impl FnMut(&mut Random, &[u8])) {
    let setting = |name: &str| std::env::var(name).ok().map(|v| v.parse::<u64>().expect("a number"));
    let mut seed = [target; 32];
    seed[..8].copy_from_slice(&setting("FS_SIP_FUZZ_SEED").unwrap_or(1).to_le_bytes());
    let mut random = Random::new(seed);
    let end = setting("FS_SIP_FUZZ_SECONDS").map(|s| Instant::now() + Duration::from_secs(s));
    let mut round = 0;
    while end.map_or(round < ROUNDS, |end| Instant::now() < end) {
        let data = mutated(&mut random, seeds);
        check(&mut random, &data);
        round = round.wrapping_add(1);
    }
    println!("target {target}: {round} inputs");
}

const MESSAGES: [&str; 5] = [
    "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK9\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: m\r\n\
     CSeq: 1 MESSAGE\r\nContent-Type: multipart/mixed;boundary=x\r\n\r\n--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n\
     --x\r\nContent-Disposition: signal;handling=required\r\n\r\nab\r\n--x--\r\n",
    "INVITE sip:bob:pw@[2001:db8::1]:5070;lr;x=%41 SIP/2.0\r\nVia: SIP / 2.0 / UDP [::1]:5060;branch=z9hG4bK1;rport, SIP/2.0/TCP p\r\n\
     Record-Route: <sip:p1;lr>, <sip:p2>\r\nf: \"A \\\"B\\\" C\" <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\ni: c@x\r\nCSeq: 1 INVITE\r\n\
     m: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\"\r\nSubject: x\r\n folded\r\nContent-Type: application/sdp\r\nl: 5\r\n\r\nv=0\r\n",
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK3\r\nFrom: <sip:p@h>;tag=1\r\nTo: <sip:x@h>;tag=2\r\nCall-ID: c\r\n\
     CSeq: 1 INVITE\r\nRSeq: 1\r\nRequire: 100rel\r\nSession-Expires: 90;refresher=uac\r\nContent-Length: 0\r\n\r\n",
    "PRACK tel:+1;phone-context=x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=old\r\nFrom: sip:a@h\r\nTo: sip:b@h\r\nCall-ID: c\r\n\
     CSeq: 1 PRACK\r\nRAck: 1 1 INVITE\r\nContent-Length: 3\r\n\r\nabc",
    "\r\n\r\n",
];

#[test]
fn datagrams() {
    fuzz(1, &MESSAGES, |_, data| {
        if let Ok(Datagram::Message(message)) = parse_datagram(data) {
            let written = message.encode();
            assert!(parse_datagram(&written).is_ok(), "{:?}", String::from_utf8_lossy(&written));
            let (headers, body) = match &*message {
                Message::Request(request) => (&request.headers, &request.body),
                Message::Response(response) => (&response.headers, &response.body),
            };
            if let Ok(Some(content_type)) = headers.typed::<ContentType>() {
                let parts = multipart::parts(&content_type, body).unwrap_or_default();
                assert!(parts.iter().map(|part| part.body.len()).sum::<usize>() <= body.len());
            }
        }
    });
}

/// However a stream is cut, it falls into the same frames.
#[test]
fn stream_framing() {
    let frames = |data: &[u8], cut: &mut dyn FnMut(usize) -> usize| {
        let (mut framer, mut rest, mut found) = (Framer::new(), data, Vec::new());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(cut(rest.len()));
            framer.push(now);
            rest = later;
            loop {
                match framer.next_frame() {
                    Ok(Some(fs_sip::wire::Frame::Message(bytes))) => found.push(bytes),
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return found,
                }
            }
        }
        found
    };
    fuzz(2, &MESSAGES, |random, data| {
        let whole = frames(data, &mut |n| n);
        let pieces = frames(data, &mut |n| 1 + below(random, n.min(40)));
        assert_eq!(whole, pieces, "{:?}", String::from_utf8_lossy(data));
    });
}

/// What is read is written so that it reads the same.
fn stable<T: TypedHeader>(text: &str) {
    if let Ok(value) = T::parse_value(text) {
        let written = value.to_string();
        let again = T::parse_value(&written);
        assert!(again.is_ok_and(|a| a.to_string() == written), "{}: {text:?} becomes {written:?}", T::NAME);
    }
}

#[test]
fn each_typed_header() {
    let seeds = [
        "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1;rport;received=2001:db8::9",
        "\"A \\\"B\\\"\" <sip:a:b@h:5060;lr;x=%41?h=v>;tag=1;q=0.5;expires=60",
        "sip:a@h;tag=x",
        "*",
        "1 INVITE",
        "776656 1 INVITE",
        "application/sdp;charset=\"utf-8\"",
        "1800;refresher=uac",
        "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only",
        "active;expires=60;reason=x",
        "presence.winfo;id=7",
        "100rel",
        "SIP;cause=486;text=\"Busy \\\"Here\\\"\"",
        "18000 (in a (long) meeting);duration=3600",
        "user;id;critical",
        "399 192.0.2.1:5060 \"a \\\"b\\\\c\"",
        "tel:+1-201-555-0123;ext=9;phone-context=example.org",
    ];
    let checks: [fn(&str); 28] = [
        stable::<AssertedIdentity>,
        stable::<PreferredIdentity>,
        stable::<Path>,
        stable::<Privacy>,
        stable::<Reason>,
        stable::<RetryAfter>,
        stable::<Warning>,
        stable::<Via>,
        stable::<From>,
        stable::<To>,
        stable::<Contact>,
        stable::<Route>,
        stable::<RecordRoute>,
        stable::<ReferTo>,
        stable::<ReferredBy>,
        stable::<CSeq>,
        stable::<RAck>,
        stable::<RSeq>,
        stable::<ContentType>,
        stable::<MaxForwards>,
        stable::<Accept>,
        stable::<Require>,
        stable::<Supported>,
        stable::<SessionExpires>,
        stable::<MinSe>,
        stable::<Replaces>,
        stable::<EventType>,
        stable::<SubscriptionState>,
    ];
    let domain = Uri::parse("sip:example.org").ok();
    fuzz(3, &seeds, |_, data| {
        let text = String::from_utf8_lossy(data);
        for check in checks {
            check(&text);
        }
        if let Ok(uri) = Uri::parse(&text) {
            assert_eq!(Uri::parse(&uri.to_string()).as_ref(), Ok(&uri), "{text:?}");
            if let Some(at) = domain.as_ref().and_then(|domain| uri.telephone_at(domain)) {
                assert_eq!(Uri::parse(&at.to_string()).as_ref(), Ok(&at), "{text:?}");
            }
        }
    });
}

#[test]
fn session_descriptions() {
    let seeds = [
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\n\
         a=fmtp:96 useinbandfec=1\r\na=ptime:20\r\na=sendonly\r\na=rtcp:10 IN IP4 127.0.0.1\r\n\
         a=candidate:1 1 UDP 2130706431 127.0.0.1 9 typ host\r\nm=video 0 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\n",
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nb=AS:64\r\nt=0 0\r\na=ice-lite\r\na=ice-ufrag:abcd\r\n\
         a=ice-pwd:0123456789012345678901\r\nm=audio 4000 RTP/SAVP 0 101\r\na=rtcp-mux\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw|2^31|1:4\r\n\
         a=extmap:1/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
         a=candidate:2 1 UDP 1694498815 192.0.2.3 4000 typ srflx raddr 10.0.0.1 rport 4000\r\na=remote-candidates:1 127.0.0.1 9\r\n\
         m=video 4002 RTP/AVPF 97\r\nb=TIAS:100000\r\na=rtpmap:97 VP8/90000\r\na=rtcp-fb:97 nack pli\r\nm=application 9 TCP/MSRP *\r\n",
        "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nt=0 0\r\nm=audio 65535 RTP/SAVP 8\r\nc=IN IP6 ::1\r\na=inactive\r\n",
    ];
    let codec = |id, name, kind, rate| LocalMedia {
        kind,
        codecs: vec![Codec::new(id, name, kind, rate)],
        candidates: vec![Candidate::new("L1", 1, CandidateType::Host, "127.0.0.1", 4000)],
        direction: StreamDirection::BOTH,
        ..LocalMedia::default()
    };
    let ours = [codec(0, "PCMU", MediaType::Audio, 8000), codec(97, "VP8", MediaType::Video, 90000)];
    let policies = [SrtpPolicy::Disabled, SrtpPolicy::Optional, SrtpPolicy::Mandatory];
    fuzz(4, &seeds, |random, data| {
        let policy = policies[below(random, policies.len())];
        let kinds = vec![MediaType::Audio, MediaType::Video];
        let mut exchange = OfferAnswer::with_media(1, "x", kinds, policy);
        match exchange.remote_offer("application/sdp", data) {
            Ok(_) => drop(exchange.answer(&ours)),
            Err(_) => assert!(!exchange.is_open()),
        }
        exchange.roll_back();
        let _ = exchange.decline("application/sdp", data);
        if exchange.offer(&ours).is_ok() {
            let _ = exchange.remote_answer("application/sdp", data);
            assert!(!exchange.is_open(), "an answer closes the offer, whatever it says");
        }
    });
}

#[test]
fn digest_challenges() {
    let seeds = [
        "Digest realm=\"a \\\"b\\\"\", nonce=\"n\", algorithm=SHA-256, qop=\"auth,auth-int\", stale=true, opaque=\"x\"",
        "Digest realm=r,nonce=n,algorithm=MD5-sess,qop=auth",
        "Basic realm=\"x\"",
        "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", nc=00000001, cnonce=\"c\"",
    ];
    let credentials = Credentials { realm: None, username: "u\"".into(), password: Secret::new("p") };
    fuzz(5, &seeds, |random, data| {
        let mut headers = Headers::new();
        headers.push(name::AUTHORIZATION, data);
        headers.push(name::PROXY_AUTHORIZATION, data);
        headers.push(name::WWW_AUTHENTICATE, data);
        headers.push(name::PROXY_AUTHENTICATE, data);
        for asker in [Asker::Server, Asker::Proxy] {
            for challenge in challenges(&headers, asker) {
                let proof = Proof {
                    method: "INVITE",
                    uri: "sip:x",
                    body: b"v=0",
                    cnonce: "c",
                    count: 1 + random.below(9),
                };
                if let Some(answer) = challenge.answer(&credentials, &proof) {
                    assert!(!answer.contains(['\r', '\n']), "{answer}");
                }
            }
            let _ = answered(&headers, asker);
        }
    });
}

/// Messages of a peer that knows a call of ours, and others, to a whole endpoint: whatever comes, what it keeps is bounded,
/// and it answers on.
#[test]
fn datagrams_at_an_endpoint() {
    let head = "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKa\r\nFrom: <sip:p@10.0.0.9>;tag=pt\r\nCall-ID: c1\r\n\
                Contact: <sip:p@10.0.0.9>\r\nMax-Forwards: 70\r\n";
    let to = "To: <sip:u@10.0.0.1>";
    let tail = "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    let mut seeds: Vec<String> = [
        "INVITE",
        "OPTIONS",
        "SUBSCRIBE",
        "MESSAGE",
        "REGISTER",
        "PUBLISH",
        "CANCEL",
    ]
    .iter()
    .map(|m| {
        format!(
            "{m} sip:u@10.0.0.1 SIP/2.0\r\n{head}{to}\r\nCSeq: 1 {m}\r\nEvent: presence\r\nExpires: 9\r\n\
                          Supported: 100rel, timer, 199\r\nSession-Expires: 90\r\n{tail}"
        )
    })
    .collect();
    seeds.extend(["ACK", "BYE", "INVITE", "UPDATE", "PRACK", "REFER", "NOTIFY", "INFO", "SUBSCRIBE"].iter().map(|m| {
        format!("{m} sip:u@10.0.0.1 SIP/2.0\r\n{head}{to};tag=TAG\r\nCSeq: 2 {m}\r\nRAck: 1 1 INVITE\r\nEvent: refer\r\n\
                 Refer-To: <sip:x@10.0.0.9?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\nSubscription-State: active\r\n{tail}")
    }));
    let now = Instant::now();
    let (source, local) = (Peer::udp(([10, 0, 0, 9], 5060).into()), Local::udp(([10, 0, 0, 1], 5060).into()));
    let config = EndpointConfig {
        messages: true,
        events: vec!["presence".into()],
        requests: vec![fs_sip::wire::Method::Publish],
        reliable_provisional: true,
        ..EndpointConfig::default()
    };
    let fresh = |seed: u32| EndpointCore::new(config.clone(), [seed as u8; 32]);
    let (mut core, mut tag, mut rounds, mut clock) = (fresh(0), String::from("x"), 0u32, now);
    let texts: Vec<&str> = seeds.iter().map(String::as_str).collect();
    fuzz(6, &texts, |random, data| {
        rounds = rounds.wrapping_add(1);
        if rounds.is_multiple_of(5000) {
            assert!(core.sessions() + core.transactions() <= 15_000, "{:?}", core.statistics());
            core = fresh(random.next_u32());
        }
        let text = String::from_utf8_lossy(data).replace("tag=TAG", &format!("tag={tag}"));
        let bytes = if data.contains(&0xff) { data.to_vec() } else { text.into_bytes() };
        clock += Duration::from_millis(u64::from(random.below(300)));
        core.handle(clock, Input::Message { data: &bytes, source: source.clone(), local });
        if core.next_deadline().is_some_and(|at| at <= clock) {
            core.handle(clock, Input::Timeout);
        }
        while let Some(output) = core.poll_output() {
            let answer = match output {
                Output::Event(Event::Incoming { id, .. }) => {
                    tag.clear();
                    match random.below(4) {
                        0 => Command::Reject { id, status: 486, reason: None, headers: Vec::new() },
                        1 => Command::Provisional { id, status: 183, reason: None, body: None },
                        2 => Command::Hangup { id, headers: Vec::new() },
                        _ => Command::Accept { id, body: Some(Body::sdp("v=0\r\n")) },
                    }
                }
                Output::Event(Event::Reinvite { id, .. }) => {
                    let body = Some(Body::sdp("v=0\r\n"));
                    Command::AnswerReinvite { id, status: 200, reason: None, body }
                }
                Output::Event(Event::Refer { id, .. }) => {
                    Command::AnswerRefer { id, status: 202, reason: None }
                }
                Output::Event(Event::IncomingSubscription { id, .. }) => {
                    Command::AnswerSubscription { id, status: 200, active: true, body: None }
                }
                Output::Resolve(token, _) | Output::Reach(token, _) => {
                    let found = Resolution { peer: source.clone(), local, rest: Vec::new() };
                    core.handle(clock, Input::Resolved(token, Ok(found)));
                    continue;
                }
                // Our tag, for the requests of the peer inside the dialog.
                Output::Transmit(sent) => {
                    let sent = String::from_utf8_lossy(&sent.data).into_owned();
                    let ours =
                        sent.lines().find(|l| l.starts_with("To:")).and_then(|l| l.split("tag=").nth(1));
                    if let Some(ours) =
                        ours.filter(|_| sent.contains(" INVITE\r\n") && sent.contains("Call-ID: c1\r\n"))
                    {
                        tag = ours.to_owned();
                    }
                    continue;
                }
                _ => continue,
            };
            core.handle(clock, Input::Command(answer));
        }
    });
}
