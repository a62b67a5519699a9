//! Packet times (RFC 8866 section 6.4), which any codec may carry as parameters.

use super::param::{Number, Rule};
use super::{Kinds, ParamRule};

pub(super) static PARAMS: [ParamRule; 2] = [
    ParamRule::new("ptime", Kinds::AVOID, Rule::Minimum(Number::ANY)),
    ParamRule::new("maxptime", Kinds::AVOID, Rule::Minimum(Number::ANY)),
];
