//! A stream over the fake media engine.

use fs_proto::Codec;

use super::*;
use crate::media::SessionId;
use crate::media::fake::{FakeBackend, FakeCall};

fn settings() -> MediaSettings {
    MediaSettings {
        session: SessionId(1),
        kind: MediaType::Audio,
        local_ip: None,
        codecs: Vec::new(),
        transmitter: Transmitter::RawUdp,
        header_extensions: Vec::new(),
    }
}

fn remote(name: &str) -> RemoteMedia {
    RemoteMedia {
        proto: "RTP/AVP".into(),
        codecs: vec![Codec::new(96, name, MediaType::Audio, 8000)],
        direction: StreamDirection::BOTH,
        ..RemoteMedia::default()
    }
}

#[tokio::test]
async fn addresses_are_known_once_it_is_open() {
    let fake = FakeBackend::g711();
    let mut stream =
        RtpStream::open(Arc::new(fake.clone()), settings(), StreamOptions::default()).await.unwrap();
    let local = stream.offer(StreamDirection::BOTH).await.unwrap();
    assert_eq!((local.candidates.len(), local.codecs.len()), (2, 2));
    assert_eq!(stream.close().await.packets_sent, 1);
    assert_eq!(fake.calls().last(), Some(&FakeCall::Close));
}

#[tokio::test]
async fn nothing_in_common_names_both_lists() {
    let mut stream =
        RtpStream::open(Arc::new(FakeBackend::g711()), settings(), StreamOptions::default()).await.unwrap();
    let error = stream.negotiate(&remote("GSM")).await.unwrap_err();
    assert_eq!(error.status_code(), 488);
    assert_eq!(error.text, "offered: GSM/8000; we have: PCMU/8000, PCMA/8000");
}

#[tokio::test(start_paused = true)]
async fn a_silent_engine_is_given_up() {
    struct Silent;
    impl Backend for Silent {
        fn open(&self, settings: &MediaSettings, events: MediaEvents) -> Result<Box<dyn Media>, MediaError> {
            // The real events are swallowed; the sender stays open for the life of the test.
            std::mem::forget(events);
            FakeBackend::g711().open(settings, MediaEvents::channel().0)
        }
    }
    let error = RtpStream::open(Arc::new(Silent), settings(), StreamOptions::default()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Network);
}
