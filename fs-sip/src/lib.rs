//! SIP middleware over Farstream: sans-IO signalling, and the sessions with media on top.
//!
//! | Module | What it holds |
//! |---|---|
//! | [`application`] | the front door: start, call, be called, stop (`SIPApplication`) |
//! | [`account`] | who we are at which provider: settings, registrations (`AccountManager`) |
//! | [`session`] | a call: state machine, offer/answer, hold (`Session`) |
//! | [`event`] | what sessions and streams tell the application |
//! | [`stream`] | streams between a session and the media engine (`AudioStream`, `VideoStream`) |
//! | [`media`] | the media engine as a trait; Farstream's implementation, and a fake for tests |
//! | [`sdp`] | session descriptions ⇄ codecs and candidates |
//! | [`endpoint`] | transactions and dialogs composed, and the one task with the socket |
//! | [`publication`] | published state, kept alive |
//! | [`subscription`] | subscriptions to events, ours and those of others |
//! | [`registration`] | registrations at a registrar, kept alive |
//! | [`settings`] | settings that outlive the program, and where they are kept |
//! | [`resolver`] | where the servers of a domain are |
//! | [`wire`] | bytes ⇄ typed messages |
//!
//! Names in brackets are those of the SIP SIMPLE client SDK, whose behaviour the sessions follow. A session is
//! driven by its events; [`Session::accept`], [`Session::hangup`] and the like return at once.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use fs_sip::media::fake::FakeBackend;
//! use fs_sip::{Application, ApplicationConfig, SessionEvent};
//!
//! let (application, mut incoming) =
//!     Application::start(ApplicationConfig::default(), Arc::new(FakeBackend::g711())).await?;
//! println!("call me at {}", application.identity());
//! let mut call = incoming.recv().await.ok_or("stopped")?;
//! call.accept();
//! while let Some(event) = call.next_event().await {
//!     if let SessionEvent::DidEnd { end_reason, .. } = event {
//!         println!("over: {end_reason}");
//!     }
//! }
//! # Ok(()) }
//! ```

pub mod account;
pub mod application;
pub mod dialog;
pub mod endpoint;
pub mod error;
pub mod event;
pub mod limits;
pub mod media;
pub mod publication;
pub mod registration;
pub mod resolver;
pub mod sdp;
pub mod session;
pub mod settings;
pub mod stream;
pub mod subscription;
pub mod transaction;
pub mod transport;
pub mod wire;

pub use application::{
    Application, ApplicationConfig, ApplicationEvent, CallOptions, InviteError, StartError,
};
pub use event::{Originator, SessionEvent, StreamEvent};
pub use session::{CallInfo, MediaOptions, Refusal, Session, SessionControl, Transfer};
