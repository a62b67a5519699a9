//! The error codes of the library (`FsError`), as a GError domain and as an enum type.

use crate::enums::c_enum;

c_enum! {
    /// What went wrong (`FsError`, GError domain `fs-error`). Codes below 100 are fatal for the object.
    Error, "FsError", fs_error_get_type, default Internal;
    /// An element or object could not be built, linked or started.
    Construction = 1, "FS_ERROR_CONSTRUCTION", "construction";
    /// State that should be impossible; throw the object away.
    Internal = 2, "FS_ERROR_INTERNAL", "internal";
    /// The caller passed something that can't be used.
    InvalidArguments = 100, "FS_ERROR_INVALID_ARGUMENTS", "invalid-arguments";
    /// The network refused: no port, no address, no route.
    Network = 101, "FS_ERROR_NETWORK", "network";
    /// This conference or transmitter does not do that.
    NotImplemented = 102, "FS_ERROR_NOT_IMPLEMENTED", "not-implemented";
    /// No codec is left that both sides can use.
    NegotiationFailed = 103, "FS_ERROR_NEGOTIATION_FAILED", "negotiation-failed";
    /// Data came with a payload type nobody agreed on.
    UnknownCodec = 104, "FS_ERROR_UNKNOWN_CODEC", "unknown-codec";
    /// Nothing installed can code this kind of media.
    NoCodecs = 105, "FS_ERROR_NO_CODECS", "no-codecs";
    /// Preferences or allowed caps removed every codec.
    NoCodecsLeft = 106, "FS_ERROR_NO_CODECS_LEFT", "no-codecs-left";
    /// Connectivity was lost or never came.
    ConnectionFailed = 107, "FS_ERROR_CONNECTION_FAILED", "connection-failed";
    /// The object was destroyed, or has no transmitter yet.
    Disposed = 108, "FS_ERROR_DISPOSED", "disposed";
    /// There can be only one, and it exists.
    AlreadyExists = 109, "FS_ERROR_ALREADY_EXISTS", "already-exists";
}

impl Error {
    /// Whether the object that reported it should be thrown away (`FS_ERROR_IS_FATAL`).
    pub fn is_fatal(self) -> bool {
        (self as i32) < 100
    }
}

impl glib::error::ErrorDomain for Error {
    fn domain() -> glib::Quark {
        static DOMAIN: std::sync::OnceLock<glib::Quark> = std::sync::OnceLock::new();
        *DOMAIN.get_or_init(|| glib::Quark::from_str("fs-error"))
    }

    fn code(self) -> i32 {
        self as i32
    }

    fn from(code: i32) -> Option<Self> {
        Some(Self::from_c(u32::try_from(code).ok()?).unwrap_or(Self::Internal))
    }
}

/// The code of an error of this domain; [`Error::Internal`] for errors of other domains.
pub fn code_of(error: &glib::Error) -> Error {
    error.kind::<Error>().unwrap_or(Error::Internal)
}

/// Reads the last two arguments of an `error` signal: code and text.
pub(crate) fn arguments(values: &[glib::Value]) -> Option<(Error, String)> {
    let code = values.first()?.get::<Error>().ok()?;
    let text = values.get(1)?.get::<Option<String>>().ok()?.unwrap_or_default();
    Some((code, text))
}
