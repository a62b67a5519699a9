//! Feedback parameters both sides know (RFC 4585 section 4.2).

use crate::codec::{Codec, FeedbackParameter};

fn same(a: &FeedbackParameter, b: &FeedbackParameter) -> bool {
    a.kind.eq_ignore_ascii_case(&b.kind)
        && a.subtype.eq_ignore_ascii_case(&b.subtype)
        && a.extra_params.eq_ignore_ascii_case(&b.extra_params)
}

/// The remote's parameters that we have too, in the remote's order.
pub(super) fn intersect(local: &Codec, remote: &Codec) -> Vec<FeedbackParameter> {
    let known = |p: &&FeedbackParameter| local.feedback_params.iter().any(|q| same(p, q));
    remote.feedback_params.iter().filter(known).cloned().collect()
}

/// Whether the codec has this parameter without anything extra.
pub(super) fn has(codec: &Codec, kind: &str, subtype: &str) -> bool {
    codec.feedback_params.iter().any(|p| {
        p.kind.eq_ignore_ascii_case(kind)
            && p.subtype.eq_ignore_ascii_case(subtype)
            && p.extra_params.is_empty()
    })
}
