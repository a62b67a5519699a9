//! What a session decides without knowing any element: pure state machines that are told what happened and answer
//! with what to do.

pub mod telephony;
