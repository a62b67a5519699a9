//! What a session does later: one timer for everything that waits, on GStreamer's system clock thread.

use std::time::{Duration, Instant};

use glib::subclass::prelude::*;
use gst::prelude::*;

use super::imp;
use crate::rtp::substream::SubstreamKey;

/// Something to be done later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// No RTCP has told whose SSRC this is: give it to the only stream (`no-rtcp-timeout`).
    OnlyStream { ssrc: u32 },
    /// Another SSRC took over on its stream: remove the old one once it received no more packets than at the
    /// last look; `None` = no look yet.
    RemoveIfQuiet { ssrc: u32, packets: Option<u64> },
    /// Another payload type took over: remove the pad of this one, unless it came back.
    RestIfSuperseded(SubstreamKey),
    /// A telephony event may have ended without a word.
    CheckEvent(SubstreamKey),
    /// The source said BYE and its last packets are played: remove it.
    Remove { ssrc: u32 },
    /// Others need the place of a source that is silent.
    Dismiss { ssrc: u32 },
}

/// The waiting tasks of a session.
#[derive(Debug, Default)]
pub struct Timers {
    tasks: Vec<(Instant, Task)>,
    armed: Option<(Instant, gst::SingleShotClockId)>,
}

impl Timers {
    /// Adds a task, unless it already waits.
    pub fn add(&mut self, due: Instant, task: Task) {
        if !self.tasks.iter().any(|(_, waiting)| *waiting == task) {
            self.tasks.push((due, task));
        }
    }

    /// Takes out what is due.
    pub fn due(&mut self, now: Instant) -> Vec<Task> {
        let (due, waiting) = self.tasks.drain(..).partition(|(when, _)| *when <= now);
        self.tasks = waiting;
        let due: Vec<(Instant, Task)> = due;
        due.into_iter().map(|(_, task)| task).collect()
    }

    /// When the next task is due.
    pub fn next(&self) -> Option<Instant> {
        self.tasks.iter().map(|(when, _)| *when).min()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.tasks.clear();
        if let Some((_, id)) = self.armed.take() {
            id.unschedule();
        }
    }
}

impl imp::Session {
    /// Makes the clock call us when the next task is due. Call it after adding tasks, without the lock.
    pub(super) fn arm_timer(&self) {
        let mut state = self.state();
        let Some(next) = state.timers.next() else { return };
        if state.timers.armed.as_ref().is_some_and(|(when, _)| *when <= next && *when > Instant::now()) {
            return;
        }
        if let Some((_, id)) = state.timers.armed.take() {
            id.unschedule();
        }
        let clock = gst::SystemClock::obtain();
        let wait = next.saturating_duration_since(Instant::now());
        let id = clock.new_single_shot_id(clock.time() + clock_time(wait));
        state.timers.armed = Some((next, id.clone()));
        drop(state);
        let weak = self.obj().downgrade();
        // It fails only if the id was unscheduled meanwhile, and then it is not needed any more.
        let _ = id.wait_async(move |_, _, _| {
            let Some(session) = weak.upgrade() else { return };
            let Some(conference) = session.imp().conference() else { return };
            conference.call_async(move |_| session.imp().run_due_tasks());
        });
    }

    fn run_due_tasks(&self) {
        let due = {
            let mut state = self.state();
            state.timers.armed = None;
            state.timers.due(Instant::now())
        };
        for task in due {
            gst::debug!(crate::debug::CONFERENCE, "session {}: due: {task:?}", self.id());
            match task {
                Task::OnlyStream { ssrc } => self.give_to_only_stream(ssrc),
                Task::RemoveIfQuiet { ssrc, packets } => self.remove_if_quiet(ssrc, packets),
                Task::RestIfSuperseded(key) => self.rest_if_superseded(key),
                Task::CheckEvent(key) => self.check_event(key),
                Task::Remove { ssrc } => self.clear_ssrc(ssrc),
                Task::Dismiss { ssrc } => self.dismiss(ssrc),
            }
        }
        self.arm_timer();
    }
}

fn clock_time(duration: Duration) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_come_when_due_and_once() {
        let start = Instant::now();
        let mut timers = Timers::default();
        timers.add(start + Duration::from_secs(2), Task::Remove { ssrc: 2 });
        timers.add(start + Duration::from_secs(1), Task::OnlyStream { ssrc: 1 });
        timers.add(start + Duration::from_secs(3), Task::OnlyStream { ssrc: 1 });
        assert_eq!(timers.next(), Some(start + Duration::from_secs(1)));
        assert_eq!(timers.due(start), []);
        assert_eq!(timers.due(start + Duration::from_secs(1)), [Task::OnlyStream { ssrc: 1 }]);
        assert_eq!(timers.due(start + Duration::from_secs(9)), [Task::Remove { ssrc: 2 }]);
        assert_eq!(timers.next(), None);
    }
}
