//! One socket: packets of the session go out through an `appsink`, received ones come in through an `appsrc`.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::lock;

/// A packet is lost rather than waited for longer than this when the peer's queue is full.
const PATIENCE: Duration = Duration::from_millis(2);
const LARGEST_PACKET: usize = 65536;

/// What the threads look at.
struct Shared {
    socket: UnixDatagram,
    path: PathBuf,
    remote: Mutex<Option<PathBuf>>,
    sending: AtomicBool,
    stopped: AtomicBool,
}

/// The socket of one component of one stream.
pub(crate) struct Port {
    shared: Arc<Shared>,
    pub(crate) appsink: gst_app::AppSink,
    pub(crate) appsrc: gst_app::AppSrc,
    reader: Option<JoinHandle<()>>,
}

impl Port {
    /// Binds a socket to `path`.
    pub(crate) fn bind(path: &Path, do_timestamp: bool) -> io::Result<Self> {
        let socket = UnixDatagram::bind(path)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let shared = Arc::new(Shared {
            socket,
            path: path.to_owned(),
            remote: Mutex::new(None),
            sending: AtomicBool::new(true),
            stopped: AtomicBool::new(false),
        });
        let sender = shared.clone();
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(buffer) = sample.buffer() {
                sender.send(buffer);
            }
            Ok(gst::FlowSuccess::Ok)
        });
        let appsink =
            gst_app::AppSink::builder().sync(false).async_(false).callbacks(callbacks.build()).build();
        let appsrc = gst_app::AppSrc::builder()
            .is_live(true)
            .format(gst::Format::Time)
            .do_timestamp(do_timestamp)
            .leaky_type(gst_app::AppLeakyType::Downstream)
            .build();
        Ok(Self { shared, appsink, appsrc, reader: None })
    }

    /// Starts the thread that receives. `on_known` is called for each packet of the remote socket before it goes on.
    pub(crate) fn start<F: Fn(&gst::Buffer) + Send + 'static>(&mut self, on_known: F) -> io::Result<()> {
        let (shared, appsrc) = (self.shared.clone(), self.appsrc.clone());
        let reader = std::thread::Builder::new().name("unixgram".to_owned());
        self.reader = Some(reader.spawn(move || shared.receive(&appsrc, &on_known))?);
        Ok(())
    }

    /// The address to tell the peer.
    pub(crate) fn path(&self) -> String {
        self.shared.path.to_string_lossy().into_owned()
    }

    /// Sends to this socket from now on.
    pub(crate) fn set_remote(&self, path: &str) {
        *lock(&self.shared.remote) = Some(path.into());
    }

    /// Lets packets go, or drops them.
    pub(crate) fn set_sending(&self, sending: bool) {
        self.shared.sending.store(sending, Ordering::Relaxed);
    }

    /// Ends the thread and removes the socket's file.
    pub(crate) fn stop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // An empty packet wakes the reader; if there is no room for it, the reader is awake.
        let _ = self.shared.socket.send_to(&[], &self.shared.path);
        if let Some(reader) = self.reader.take()
            && reader.thread().id() != std::thread::current().id()
        {
            // The reader returns nothing, and if it panicked that was said already.
            let _ = reader.join();
        }
        // Someone may have tidied up before us.
        let _ = std::fs::remove_file(&self.shared.path);
    }
}

impl Shared {
    /// Runs on the streaming thread. The peer may not be there yet, or no longer: such packets are lost, as in any network.
    fn send(&self, buffer: &gst::BufferRef) {
        if !self.sending.load(Ordering::Relaxed) {
            return;
        }
        let Some(remote) = lock(&self.remote).clone() else { return };
        if let Ok(packet) = buffer.map_readable() {
            let _ = self.socket.send_to(&packet, remote);
        }
    }

    fn receive(&self, appsrc: &gst_app::AppSrc, on_known: &dyn Fn(&gst::Buffer)) {
        let mut packet = vec![0; LARGEST_PACKET];
        while let Ok((size, from)) = self.socket.recv_from(&mut packet) {
            if self.stopped.load(Ordering::Acquire) {
                return;
            }
            let buffer = gst::Buffer::from_slice(packet[..size].to_vec());
            if from.as_pathname().is_some_and(|path| lock(&self.remote).as_deref() == Some(path)) {
                on_known(&buffer);
            }
            // While the pipeline does not run there is nobody to take it.
            let _ = appsrc.push_buffer(buffer);
        }
    }
}
