//! Cuts a byte stream into messages by Content-Length (RFC 3261 section 18.3)
//! and finds the keep-alives between them (RFC 5626 section 4.4.1).

use std::fmt;

use super::headers::name;
use super::lexer::lex;
use super::parse::content_length;
use crate::limits;

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The bytes of one message, ready for [`parse_frame`](super::parse_frame), which wants 513 where the body
    /// was longer than [`limits::MAX_BODY`] and is left out.
    Message(Vec<u8>),
    /// Two line ends between messages: answer with one.
    Ping,
    /// One line end between messages.
    Pong,
}

/// Why a stream can't be read on; close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The headers are longer than [`limits::MAX_HEAD`].
    HeadTooLong,
    /// Content-Length is missing, double or no number: the end of the message
    /// is unknown.
    NoLength,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadTooLong => write!(f, "headers longer than {} bytes", limits::MAX_HEAD),
            Self::NoLength => f.write_str("no usable Content-Length"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Collects the bytes of one connection.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Everything before this is known to hold no end of the head.
    searched: usize,
    /// So much of a body that is too long is still to come.
    skip: u64,
}

impl Framer {
    /// An empty stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds received bytes.
    pub fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// Is nothing left of what was pushed?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.skip == 0
    }

    /// The next complete frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// When the stream can't be divided any further.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.skip > 0 {
            let here = usize::try_from(self.skip).unwrap_or(usize::MAX).min(self.buffer.len());
            self.buffer.drain(..here);
            self.skip -= here as u64;
        }
        if self.buffer.starts_with(b"\r\n") {
            let ping = self.buffer.starts_with(b"\r\n\r\n");
            if !ping && b"\r\n\r\n".starts_with(&self.buffer) && self.buffer.len() > 2 {
                return Ok(None);
            }
            self.buffer.drain(..if ping { 4 } else { 2 });
            return Ok(Some(if ping { Frame::Ping } else { Frame::Pong }));
        }
        let from = self.searched.saturating_sub(3);
        let end = self.buffer[from..].windows(4).position(|w| w == b"\r\n\r\n");
        let Some(head) = end.map(|i| from + i + 4) else {
            self.searched = self.buffer.len();
            return if self.buffer.len() > limits::MAX_HEAD {
                Err(FrameError::HeadTooLong)
            } else {
                Ok(None)
            };
        };
        if head > limits::MAX_HEAD {
            return Err(FrameError::HeadTooLong);
        }
        let length = self.body_length(head)?;
        let Some(length) = usize::try_from(length).ok().filter(|n| *n <= limits::MAX_BODY) else {
            self.searched = 0;
            self.skip = length;
            let rest = self.buffer.split_off(head);
            return Ok(Some(Frame::Message(std::mem::replace(&mut self.buffer, rest))));
        };
        if self.buffer.len() - head < length {
            return Ok(None);
        }
        self.searched = 0;
        let rest = self.buffer.split_off(head + length);
        Ok(Some(Frame::Message(std::mem::replace(&mut self.buffer, rest))))
    }

    fn body_length(&self, head: usize) -> Result<u64, FrameError> {
        let lexed = lex(&self.buffer[..head]);
        let mut lengths = lexed.headers.all(name::CONTENT_LENGTH);
        let (Some(length), None) = (lengths.next(), lengths.next()) else {
            return Err(FrameError::NoLength);
        };
        content_length(length.value()).map_err(|_| FrameError::NoLength)
    }
}
