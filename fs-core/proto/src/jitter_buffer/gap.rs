//! Missing packets before one that came: when they were due, and when to give them up.

/// What is known about a gap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// The first missing sequence number, without wraps.
    pub(super) first: u64,
    count: u64,
    /// When the first missing packet was due, without latency and offset.
    pub(super) estimate_ns: u64,
    /// How far they are apart; 0 if that is not known.
    spacing_ns: u64,
    /// The time of the packet behind the gap.
    end_ns: u64,
}

/// What is given up at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) count: u64,
    pub(super) duration_ns: u64,
    /// From where the times of those that are still missing are counted.
    pub(super) reference_ns: u64,
}

impl Gap {
    /// Packets without a common spacing were due with the one behind them at the latest.
    pub(super) fn irregular(first: u64, count: u64, end_ns: u64) -> Self {
        Self { first, count, estimate_ns: end_ns, spacing_ns: 0, end_ns }
    }

    /// Equidistant packets behind one of the time `reference_ns`; `spacing_ns` is 0 while none is measured.
    pub(super) fn regular(first: u64, count: u64, reference_ns: u64, end_ns: u64, spacing_ns: u64) -> Self {
        let total_ns = end_ns.saturating_sub(reference_ns);
        let spacing_ns =
            if spacing_ns > 0 && total_ns > 0 { spacing_ns } else { total_ns / count.saturating_add(1) };
        let estimate_ns = reference_ns.saturating_add(spacing_ns).min(end_ns.max(reference_ns));
        Self { first, count, estimate_ns, spacing_ns, end_ns }
    }

    /// The first one. It covers what is longer than the usual spacing.
    pub(super) fn one(self) -> Loss {
        let left_ns = self.left_ns();
        let others_ns = self.count.saturating_sub(1).saturating_mul(self.spacing_ns);
        self.loss(1, left_ns.saturating_sub(others_ns).max(self.spacing_ns).min(left_ns))
    }

    /// All that were over when the gap was seen, as they are not waited for longer than `wait_ns`; one at least.
    pub(super) fn too_late(self, wait_ns: u64) -> Loss {
        let in_time = wait_ns.checked_div(self.spacing_ns).unwrap_or(0);
        let count = self.count.saturating_sub(in_time).max(1);
        let kept_ns = self.count.saturating_sub(count).saturating_mul(self.spacing_ns);
        self.loss(count, self.left_ns().saturating_sub(kept_ns))
    }

    /// Whether the packets have a common spacing.
    pub(super) fn is_regular(self) -> bool {
        self.spacing_ns > 0
    }

    fn left_ns(self) -> u64 {
        self.end_ns.saturating_sub(self.estimate_ns)
    }

    fn loss(self, count: u64, duration_ns: u64) -> Loss {
        let reference_ns = self.estimate_ns.saturating_add(duration_ns).saturating_sub(self.spacing_ns);
        Loss { count, duration_ns, reference_ns }
    }
}
