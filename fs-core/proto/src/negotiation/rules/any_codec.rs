//! Parameters of any codec: packet times (RFC 8866 section 6.4), and those that never leave the session.

use super::param::{Number, Rule};
use super::{Kinds, ParamRule};
use crate::negotiation::{RECV_PROFILE, SEND_PROFILE};

pub(super) static PARAMS: [ParamRule; 4] = [
    ParamRule::new("ptime", Kinds::AVOID, Rule::Minimum(Number::ANY)),
    ParamRule::new("maxptime", Kinds::AVOID, Rule::Minimum(Number::ANY)),
    ParamRule::new(SEND_PROFILE, Kinds::NONE, Rule::Copy),
    ParamRule::new(RECV_PROFILE, Kinds::NONE, Rule::Copy),
];
