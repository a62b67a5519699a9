//! What the examples share: measuring tones, and the sound, the figures and the comparison of a SIP call.

pub mod arguments;
pub mod call;
pub mod correlation;
pub mod phone;
pub mod speech;
pub mod tone;
pub mod wav;
