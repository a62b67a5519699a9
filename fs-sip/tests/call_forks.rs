//! A call that two branches offer media for: both are answered (RFC 3262 section 5), and the one that takes the call gets it.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use std::net::SocketAddr;

use fs_proto::StreamDirection;
use fs_sip::endpoint::EndpointConfig;
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::wire::headers::name;
use fs_sip::wire::{Datagram, Message, Method, Request, Response, parse_datagram};
use fs_sip::{ApplicationConfig, CallOptions};
use sides::{Side, last_direction, started, until, within};
use tokio::net::UdpSocket;

/// A proxy that forks, and all that is behind it.
struct Fork {
    socket: UdpSocket,
    from: SocketAddr,
}

impl Fork {
    async fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let from = socket.local_addr().unwrap();
        Self { socket, from }
    }

    /// The next request of this method; every other one is passed over.
    async fn request(&mut self, wanted: &Method) -> Request {
        let mut data = vec![0; 65_535];
        loop {
            let (length, from) = within(self.socket.recv_from(&mut data)).await.unwrap();
            self.from = from;
            let Ok(Datagram::Message(message)) = parse_datagram(&data[..length]) else { continue };
            if let Message::Request(request) = *message
                && request.method == *wanted
            {
                return request;
            }
        }
    }

    async fn answer(&self, response: Response) {
        self.socket.send_to(&Message::Response(response).encode(), self.from).await.unwrap();
    }

    fn response(&self, request: &Request, status: u16, tag: &str, port: Option<u16>) -> Response {
        let mut response = Response::to_request(request, status, tag);
        response.headers.push(name::CONTACT, format!("<sip:{tag}@{}>", self.socket.local_addr().unwrap()));
        if let Some(port) = port {
            response.headers.push(name::CONTENT_TYPE, "application/sdp");
            response.body = sides::sdp(&format!("m=audio {port} RTP/AVP 0\r\n")).data;
        }
        response
    }
}

fn ports(fake: &FakeBackend) -> Vec<u16> {
    let first = |call: FakeCall| match call {
        FakeCall::RemoteCandidates(list) => list.first().map(|c| c.port),
        _ => None,
    };
    fake.calls().into_iter().filter_map(first).collect()
}

#[tokio::test]
async fn the_second_branch_that_offers_gets_its_media_when_it_answers() {
    for winner in ["b1", "b2"] {
        let endpoint = EndpointConfig { reliable_provisional: true, ..EndpointConfig::default() };
        let config = ApplicationConfig { endpoint, ..ApplicationConfig::default() };
        let side = Side::with(FakeBackend::g711(), config).await;
        let mut fork = Fork::new().await;
        let options = CallOptions { late_offer: true, ..CallOptions::default() };
        let target = format!("sip:x@{}", fork.socket.local_addr().unwrap());
        let mut caller = side.application.call_with(&target, options).await.unwrap();
        let invite = fork.request(&Method::Invite).await;
        for (tag, port) in [("b1", 4000), ("b2", 4200)] {
            let mut ringing = fork.response(&invite, 183, tag, Some(port));
            ringing.headers.push(name::REQUIRE, "100rel");
            ringing.headers.push(name::RSEQ, "1");
            fork.answer(ringing).await;
            let prack = fork.request(&Method::Prack).await;
            assert_eq!(prack.uri.user().as_deref(), Some(tag));
            let answer = String::from_utf8_lossy(&prack.body).into_owned();
            assert_eq!(answer.contains("m=audio 0 RTP/AVP"), tag == "b2", "{answer}");
            fork.answer(fork.response(&prack, 200, "", None)).await;
        }
        fork.answer(fork.response(&invite, 200, winner, None)).await;
        fork.request(&Method::Ack).await;
        until(&mut caller, started).await;
        if winner == "b2" {
            let offer = fork.request(&Method::Invite).await;
            let text = String::from_utf8_lossy(&offer.body).into_owned();
            assert_eq!(text.matches("m=audio").count(), 1, "the line is used again: {text}");
            assert!(!text.contains("m=audio 0 "), "{text}");
            fork.answer(fork.response(&offer, 200, "", Some(4200))).await;
            fork.request(&Method::Ack).await;
            within(async {
                while ports(&side.fake).last() != Some(&4200) {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            })
            .await;
            assert_eq!(ports(&side.fake), [4000, 4200]);
        } else {
            assert_eq!(ports(&side.fake), [4000]);
        }
        assert_eq!(last_direction(&side.fake), Some(StreamDirection::BOTH));
    }
}
