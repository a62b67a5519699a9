//! Classes for tests: `bare` ones override nothing, `talking` ones all methods, `over` ones derive
//! from those, `keeping` ones override all properties.

#![allow(dead_code, reason = "not every test uses every class")]

pub mod bare;
pub mod keeping;
pub mod over;
pub mod talking;
