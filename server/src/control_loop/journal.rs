//! The thread that keeps the cluster's journal in files beside nodes.conf, so that it survives restarts.
//!
//! Two files: `<nodes.conf>.events`, and the one before it with `.1` at the end. When the first has grown to half of
//! `cluster-journal-max-size` it takes the other's place, so that no more than that size is ever on the disk.
//! Lines are those of [`cluster::journal::line`]. They are written, not synced: a crash of the process costs nothing, one
//! of the machine the last seconds.
//!
//! A disk that is full, read-only or slow disturbs nobody: what cannot be written is dropped and counted, the
//! log says so once, and at most [`WAITING_MAX`] events wait.

use crate::fifo::Jobs;
use cluster::Event;
use cluster::journal::line;
use runtime::{Level, Logger};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Most events that wait for the disk.
const WAITING_MAX: usize = 4096;
/// Most of a file that is read at start, however long it is.
const READ_MAX: u64 = 8 << 20;

/// Where the journal of the node with this nodes.conf is.
pub fn path_beside(nodes_conf: &Path) -> PathBuf {
    with_suffix(nodes_conf, ".events")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What the files hold, oldest first; nothing if they cannot be read.
pub fn read(path: &Path) -> Vec<Event> {
    let mut text = tail(&with_suffix(path, ".1")).unwrap_or_default();
    text.push(b'\n');
    text.extend(tail(path).unwrap_or_default());
    line::parse_all(&text)
}

fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(READ_MAX)))?;
    let mut text = Vec::new();
    file.take(READ_MAX).read_to_end(&mut text)?;
    Ok(text)
}

/// The running thread.
#[derive(Debug)]
pub struct Journal {
    jobs: Arc<Jobs<Event>>,
    dropped: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Starts the thread; the files together grow no larger than `max_size` bytes. With 0 nothing is written.
    pub fn start(path: PathBuf, max_size: u64, logger: Logger) -> io::Result<Self> {
        let (jobs, dropped) = (Arc::new(Jobs::new()), Arc::new(AtomicU64::new(0)));
        if max_size == 0 {
            return Ok(Self { jobs, dropped, thread: None });
        }
        let (queue, missed) = (jobs.clone(), dropped.clone());
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || {
            let mut files = Files::new(path, max_size);
            let mut batch = VecDeque::new();
            let mut failing = false;
            while queue.next_all(&mut batch) {
                let lines: String = batch.iter().map(line::print).collect();
                match files.append(lines.as_bytes()) {
                    Ok(()) if failing => {
                        failing = false;
                        let lost = missed.swap(0, Ordering::Relaxed);
                        let text =
                            format!("The cluster journal can be written again; {lost} events are missing.");
                        logger.log(Level::Notice, &text);
                    }
                    Ok(()) => {}
                    Err(error) => {
                        missed.fetch_add(batch.len() as u64, Ordering::Relaxed);
                        if !failing {
                            failing = true;
                            let why = runtime::process::reason(error);
                            let text = format!(
                                "The cluster journal {} cannot be written: {why}. Events are kept in memory only.",
                                files.path.display()
                            );
                            logger.log(Level::Warning, &text);
                        }
                    }
                }
            }
        })?;
        Ok(Self { jobs, dropped, thread: Some(thread) })
    }

    /// Appends an event, or drops it if the disk is too far behind.
    pub fn append(&self, event: Event) {
        if self.thread.is_some() && self.jobs.push_up_to(event, WAITING_MAX).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Journal {
    /// Waits until what waits is written.
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The two files.
#[derive(Debug)]
struct Files {
    path: PathBuf,
    /// Length at which the present file becomes the old one.
    turn_at: u64,
    /// The present file and its length, once it is open.
    open: Option<(File, u64)>,
}

impl Files {
    fn new(path: PathBuf, max_size: u64) -> Self {
        Self { path, turn_at: (max_size / 2).max(1), open: None }
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let outcome = self.try_append(lines);
        if outcome.is_err() {
            // What of the lines has arrived is not known: begin with a line of our own the next time.
            self.open = None;
        }
        outcome
    }

    fn try_append(&mut self, lines: &[u8]) -> io::Result<()> {
        let (mut file, mut length) = match self.open.take() {
            Some(open) => open,
            None => self.open_at_line_start()?,
        };
        // A batch that alone is longer than a file may be is cut at lines.
        for line in lines.split_inclusive(|b| *b == b'\n') {
            if length > 0 && length + line.len() as u64 > self.turn_at {
                std::fs::rename(&self.path, with_suffix(&self.path, ".1"))?;
                (file, length) = self.open_at_line_start()?;
            }
            file.write_all(line)?;
            length += line.len() as u64;
        }
        self.open = Some((file, length));
        Ok(())
    }

    /// The present file; a torn line at its end is ended.
    fn open_at_line_start(&self) -> io::Result<(File, u64)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        let mut length = file.metadata()?.len();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(length - 1))?;
            file.read_exact(&mut last)?;
            if last != [b'\n'] {
                file.write_all(b"\n")?;
                length += 1;
            }
        }
        Ok((file, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Epoch, NodeId, UnixMillis};
    use cluster::{EventType, Step};

    fn event(id: u64) -> Event {
        Event {
            id,
            at: UnixMillis(1),
            kind: EventType::Boot,
            step: Step::None,
            node: NodeId([b'a'; 40]),
            of: None,
            epoch: Epoch(0),
            text: "started".into(),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("grapevine-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn lines(ids: std::ops::RangeInclusive<u64>) -> Vec<u8> {
        ids.map(|id| line::print(&event(id))).collect::<String>().into_bytes()
    }

    #[test]
    fn bounded_and_read_back_in_order() {
        let folder = folder("rotate");
        let path = path_beside(&folder.join("nodes.conf"));
        let mut files = Files::new(path.clone(), 4096);
        for id in 1..=200 {
            files.append(&lines(id..=id)).unwrap();
        }
        files.append(&lines(201..=400)).unwrap();
        let on_disk: u64 =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(on_disk <= 4096, "{on_disk}");
        let ids: Vec<u64> = read(&path).iter().map(|e| e.id).collect();
        assert_eq!(ids.last(), Some(&400));
        assert!(ids.len() > 15 && ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{ids:?}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_torn_end_costs_one_event() {
        let folder = folder("torn");
        let path = folder.join("events");
        let mut text = lines(1..=2);
        text.truncate(text.len() - 5);
        std::fs::write(&path, &text).unwrap();
        let mut files = Files::new(path.clone(), 1 << 20);
        files.append(&lines(3..=3)).unwrap();
        let ids: Vec<u64> = read(&path).iter().map(|e| e.id).collect();
        assert_eq!(ids, [1, 2, 3], "a text may be torn, a line may not");
        assert_eq!(read(&path)[1].text, "sta");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_full_disk_is_survived_and_overcome() {
        let folder = folder("full");
        let path = folder.join("events");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut files = Files::new(path.clone(), 1 << 20);
        assert_eq!(files.append(&lines(1..=1)).unwrap_err().kind(), io::ErrorKind::StorageFull);
        std::fs::remove_file(&path).unwrap();
        files.append(&lines(2..=2)).unwrap();
        assert_eq!(read(&path).iter().map(|e| e.id).collect::<Vec<_>>(), [2]);
        // A folder under its name: neither readable nor writable.
        let blocked = folder.join("blocked");
        std::fs::create_dir(&blocked).unwrap();
        assert!(Files::new(blocked.clone(), 1 << 20).append(&lines(1..=1)).is_err());
        assert_eq!(read(&blocked), []);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
