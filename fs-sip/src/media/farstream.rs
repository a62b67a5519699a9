//! The media engine that drives a Farstream conference.
