//! The media streams of a session. For now there is one kind: [`audio::AudioStream`].

pub mod audio;

pub use audio::AudioStream;
