//! The one thread on which all agents of the process wait, and on which their news and packets reach the streams.

use std::cell::RefCell;
use std::future::Future;
use std::rc::{Rc, Weak as LocalWeak};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_util::future::{AbortHandle, Abortable};
use glib::prelude::*;

use super::fd_source;
use super::{NiceStreamTransmitter, lock};
use crate::transmitter::network::{self, QUIET, Watch};

/// The shared thread; it ends after the last holder is gone.
pub(super) struct EventLoop {
    context: glib::MainContext,
    ended: Arc<AtomicBool>,
    /// Who is told when the network changed.
    listeners: Mutex<Vec<glib::WeakRef<NiceStreamTransmitter>>>,
    /// That will be told soon.
    changing: AtomicBool,
}

static SHARED: Mutex<Weak<EventLoop>> = Mutex::new(Weak::new());

impl EventLoop {
    /// The process's event loop, started if there is none.
    ///
    /// # Errors
    /// `CONSTRUCTION` when the system gives no thread.
    pub(super) fn shared() -> Result<Arc<Self>, glib::Error> {
        let mut shared = lock(&SHARED);
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let started = Self::start()?;
        started.watch();
        *shared = Arc::downgrade(&started);
        Ok(started)
    }

    /// An event loop with a thread of its own.
    ///
    /// # Errors
    /// As [`EventLoop::shared`].
    pub(super) fn start() -> Result<Arc<Self>, glib::Error> {
        let started = Arc::new(Self {
            context: glib::MainContext::new(),
            ended: Arc::default(),
            listeners: Mutex::default(),
            changing: AtomicBool::new(false),
        });
        let (context, ended) = (started.context.clone(), started.ended.clone());
        std::thread::Builder::new().name("fs-nice".into()).spawn(move || run(&context, &ended)).map_err(
            |e| {
                let text = format!("transmitter nice cannot start its thread: {e}");
                glib::Error::new(fs_core::Error::Construction, &text)
            },
        )?;
        Ok(started)
    }

    /// Where agents wait.
    pub(super) fn context(&self) -> &glib::MainContext {
        &self.context
    }

    /// Tells that stream when addresses of this host come or go.
    pub(super) fn listen(&self, stream: &NiceStreamTransmitter) {
        let mut listeners = lock(&self.listeners);
        listeners.retain(|other| other.upgrade().is_some());
        listeners.push(stream.downgrade());
    }

    fn watch(self: &Arc<Self>) {
        let watch = match Watch::open() {
            Ok(watch) => watch,
            Err(e) => return gst::warning!(super::CAT, "changes of the network are not noticed: {e}"),
        };
        let weak = Arc::downgrade(self);
        fd_source::attach(&self.context, watch, move |watch| {
            watch.drain();
            if let Some(events) = weak.upgrade() {
                events.note_change();
            }
        });
    }

    fn note_change(self: &Arc<Self>) {
        if self.changing.swap(true, Ordering::AcqRel) {
            return;
        }
        let weak = Arc::downgrade(self);
        self.post_after(QUIET, move || {
            if let Some(events) = weak.upgrade() {
                events.changing.store(false, Ordering::Release);
                let now = network::addresses();
                let listeners: Vec<_> =
                    lock(&events.listeners).iter().filter_map(glib::WeakRef::upgrade).collect();
                listeners.iter().for_each(|stream| stream.network_changed(&now));
            }
        });
    }

    /// Calls `job` on the loop's thread after so long.
    pub(super) fn post_after(&self, time: Duration, job: impl FnOnce() + Send + 'static) {
        let mut job = Some(job);
        let call = move || {
            if let Some(job) = job.take() {
                job();
            }
            glib::ControlFlow::Break
        };
        glib::timeout_source_new(time, None, glib::Priority::DEFAULT, call).attach(Some(&self.context));
    }

    /// Calls `job` on the loop's thread, after what was given before and never at once.
    pub(super) fn post(&self, job: impl FnOnce() + Send + 'static) {
        let mut job = Some(job);
        let call = move || {
            if let Some(job) = job.take() {
                job();
            }
            glib::ControlFlow::Break
        };
        glib::idle_source_new(None, glib::Priority::DEFAULT, call).attach(Some(&self.context));
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.context.wakeup();
    }
}

thread_local! {
    /// What the loop of this thread works on; each lives as long as its task.
    static TASKS: RefCell<Vec<(LocalWeak<()>, AbortHandle)>> = const { RefCell::new(Vec::new()) };
}

/// Begins a task on the loop's thread, from there. It goes with the loop.
pub(super) fn begin(priority: glib::Priority, task: impl Future<Output = ()> + 'static) {
    let (handle, registration) = AbortHandle::new_pair();
    let alive = Rc::new(());
    TASKS.with_borrow_mut(|tasks| {
        tasks.retain(|(alive, _)| alive.strong_count() > 0);
        tasks.push((Rc::downgrade(&alive), handle));
    });
    let task = Abortable::new(task, registration);
    glib::MainContext::ref_thread_default().spawn_local_with_priority(priority, async move {
        let _alive = alive;
        // Aborted or over.
        let _ = task.await;
    });
}

/// Ends the tasks of this thread's loop: whoever drops the context last may be in another thread, and they must not go there.
fn end_tasks(context: &glib::MainContext) {
    let tasks = TASKS.take();
    tasks.iter().for_each(|(_, handle)| handle.abort());
    while tasks.iter().any(|(alive, _)| alive.strong_count() > 0) {
        context.iteration(false);
    }
}

fn run(context: &glib::MainContext, ended: &AtomicBool) {
    let turned = context.with_thread_default(|| {
        while !ended.load(Ordering::Acquire) {
            context.iteration(true);
        }
        end_tasks(context);
    });
    if turned.is_err() {
        gst::error!(super::CAT, "another thread has the context of the ICE agents");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn tasks_end_on_the_thread_of_their_loop() {
        struct Local(Rc<()>, std::sync::mpsc::Sender<Option<String>>);
        impl Drop for Local {
            fn drop(&mut self) {
                let _ = self.1.send(std::thread::current().name().map(str::to_owned));
            }
        }
        for _ in 0..50 {
            let events = EventLoop::start().unwrap();
            let ((begun, has_begun), (tell, told)) = (channel(), channel());
            events.post(move || {
                let local = Local(Rc::default(), tell);
                begin(glib::Priority::DEFAULT, async move {
                    glib::timeout_future(Duration::from_secs(600)).await;
                    drop(local.0.clone());
                });
                begun.send(()).unwrap();
            });
            has_begun.recv_timeout(Duration::from_secs(20)).unwrap();
            drop(events);
            assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap().as_deref(), Some("fs-nice"));
        }
    }

    #[test]
    fn jobs_run_in_order_on_one_thread_that_all_share() {
        let (first, second) = (EventLoop::shared().unwrap(), EventLoop::shared().unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        let (tell, told) = channel();
        for (i, events) in [&first, &second, &first].into_iter().enumerate() {
            let tell = tell.clone();
            events.post(move || drop(tell.send((i, std::thread::current().name().map(str::to_owned)))));
        }
        for i in 0..3 {
            let name = Some("fs-nice".to_owned());
            assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap(), (i, name));
        }
    }
}
