//! One process at a time runs agents on a state.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// The right of this process to run agents on a state, held until it is dropped or the process ends, in whatever way.
///
/// It is a lock on a file beside the state (`state.db.lock`), which the system releases by itself when the process is
/// killed. The file itself stays, with the number of the last process that held the lock.
#[derive(Debug)]
pub struct WorkerLock {
    state: PathBuf,
    _file: File,
}

impl WorkerLock {
    /// Takes the lock of the state at `path`. The directory must exist; [`StateFile::open`](crate::StateFile::open) makes it.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process (or another part of this one) holds it; [`Error::LockFile`] when the
    /// lock file cannot be made or locked.
    pub fn acquire(path: impl AsRef<Path>) -> Result<Self, Error> {
        let state = canonical(path.as_ref());
        let mut name = state.clone().into_os_string();
        name.push(".lock");
        let lock_path = PathBuf::from(name);
        let failed = |source| Error::LockFile {
            path: lock_path.clone(),
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&lock_path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = read_pid(&mut file);
                return Err(Error::InUse { path: state, pid });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(Self { state, _file: file })
    }

    /// The state it is for.
    pub fn state(&self) -> &Path {
        &self.state
    }
}

/// One name for one file, however it is spelled. A file that does not exist yet is named by its directory.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match (parent.canonicalize(), path.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => path.to_path_buf(),
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())?;
    file.flush()
}

/// The number the holder has written. On a system where a locked file cannot be read it stays unknown.
fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_second_holder_is_refused_and_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let held = WorkerLock::acquire(&path).unwrap();

        let refused = WorkerLock::acquire(dir.path().join(".").join("state.db")).unwrap_err();

        assert_eq!(refused.kind(), ErrorKind::InUse);
        let pid = std::process::id().to_string();
        assert!(refused.to_string().contains(&pid), "{refused}");
        drop(held);
        WorkerLock::acquire(&path).unwrap();
    }

    #[test]
    fn a_lock_that_cannot_be_made_names_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = WorkerLock::acquire(dir.path().join("missing").join("state.db")).unwrap_err();
        assert!(matches!(&error, Error::LockFile { path, .. } if path.ends_with("missing/state.db.lock")));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_state_is_the_same_state() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        std::fs::write(&path, "").unwrap();
        let link = dir.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let _held = WorkerLock::acquire(&path).unwrap();
        assert!(WorkerLock::acquire(&link).is_err());
    }
}
