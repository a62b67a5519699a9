//! The offer/answer model (RFC 3264, RFC 6337) of one session with at most one stream of each kind of media.
//!
//! The object remembers what both sides said last, refuses a second offer while one is open, keeps refused m-lines
//! at their place in every later description, and rolls back when an offer is refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use fs_proto::MediaType;

use crate::sdp::{self, LocalDescription, LocalMedia, RemoteMedia, SdpError, SrtpPolicy};

/// Where the exchange stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exchange {
    /// No offer is open.
    Stable,
    /// We offered and wait for the answer.
    LocalOffer,
    /// The peer offered and waits for our answer; the places of the m-lines that we can take.
    RemoteOffer { places: Places },
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

/// Which m-line belongs to the stream of a kind.
type Places = Vec<(MediaType, usize)>;

/// What stands, or would if the open offer were refused.
#[derive(Debug, Clone, Default)]
struct Agreed {
    /// The m-lines as they stand in our last description; refused ones have port 0.
    lines: Vec<sdp_types::Media>,
    /// Those that carry our streams, or did before.
    places: Places,
}

impl Agreed {
    fn place(&self, kind: MediaType) -> Option<usize> {
        place(&self.places, kind)
    }
}

fn place(places: &Places, kind: MediaType) -> Option<usize> {
    places.iter().find(|(other, _)| *other == kind).map(|(_, index)| *index)
}

/// The negotiator of one session.
#[derive(Debug, Clone)]
pub struct OfferAnswer {
    local: LocalDescription,
    exchange: Exchange,
    kinds: Vec<MediaType>,
    policy: SrtpPolicy,
    agreed: Agreed,
    before: Agreed,
}

impl OfferAnswer {
    /// A negotiator for a new session that takes plain audio; see [`LocalDescription::new`] for the arguments.
    #[must_use]
    pub fn new(session_id: u64, name: &str) -> Self {
        Self::with_media(session_id, name, vec![MediaType::Audio], SrtpPolicy::Disabled)
    }

    /// A negotiator for a new session that takes these kinds of media, encrypted or not.
    #[must_use]
    pub fn with_media(session_id: u64, name: &str, kinds: Vec<MediaType>, policy: SrtpPolicy) -> Self {
        Self {
            local: LocalDescription::new(session_id, name),
            exchange: Exchange::Stable,
            kinds,
            policy,
            agreed: Agreed::default(),
            before: Agreed::default(),
        }
    }

    /// Says which kinds of media are taken from the peer's offers from now on.
    pub fn set_kinds(&mut self, kinds: Vec<MediaType>) {
        self.kinds = kinds;
    }

    /// Whether an offer is open, ours or theirs.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.exchange != Exchange::Stable
    }

    /// Makes an offer with these streams, each of another kind. A stream keeps its m-line; the m-lines of streams that are
    /// left out are refused.
    ///
    /// # Errors
    /// [`OfferAnswerError::Glare`] while another offer is open; else when a stream can't be described.
    pub fn offer(&mut self, medias: &[LocalMedia]) -> Result<Vec<u8>, OfferAnswerError> {
        if self.is_open() {
            return Err(OfferAnswerError::Glare);
        }
        let mut next = self.agreed.clone();
        for (_, index) in &self.agreed.places {
            next.lines[*index] = sdp::refuse(&next.lines[*index]);
        }
        let mut address = None;
        for media in medias {
            let index = next.place(media.kind);
            let before = index.and_then(|index| next.lines.get(index));
            let (mut line, ip) = media.write(before.map(|line| line.proto.as_ref()))?;
            if let Some(before) = before {
                (line.media, line.proto) = (before.media.clone(), before.proto.clone());
            }
            address.get_or_insert(ip);
            match index {
                Some(index) => next.lines[index] = line,
                None => {
                    next.places.push((media.kind, next.lines.len()));
                    next.lines.push(line);
                }
            }
        }
        let address = address.ok_or_else(|| SdpError::unacceptable(304, "there is no stream to offer"))?;
        self.before = std::mem::replace(&mut self.agreed, next);
        self.exchange = Exchange::LocalOffer;
        Ok(sdp::to_bytes(&self.local.build(address, self.agreed.lines.clone())))
    }

    /// Takes the peer's offer and returns the streams in it that we can take, at least one. [`OfferAnswer::answer`] or
    /// [`OfferAnswer::roll_back`] has to follow.
    ///
    /// # Errors
    /// [`OfferAnswerError::Glare`] while another offer is open; else when nothing in it is usable.
    pub fn remote_offer(
        &mut self,
        content_type: &str,
        body: &[u8],
    ) -> Result<Vec<RemoteMedia>, OfferAnswerError> {
        if self.is_open() {
            return Err(OfferAnswerError::Glare);
        }
        let session = sdp::parse_body(content_type, body)?;
        let (now, before) = (session.medias.len(), self.agreed.lines.len());
        if now < before {
            return Err(
                SdpError::malformed(format!("{now} m-lines were offered, there were {before}")).into()
            );
        }
        let mut medias = Vec::new();
        let mut refusal = None;
        for kind in &self.kinds {
            match sdp::find(&session, *kind, self.agreed.place(*kind), self.policy) {
                Ok(media) => medias.push(media),
                Err(error @ SdpError::Malformed { .. }) => return Err(error.into()),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        if let Some(error) = refusal.filter(|_| medias.is_empty()) {
            return Err(error.into());
        }
        let lines = session.medias.iter().map(sdp::refuse).collect();
        let next = Agreed { lines, places: self.agreed.places.clone() };
        self.before = std::mem::replace(&mut self.agreed, next);
        let places = medias.iter().map(|media| (media.kind, media.index)).collect();
        self.exchange = Exchange::RemoteOffer { places };
        Ok(medias)
    }

    /// Answers an offer of the peer without taking anything of it: every m-line is refused. A later offer of ours takes the first
    /// line of each kind.
    ///
    /// # Errors
    /// [`OfferAnswerError::Glare`] while another offer is open; else when the offer can't be read.
    pub fn decline(&mut self, content_type: &str, body: &[u8]) -> Result<Vec<u8>, OfferAnswerError> {
        if self.is_open() {
            return Err(OfferAnswerError::Glare);
        }
        let session = sdp::parse_body(content_type, body)?;
        let line = |kind: &MediaType| {
            let of_kind = |media: &sdp_types::Media| media.media.eq_ignore_ascii_case(kind.as_str());
            session.medias.iter().position(of_kind).map(|index| (*kind, index))
        };
        let places = self.kinds.iter().filter_map(line).collect();
        self.agreed = Agreed { lines: session.medias.iter().map(sdp::refuse).collect(), places };
        let nowhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        Ok(sdp::to_bytes(&self.local.build(nowhere, self.agreed.lines.clone())))
    }

    /// Answers the peer's offer: our streams at their places, every other m-line refused.
    ///
    /// # Errors
    /// [`OfferAnswerError::NoOffer`] when there is none; else when a stream can't be described.
    pub fn answer(&mut self, medias: &[LocalMedia]) -> Result<Vec<u8>, OfferAnswerError> {
        let Exchange::RemoteOffer { places } = &self.exchange else { return Err(OfferAnswerError::NoOffer) };
        let mut next = self.agreed.clone();
        let mut address = None;
        for media in medias {
            let Some(index) = place(places, media.kind) else { continue };
            let offered = &next.lines[index];
            let (mut line, ip) = media.write(Some(&offered.proto))?;
            // In the letters of the offer, which not every peer takes for the same as ours.
            (line.media, line.proto) = (offered.media.clone(), offered.proto.clone());
            address.get_or_insert(ip);
            next.lines[index] = line;
            next.places.retain(|(kind, _)| *kind != media.kind);
            next.places.push((media.kind, index));
        }
        let address =
            address.ok_or_else(|| SdpError::unacceptable(304, "no stream of the offer is taken"))?;
        self.agreed = next;
        self.exchange = Exchange::Stable;
        Ok(sdp::to_bytes(&self.local.build(address, self.agreed.lines.clone())))
    }

    /// Takes the peer's answer to our offer and returns the streams that it takes, at least one.
    ///
    /// # Errors
    /// [`OfferAnswerError::NoOffer`] when we made none; else when the answer does not fit the offer, or refuses
    /// every stream. The offer is closed in every case.
    pub fn remote_answer(
        &mut self,
        content_type: &str,
        body: &[u8],
    ) -> Result<Vec<RemoteMedia>, OfferAnswerError> {
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
            self.agreed = std::mem::take(&mut self.before);
            self.exchange = Exchange::Stable;
        }
    }

    fn read_answer(&self, content_type: &str, body: &[u8]) -> Result<Vec<RemoteMedia>, OfferAnswerError> {
        let session = sdp::parse_body(content_type, body)?;
        let (answered, offered) = (session.medias.len(), self.agreed.lines.len());
        if answered != offered {
            let text = format!("the answer has {answered} m-lines, the offer had {offered}");
            return Err(SdpError::malformed(text).into());
        }
        let mut medias = Vec::new();
        let mut refusal = None;
        let is_offered = |(_, index): &&(MediaType, usize)| self.agreed.lines[*index].port != 0;
        for (kind, index) in self.agreed.places.iter().filter(is_offered) {
            let line = &session.medias[*index];
            if !line.media.eq_ignore_ascii_case(kind.as_str()) {
                let shown: String = line.media.chars().take(32).collect();
                return Err(SdpError::malformed(format!("m={shown} answers m={kind}")).into());
            }
            if line.port == 0 {
                let formats = &self.agreed.lines[*index].fmt;
                let text =
                    format!("the peer refused the {kind} stream; payload types {formats} were offered");
                refusal = refusal.or(Some(SdpError::unacceptable(305, text)));
                continue;
            }
            let media = RemoteMedia::read(&session, *index)?;
            media.check(self.policy)?;
            medias.push(media);
        }
        match refusal.filter(|_| medias.is_empty()) {
            Some(error) => Err(error.into()),
            None => Ok(medias),
        }
    }
}

#[cfg(test)]
mod tests {
    use fs_proto::{Candidate, CandidateType, Codec, StreamDirection};

    use super::*;

    const TYPE: &str = "application/sdp";

    fn local(port: u16) -> [LocalMedia; 1] {
        [LocalMedia {
            codecs: vec![Codec::new(0, "PCMU", MediaType::Audio, 8000)],
            candidates: vec![Candidate::new("L1", 1, CandidateType::Host, "127.0.0.1", port)],
            direction: StreamDirection::BOTH,
            ..LocalMedia::default()
        }]
    }

    fn video(port: u16) -> LocalMedia {
        LocalMedia {
            kind: MediaType::Video,
            codecs: vec![Codec::new(96, "VP8", MediaType::Video, 90000)],
            candidates: vec![Candidate::new("L1", 1, CandidateType::Host, "127.0.0.1", port)],
            direction: StreamDirection::BOTH,
            ..LocalMedia::default()
        }
    }

    fn both_kinds(policy: SrtpPolicy) -> OfferAnswer {
        OfferAnswer::with_media(4, "x", vec![MediaType::Audio, MediaType::Video], policy)
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
        let seen = b.remote_offer(TYPE, &offer).unwrap().remove(0);
        assert_eq!((seen.candidates[0].port, seen.codecs[0].encoding_name.as_str()), (4000, "PCMU"));
        let answer = b.answer(&local(5000)).unwrap();
        assert_eq!(a.remote_answer(TYPE, &answer).unwrap()[0].candidates[0].port, 5000);
        assert!(!a.is_open() && !b.is_open());
    }

    #[test]
    fn other_media_stay_refused_at_their_place() {
        let mut b = OfferAnswer::new(4, "b");
        let offer = peer("m=video 1 RTP/AVP 96\r\nm=audio 4000 RTP/AVPF 0\r\nm=message 2 TCP/MSRP *\r\n");
        assert_eq!(b.remote_offer(TYPE, &offer).unwrap()[0].index, 1);
        let answer = text(b.answer(&local(5000)).unwrap());
        let lines: Vec<_> = answer.lines().filter(|l| l.starts_with("m=")).collect();
        assert_eq!(lines, ["m=video 0 RTP/AVP 96", "m=audio 5000 RTP/AVPF 0", "m=message 0 TCP/MSRP *"]);
        let offer = text(b.offer(&local(5002)).unwrap());
        let lines: Vec<_> = offer.lines().filter(|l| l.starts_with("m=")).collect();
        assert_eq!(lines, ["m=video 0 RTP/AVP 96", "m=audio 5002 RTP/AVPF 0", "m=message 0 TCP/MSRP *"]);
        assert!(offer.contains("o=- 1 2 IN IP4 127.0.0.1"), "{offer}");
    }

    /// RFC 3264 section 6: media and transport of an answer's line are those of the offer's.
    #[test]
    fn media_are_named_as_the_peer_names_them() {
        let mut b = OfferAnswer::new(4, "b");
        b.remote_offer(TYPE, &peer("m=Audio 4000 RTP/AVPf 0\r\n")).unwrap();
        assert!(text(b.answer(&local(5000)).unwrap()).contains("m=Audio 5000 RTP/AVPf 0\r\n"));
        assert!(text(b.offer(&local(5002)).unwrap()).contains("m=Audio 5002 RTP/AVPf 0\r\n"));
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
        let before = (b.agreed.places.clone(), b.agreed.lines.clone());
        assert!(b.remote_offer(TYPE, &peer("")).is_err());
        b.remote_offer(TYPE, &peer("m=audio 1 RTP/AVP 8\r\nm=video 2 RTP/AVP 96\r\n")).unwrap();
        b.roll_back();
        assert_eq!((b.agreed.places.clone(), b.agreed.lines.clone()), before);
    }

    #[test]
    fn sound_and_pictures_keep_their_lines() {
        let (mut a, mut b) = (both_kinds(SrtpPolicy::Disabled), both_kinds(SrtpPolicy::Disabled));
        let [audio] = local(4000);
        let offer = a.offer(&[audio.clone(), video(4002)]).unwrap();
        let seen = b.remote_offer(TYPE, &offer).unwrap();
        let kinds: Vec<_> = seen.iter().map(|m| (m.kind, m.index)).collect();
        assert_eq!(kinds, [(MediaType::Audio, 0), (MediaType::Video, 1)]);
        let answer = b.answer(&[local(5000)[0].clone(), video(5002)]).unwrap();
        let seen = a.remote_answer(TYPE, &answer).unwrap();
        assert_eq!(seen.iter().map(|m| m.candidates[0].port).collect::<Vec<_>>(), [5000, 5002]);
        // The camera is switched off: its m-line stays, refused.
        let offer = text(a.offer(&[audio]).unwrap());
        let lines: Vec<_> = offer.lines().filter(|l| l.starts_with("m=")).collect();
        assert_eq!(lines, ["m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 96"]);
        assert_eq!(b.remote_offer(TYPE, offer.as_bytes()).unwrap().len(), 1);
        let answer = b.answer(&local(5000)).unwrap();
        assert_eq!(a.remote_answer(TYPE, &answer).unwrap().len(), 1);
        // And on again.
        let offer = a.offer(&[local(4000)[0].clone(), video(4002)]).unwrap();
        assert_eq!(b.remote_offer(TYPE, &offer).unwrap()[1].index, 1);
    }

    #[test]
    fn a_stream_that_is_refused_leaves_the_others() {
        let mut a = both_kinds(SrtpPolicy::Disabled);
        a.offer(&[local(4000)[0].clone(), video(4002)]).unwrap();
        let answer = peer("m=audio 5000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n");
        assert_eq!(a.remote_answer(TYPE, &answer).unwrap().len(), 1);
        a.offer(&[local(4000)[0].clone(), video(4002)]).unwrap();
        let answer = peer("m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n");
        assert_eq!(a.remote_answer(TYPE, &answer).unwrap_err().status_code(), 488);
    }

    #[test]
    fn encryption_is_a_must_where_the_policy_says_so() {
        let plain = peer("m=audio 4000 RTP/AVP 0\r\n");
        assert_eq!(
            both_kinds(SrtpPolicy::Mandatory).remote_offer(TYPE, &plain).unwrap_err().status_code(),
            488
        );
        assert!(both_kinds(SrtpPolicy::Optional).remote_offer(TYPE, &plain).is_ok());
        let mut a = both_kinds(SrtpPolicy::Mandatory);
        let offer = a.offer(&[LocalMedia { secure: true, ..local(4000)[0].clone() }]).unwrap();
        assert!(text(offer).contains("m=audio 4000 RTP/SAVP 0"));
        assert_eq!(a.remote_answer(TYPE, &plain).unwrap_err().status_code(), 488);
    }
}
