//! The offer/answer model (RFC 3264, RFC 6337) of one session with one audio stream.
//!
//! The object remembers what both sides said last, refuses a second offer while one is open, keeps refused m-lines
//! at their place in every later description, and rolls back when an offer is refused.

use std::fmt;

use crate::sdp::{self, LocalDescription, LocalMedia, RemoteMedia, SdpError};

/// Where the exchange stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    /// No offer is open.
    Stable,
    /// We offered and wait for the answer.
    LocalOffer,
    /// The peer offered and waits for our answer; the place of its audio m-line.
    RemoteOffer { audio: usize },
}

/// Why an offer or an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfferAnswerError {
    /// The description can't be used.
    Sdp(SdpError),
    /// An offer came or was wanted while another one is open (491).
    Glare,
    /// An answer came or was wanted without an offer.
    NoOffer,
}

impl OfferAnswerError {
    /// The SIP status for the peer.
    #[must_use]
    pub fn status_code(&self) -> u16 {
        match self {
            Self::Sdp(error) => error.status_code(),
            Self::Glare => 491,
            Self::NoOffer => 400,
        }
    }

    /// The warn-code of RFC 3261 section 20.43, where one fits.
    #[must_use]
    pub fn warning_code(&self) -> Option<u16> {
        match self {
            Self::Sdp(error) => error.warning_code(),
            Self::Glare | Self::NoOffer => None,
        }
    }
}

impl fmt::Display for OfferAnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sdp(error) => error.fmt(f),
            Self::Glare => f.write_str("another offer is still open"),
            Self::NoOffer => f.write_str("there is no offer to answer"),
        }
    }
}

impl std::error::Error for OfferAnswerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sdp(error) => Some(error),
            Self::Glare | Self::NoOffer => None,
        }
    }
}

impl From<SdpError> for OfferAnswerError {
    fn from(error: SdpError) -> Self {
        Self::Sdp(error)
    }
}

/// The negotiator of one session.
#[derive(Debug, Clone)]
pub struct OfferAnswer {
    local: LocalDescription,
    exchange: Exchange,
    /// The place of the audio m-line, once there is one.
    audio: Option<usize>,
    /// The m-lines as they stand in our last description; refused ones have port 0.
    lines: Vec<sdp_types::Media>,
    /// What stood there before the open offer.
    before: (Option<usize>, Vec<sdp_types::Media>),
    /// Transport of the audio m-line.
    proto: String,
}

impl OfferAnswer {
    /// A negotiator for a new session; see [`LocalDescription::new`] for the arguments.
    #[must_use]
    pub fn new(session_id: u64, name: &str) -> Self {
        Self {
            local: LocalDescription::new(session_id, name),
            exchange: Exchange::Stable,
            audio: None,
            lines: Vec::new(),
            before: (None, Vec::new()),
            proto: "RTP/AVP".to_owned(),
        }
    }

    /// Whether an offer is open, ours or theirs.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.exchange != Exchange::Stable
    }

    /// Makes an offer with this audio stream.
    ///
    /// # Errors
    /// [`OfferAnswerError::Glare`] while another offer is open; else when the stream can't be described.
    pub fn offer(&mut self, media: &LocalMedia) -> Result<Vec<u8>, OfferAnswerError> {
        if self.is_open() {
            return Err(OfferAnswerError::Glare);
        }
        let (line, address) = media.write(&self.proto)?;
        self.before = (self.audio, self.lines.clone());
        let index = self.audio.unwrap_or(self.lines.len());
        match self.lines.get_mut(index) {
            Some(place) => *place = line,
            None => self.lines.push(line),
        }
        self.audio = Some(index);
        self.exchange = Exchange::LocalOffer;
        Ok(sdp::to_bytes(&self.local.build(address, self.lines.clone())))
    }

    /// Takes the peer's offer and returns its audio stream. [`OfferAnswer::answer`] or
    /// [`OfferAnswer::roll_back`] has to follow.
    ///
    /// # Errors
    /// [`OfferAnswerError::Glare`] while another offer is open; else when nothing in it is usable.
    pub fn remote_offer(&mut self, content_type: &str, body: &[u8]) -> Result<RemoteMedia, OfferAnswerError> {
        if self.is_open() {
            return Err(OfferAnswerError::Glare);
        }
        let session = sdp::parse_body(content_type, body)?;
        if session.medias.len() < self.lines.len() {
            let text =
                format!("{} m-lines were offered, there were {}", session.medias.len(), self.lines.len());
            return Err(SdpError::malformed(text).into());
        }
        let audio = sdp::find_audio(&session, self.audio)?;
        let media = RemoteMedia::read(&session, audio)?;
        self.before = (self.audio, std::mem::take(&mut self.lines));
        self.lines = session.medias.iter().map(sdp::refuse).collect();
        self.proto.clone_from(&media.proto);
        self.exchange = Exchange::RemoteOffer { audio };
        Ok(media)
    }

    /// Answers the peer's offer: our audio stream at its place, every other m-line refused.
    ///
    /// # Errors
    /// [`OfferAnswerError::NoOffer`] when there is none; else when the stream can't be described.
    pub fn answer(&mut self, media: &LocalMedia) -> Result<Vec<u8>, OfferAnswerError> {
        let Exchange::RemoteOffer { audio } = self.exchange else { return Err(OfferAnswerError::NoOffer) };
        let (line, address) = media.write(&self.proto)?;
        if let Some(place) = self.lines.get_mut(audio) {
            *place = line;
        }
        self.audio = Some(audio);
        self.exchange = Exchange::Stable;
        Ok(sdp::to_bytes(&self.local.build(address, self.lines.clone())))
    }

    /// Takes the peer's answer to our offer and returns its audio stream.
    ///
    /// # Errors
    /// [`OfferAnswerError::NoOffer`] when we made none; else when the answer does not fit the offer, or refuses
    /// the stream. The offer is closed in every case.
    pub fn remote_answer(
        &mut self,
        content_type: &str,
        body: &[u8],
    ) -> Result<RemoteMedia, OfferAnswerError> {
        if self.exchange != Exchange::LocalOffer {
            return Err(OfferAnswerError::NoOffer);
        }
        let result = self.read_answer(content_type, body);
        match result {
            Ok(_) => self.exchange = Exchange::Stable,
            Err(_) => self.roll_back(),
        }
        result
    }

    /// Forgets the open offer: it was refused, or it can't be answered. What was agreed before stands.
    pub fn roll_back(&mut self) {
        if self.is_open() {
            (self.audio, self.lines) = std::mem::take(&mut self.before);
            self.exchange = Exchange::Stable;
        }
    }

    fn read_answer(&self, content_type: &str, body: &[u8]) -> Result<RemoteMedia, OfferAnswerError> {
        let session = sdp::parse_body(content_type, body)?;
        if session.medias.len() != self.lines.len() {
            let text = format!(
                "the answer has {} m-lines, the offer had {}",
                session.medias.len(),
                self.lines.len()
            );
            return Err(SdpError::malformed(text).into());
        }
        let index = self.audio.unwrap_or_default();
        let line = session.medias.get(index);
        let offered = self.lines.get(index).map(|l| l.fmt.as_str()).unwrap_or_default();
        match line {
            Some(line) if line.port == 0 => {
                let text = format!("the peer refused the audio stream; payload types {offered} were offered");
                Err(SdpError::unacceptable(305, text).into())
            }
            Some(line) if !line.media.eq_ignore_ascii_case("audio") => {
                let text = format!("m={} answers m=audio", line.media.chars().take(32).collect::<String>());
                Err(SdpError::malformed(text).into())
            }
            _ => Ok(RemoteMedia::read(&session, index)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use fs_proto::{Candidate, CandidateType, Codec, MediaType, StreamDirection};

    use super::*;

    const TYPE: &str = "application/sdp";

    fn local(port: u16) -> LocalMedia {
        LocalMedia {
            codecs: vec![Codec::new(0, "PCMU", MediaType::Audio, 8000)],
            candidates: vec![Candidate::new("L1", 1, CandidateType::Host, "127.0.0.1", port)],
            direction: StreamDirection::BOTH,
        }
    }

    fn peer(lines: &str) -> Vec<u8> {
        format!("v=0\r\no=- 9 9 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{lines}")
            .into_bytes()
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn two_negotiators_agree() {
        let (mut a, mut b) = (OfferAnswer::new(4, "a"), OfferAnswer::new(8, "b"));
        let offer = a.offer(&local(4000)).unwrap();
        let seen = b.remote_offer(TYPE, &offer).unwrap();
        assert_eq!((seen.candidates[0].port, seen.codecs[0].encoding_name.as_str()), (4000, "PCMU"));
        let answer = b.answer(&local(5000)).unwrap();
        assert_eq!(a.remote_answer(TYPE, &answer).unwrap().candidates[0].port, 5000);
        assert!(!a.is_open() && !b.is_open());
    }

    #[test]
    fn other_media_stay_refused_at_their_place() {
        let mut b = OfferAnswer::new(4, "b");
        let offer = peer("m=video 1 RTP/AVP 96\r\nm=audio 4000 RTP/AVPF 0\r\nm=message 2 TCP/MSRP *\r\n");
        assert_eq!(b.remote_offer(TYPE, &offer).unwrap().index, 1);
        let answer = text(b.answer(&local(5000)).unwrap());
        let lines: Vec<_> = answer.lines().filter(|l| l.starts_with("m=")).collect();
        assert_eq!(lines, ["m=video 0 RTP/AVP 96", "m=audio 5000 RTP/AVPF 0", "m=message 0 TCP/MSRP *"]);
        let offer = text(b.offer(&local(5002)).unwrap());
        let lines: Vec<_> = offer.lines().filter(|l| l.starts_with("m=")).collect();
        assert_eq!(lines, ["m=video 0 RTP/AVP 96", "m=audio 5002 RTP/AVPF 0", "m=message 0 TCP/MSRP *"]);
        assert!(offer.contains("o=- 1 2 IN IP4 127.0.0.1"), "{offer}");
    }

    #[test]
    fn one_offer_at_a_time() {
        let mut a = OfferAnswer::new(4, "a");
        a.offer(&local(1)).unwrap();
        assert_eq!(a.offer(&local(1)), Err(OfferAnswerError::Glare));
        let error = a.remote_offer(TYPE, &peer("m=audio 4000 RTP/AVP 0\r\n")).unwrap_err();
        assert_eq!(error.status_code(), 491);
        a.roll_back();
        assert!(a.remote_offer(TYPE, &peer("m=audio 4000 RTP/AVP 0\r\n")).is_ok());
    }

    #[test]
    fn answers_that_do_not_fit_close_the_offer() {
        for (lines, status) in [
            ("", 400),
            ("m=audio 0 RTP/AVP 0\r\n", 488),
            ("m=video 4000 RTP/AVP 0\r\n", 400),
            ("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n", 400),
            ("m=audio 4000 RTP/AVP 96\r\n", 488),
        ] {
            let mut a = OfferAnswer::new(4, "a");
            a.offer(&local(1)).unwrap();
            let error = a.remote_answer(TYPE, &peer(lines)).unwrap_err();
            assert_eq!((error.status_code(), a.is_open()), (status, false), "{lines}");
        }
        let mut a = OfferAnswer::new(4, "a");
        assert_eq!(a.remote_answer(TYPE, &peer("m=audio 1 RTP/AVP 0\r\n")), Err(OfferAnswerError::NoOffer));
        assert_eq!(a.answer(&local(1)), Err(OfferAnswerError::NoOffer));
    }

    #[test]
    fn a_refused_offer_leaves_the_agreement() {
        let (mut a, mut b) = (OfferAnswer::new(4, "a"), OfferAnswer::new(8, "b"));
        let offer = a.offer(&local(4000)).unwrap();
        b.remote_offer(TYPE, &offer).unwrap();
        a.remote_answer(TYPE, &b.answer(&local(5000)).unwrap()).unwrap();
        let before = (b.audio, b.lines.clone());
        assert!(b.remote_offer(TYPE, &peer("")).is_err());
        b.remote_offer(TYPE, &peer("m=audio 1 RTP/AVP 8\r\nm=video 2 RTP/AVP 96\r\n")).unwrap();
        b.roll_back();
        assert_eq!((b.audio, b.lines.clone()), before);
    }
}
