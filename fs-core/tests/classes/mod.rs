//! Classes for tests: `bare` ones override nothing, `talking` ones override everything.

pub mod bare;
pub mod talking;
