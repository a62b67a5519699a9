//! A machine that gets another address in the middle of a call: registrations and calls follow it.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use fs_sip::endpoint::{Command, EndpointConfig, Event};
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::transport::LocalAddresses;
use fs_sip::{ApplicationConfig, ApplicationEvent, SessionEvent, StreamEvent};
use sides::{Peer, Side, last_direction, sdp, started, until, within};
use tokio::sync::mpsc::channel;

/// A machine with one address, which may become another one.
#[derive(Debug)]
struct OneAddress(Mutex<IpAddr>);

impl OneAddress {
    fn now(&self) -> IpAddr {
        *self.0.lock().unwrap()
    }
}

impl LocalAddresses for OneAddress {
    fn outside(&self) -> Vec<IpAddr> {
        vec![self.now()]
    }

    fn towards(&self, _peer: SocketAddr) -> Option<IpAddr> {
        Some(self.now())
    }

    fn has(&self, ip: IpAddr) -> bool {
        ip == self.now()
    }
}

#[tokio::test]
async fn a_call_goes_on_from_the_new_address() {
    let machine = Arc::new(OneAddress(Mutex::new(Ipv4Addr::LOCALHOST.into())));
    let (sender, mut events) = channel(64);
    let endpoint = EndpointConfig { bind: "0.0.0.0:0".parse().unwrap(), ..EndpointConfig::default() };
    let config = ApplicationConfig {
        endpoint,
        events: Some(sender),
        addresses: Some(machine.clone()),
        ..ApplicationConfig::default()
    };
    let side = Side::with(FakeBackend::g711(), config).await;
    let mut peer = Peer::new().await;
    let mut caller = side.application.call(&peer.uri()).await.unwrap();
    let (id, offer) = peer.called().await;
    assert!(String::from_utf8(offer.unwrap().data).unwrap().contains("c=IN IP4 127.0.0.1"));
    peer.endpoint.send(Command::Accept { id, body: Some(sdp("m=audio 4000 RTP/AVP 0\r\n")) });
    until(&mut caller, started).await;

    let new = Ipv4Addr::new(127, 0, 0, 2);
    *machine.0.lock().unwrap() = new.into();
    // What only refreshes, with the old description, may come first.
    loop {
        let offer = peer
            .until(|event| match event {
                Event::Reinvite { body, .. } => Some(body.clone().expect("an offer")),
                _ => None,
            })
            .await;
        let body = Some(sdp("m=audio 4000 RTP/AVP 0\r\n"));
        peer.endpoint.send(Command::AnswerReinvite { id, status: 200, reason: None, body });
        if String::from_utf8(offer.data).unwrap().contains("c=IN IP4 127.0.0.2") {
            break;
        }
    }
    let agreed = |e: &SessionEvent| matches!(e, SessionEvent::Stream(StreamEvent::CodecsAgreed(_)));
    let seen = until(&mut caller, agreed).await;
    let ended = |e: &&SessionEvent| matches!(e, SessionEvent::Stream(StreamEvent::DidEnd { .. }));
    assert_eq!(seen.iter().filter(ended).count(), 1, "{seen:?}");
    let opened: Vec<_> = side
        .fake
        .calls()
        .into_iter()
        .filter_map(|call| match call {
            FakeCall::Open(settings) => settings.local_ip,
            _ => None,
        })
        .collect();
    assert_eq!(opened, [IpAddr::from(Ipv4Addr::LOCALHOST), new.into()]);
    assert_eq!(last_direction(&side.fake), Some(fs_proto::StreamDirection::BOTH));
    loop {
        if within(events.recv()).await
            == Some(ApplicationEvent::NetworkChanged { addresses: vec![new.into()] })
        {
            break;
        }
    }
}
