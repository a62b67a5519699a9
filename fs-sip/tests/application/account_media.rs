//! What the settings of an account say about the media of its calls.

use std::net::{Ipv4Addr, SocketAddr};

use fs_sip::account::StunServer;
use fs_sip::media::{MediaSettings, Transmitter};
use fs_sip::resolver::Dns;
use tokio::net::UdpSocket;

use super::dns::{DnsServer, Record};
use super::*;

/// `rtp.srtp_encryption` and `rtp.audio_codec_list` of an account hold for its calls both ways.
#[tokio::test]
async fn an_account_says_what_its_calls_carry() {
    let (side, _events, mut registrar, contact) = registered().await;
    let accounts = side.application.accounts();
    let own = AccountSettings {
        srtp: Some(SrtpPolicy::Mandatory),
        audio_codecs: Some(vec!["PCMA".into()]),
        ..accounts.settings(ALICE).await.unwrap()
    };
    accounts.change(ALICE, own).await.unwrap();
    let _call = side.application.call(&registrar.uri()).await.unwrap();
    let (_, offer) = registrar.called().await;
    let offer = String::from_utf8(offer.unwrap().data).unwrap();
    assert!(offer.contains("RTP/SAVP") && offer.contains("a=crypto:"), "{offer}");
    let opened = side.fake.calls().into_iter().find_map(|call| match call {
        FakeCall::Open(settings) => Some(settings.codecs.iter().map(|c| c.encoding_name.clone()).collect()),
        _ => None,
    });
    assert_eq!(opened, Some(vec!["PCMA".to_owned()]));
    // A caller without encryption is refused by this account, and would not be by the application.
    let target = contact.split(['<', '>']).nth(1).unwrap_or(&contact).to_owned();
    registrar.call(&target, Some(sdp("m=audio 4000 RTP/AVP 8\r\n")));
    assert_eq!(registrar.refused().await, 488);
}

/// A STUN server that sees everybody at one address.
async fn stun_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut data = [0; 100];
        while let Ok((_, from)) = socket.recv_from(&mut data).await {
            let mut answer = vec![1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
            answer.extend(&data[8..20]);
            answer.extend([0, 0x20, 0, 8, 0, 1, 0x12, 0x34, 1, 2, 3, 4]);
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    address
}

/// The STUN servers that its streams were opened with.
fn stun_of(side: &Side) -> Vec<Option<SocketAddr>> {
    let of = |call: FakeCall| match call {
        FakeCall::Open(MediaSettings { transmitter: Transmitter::Nice(ice), .. }) => Some(ice.stun),
        _ => None,
    };
    side.fake.calls().into_iter().filter_map(of).collect()
}

/// `nat_traversal.use_ice` and `nat_traversal.stun_server_list`: the first server that answers serves calls both ways.
#[tokio::test]
async fn the_stun_server_of_an_account_is_asked_in_its_calls() {
    let (mut side, _events, mut registrar, contact) = registered().await;
    let accounts = side.application.accounts();
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let good = stun_server().await;
    let server = |at: SocketAddr| StunServer { host: at.ip().into(), port: at.port() };
    let own = AccountSettings {
        use_ice: Some(true),
        stun_servers: Some(vec![server(nobody.local_addr().unwrap()), server(good)]),
        ..accounts.settings(ALICE).await.unwrap()
    };
    accounts.change(ALICE, own).await.unwrap();
    let call = side.application.call(&registrar.uri()).await.unwrap();
    let (id, _) = registrar.called().await;
    assert_eq!(stun_of(&side), [Some(good)], "the call has waited until it was known");
    registrar.endpoint.send(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
    drop(call);
    let target = contact.split(['<', '>']).nth(1).unwrap_or(&contact).to_owned();
    let candidate = "a=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host\r\n";
    let offer = format!(
        "m=audio 4000 RTP/AVP 8\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n{candidate}"
    );
    registrar.call(&target, Some(sdp(&offer)));
    let call = side.called().await;
    call.accept();
    for _ in 0..100 {
        if stun_of(&side).len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(stun_of(&side), [Some(good), Some(good)]);
}

/// Without a list, those that DNS names for the domain of the account.
#[tokio::test]
async fn the_stun_server_of_the_domain_is_found() {
    let good = stun_server().await;
    let dns = DnsServer::start(vec![
        ("_stun._udp.example.org", Record::Srv(0, 1, good.port(), "stun.example.org")),
        ("stun.example.org", Record::A(Ipv4Addr::LOCALHOST)),
    ])
    .await;
    let endpoint = EndpointConfig { dns: Dns::Servers(vec![dns.address]), ..EndpointConfig::default() };
    let (side, _events, mut registrar, _) = registered_with(endpoint).await;
    let accounts = side.application.accounts();
    let own = AccountSettings { use_ice: Some(true), ..accounts.settings(ALICE).await.unwrap() };
    accounts.change(ALICE, own).await.unwrap();
    let _call = side.application.call(&registrar.uri()).await.unwrap();
    registrar.called().await;
    assert_eq!(stun_of(&side), [Some(good)]);
}
