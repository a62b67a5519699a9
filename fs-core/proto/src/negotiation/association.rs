//! The agreed list: each entry ties an advertised codec to the capability that handles it.

use crate::codec::Codec;

use super::rules;

/// Optional parameter of a preference: the bin description that replaces the discovered send elements.
pub const SEND_PROFILE: &str = "farstream-send-profile";
/// Optional parameter of a preference: the bin description that replaces the discovered receive elements.
pub const RECV_PROFILE: &str = "farstream-recv-profile";
/// Encoding name of a preference that only keeps a payload type free.
pub const RESERVE_PT: &str = "reserve-pt";

/// One codec of a session, as agreed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Association {
    /// What we advertise.
    pub codec: Codec,
    /// What we send with: the peer's wishes applied. Same payload type as `codec`.
    pub send_codec: Codec,
    /// Index into the capabilities; `None` if only profiles handle it.
    pub capability: Option<usize>,
    /// Bin description that replaces the discovered send elements.
    pub send_profile: Option<String>,
    /// Bin description that replaces the discovered receive elements.
    pub recv_profile: Option<String>,
    /// There is a way to encode it.
    pub can_send: bool,
    /// Hidden: only keeps its payload type from being used again.
    pub disabled: bool,
    /// Hidden: its payload type was reserved by a preference.
    pub reserved: bool,
    /// Hidden: offered earlier, still decoded if the peer uses it.
    pub recv_only: bool,
    /// A mandatory part of its stream description (Theora's tables, H.264's parameter sets) is not known yet.
    pub need_config: bool,
}

impl Association {
    /// Whether it stands in `codecs`.
    pub fn is_visible(&self) -> bool {
        !self.disabled && !self.reserved && !self.recv_only
    }

    /// Whether it may be chosen for sending.
    pub fn is_sendable(&self) -> bool {
        self.is_visible() && self.can_send
    }

    /// Whether packets with its payload type can be decoded.
    pub fn is_receivable(&self) -> bool {
        !self.disabled && !self.reserved
    }

    /// The advertised codec without stream description (`codecs-without-config`).
    pub fn codec_without_config(&self) -> Codec {
        rules::without_config(&self.codec)
    }

    pub(super) fn placeholder(codec: Codec) -> Self {
        Self { send_codec: codec.clone(), codec, disabled: true, ..Self::default() }
    }
}

/// The agreed list of a session, best codec first, hidden entries last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Associations(pub Vec<Association>);

impl std::ops::Deref for Associations {
    type Target = [Association];

    fn deref(&self) -> &[Association] {
        &self.0
    }
}

impl std::ops::DerefMut for Associations {
    fn deref_mut(&mut self) -> &mut [Association] {
        &mut self.0
    }
}

impl Associations {
    /// The entries that stand in `codecs`, best first.
    pub fn visible(&self) -> impl Iterator<Item = &Association> {
        self.iter().filter(|a| a.is_visible())
    }

    /// The session's `codecs`; `None` while some entry lacks its stream description.
    pub fn codecs(&self) -> Option<Vec<Codec>> {
        let ready = !self.visible().any(|a| a.need_config);
        ready.then(|| self.visible().map(|a| a.codec.clone()).collect())
    }

    /// The session's `codecs-without-config`; always available.
    pub fn codecs_without_config(&self) -> Vec<Codec> {
        self.visible().map(Association::codec_without_config).collect()
    }

    /// The entry that decodes packets with that payload type, earlier offers included.
    pub fn lookup_by_pt(&self, pt: u8) -> Option<&Association> {
        self.iter().find(|a| a.is_receivable() && a.codec.id == i32::from(pt))
    }

    /// The visible entry that equals a codec taken from `codecs`, with or without its stream description.
    pub fn lookup(&self, codec: &Codec) -> Option<&Association> {
        let wanted = rules::without_config(codec);
        self.visible().find(|a| {
            a.codec_without_config().matches(&wanted) || rules::without_config(&a.send_codec).matches(&wanted)
        })
    }

    /// The first entry that can be sent.
    pub fn default_send(&self) -> Option<&Association> {
        self.iter().find(|a| a.is_sendable())
    }

    /// The entry to send with: `requested` if it is still sendable, else the first that can be sent.
    pub fn choose_send(&self, requested: Option<&Codec>) -> Option<&Association> {
        requested
            .and_then(|codec| self.lookup(codec))
            .filter(|a| a.is_sendable())
            .or_else(|| self.default_send())
    }

    /// Records the stream description gathered for the codec with that payload type. Only parameters that
    /// describe a stream are taken. True if the advertised list changed.
    pub fn set_config(&mut self, pt: u8, config: &[crate::CodecParameter]) -> bool {
        let Some(entry) = self.0.iter_mut().find(|a| a.is_visible() && a.codec.id == i32::from(pt)) else {
            return false;
        };
        let before = entry.codec.clone();
        for parameter in config.iter().filter(|p| rules::is_config(&before, &p.name)) {
            rules::set_param(&mut entry.codec, &parameter.name, &parameter.value);
        }
        entry.need_config = rules::lacks_config(&entry.codec);
        entry.codec != before
    }

    /// Whether `codecs` of the two lists differ, or what is kept only for decoding does.
    pub(super) fn differs(&self, other: &Self) -> bool {
        let mine: Vec<_> = self.iter().filter(|a| a.is_receivable()).collect();
        let theirs: Vec<_> = other.iter().filter(|a| a.is_receivable()).collect();
        mine.len() != theirs.len()
            || mine.iter().zip(&theirs).any(|(a, b)| !a.codec.matches(&b.codec) || a.recv_only != b.recv_only)
    }
}
