//! The one tokio runtime of the process for all SIP elements, and waiting for it from other threads.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

/// A handle on the runtime; the first call starts it.
///
/// # Errors
/// When the system gives no threads or no poll handle.
pub fn handle() -> Result<Handle, std::io::Error> {
    let start = || Builder::new_multi_thread().worker_threads(2).thread_name("fssip").enable_all().build();
    RUNTIME.get_or_try_init(start).map(|runtime| runtime.handle().clone())
}

/// Runs a future on the runtime and waits for its value from a thread that may be any, also one of another tokio
/// runtime. `None` when it takes longer than `limit` or panics.
pub fn wait_for<T: Send + 'static>(
    handle: &Handle,
    limit: Duration,
    future: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    handle.spawn(async move {
        // The waiting thread may have given up.
        let _ = sender.send(future.await);
    });
    receiver.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_limits() {
        let handle = handle().unwrap();
        assert_eq!(wait_for(&handle, Duration::from_secs(10), async { 7 }), Some(7));
        let never = std::future::pending::<()>();
        assert_eq!(wait_for(&handle, Duration::from_millis(10), never), None);
    }

    #[tokio::test]
    async fn waiting_inside_another_runtime_is_allowed() {
        let handle = handle().unwrap();
        assert_eq!(wait_for(&handle, Duration::from_secs(10), async { 1 }), Some(1));
    }
}
