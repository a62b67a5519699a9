//! Classes for tests: `bare` ones override nothing, `talking` ones override everything, `over` ones derive from those.

#![allow(dead_code, reason = "not every test uses every class")]

pub mod bare;
pub mod over;
pub mod talking;
