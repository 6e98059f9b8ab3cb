//! Instance lock: ensures that only one process runs tasks on a SQLite file.

use std::fs::File;
#[cfg(feature = "sqlite")]
use std::path::Path;

use super::{Pool, Store};

/// Lock held by the one process that runs tasks on a SQLite file; the OS releases it if the process
/// dies.
#[derive(Debug)]
pub(crate) struct InstanceLock {
    _lock: Option<File>,
}

impl Store {
    /// Tries to acquire the lock, which proves that no other process runs tasks on this database.
    ///
    /// PostgreSQL supports several processes and has no such lock.
    pub(crate) fn try_instance_lock(&self) -> Option<InstanceLock> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite { lock: None, .. } => Some(InstanceLock { _lock: None }),
            #[cfg(feature = "sqlite")]
            Pool::Sqlite {
                lock: Some(path), ..
            } => match try_lock(path) {
                Ok(lock) => Some(InstanceLock { _lock: Some(lock) }),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "another process runs tasks on this SQLite file");
                    None
                }
            },
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => None,
        }
    }
}

/// Options for a new file that only its owner can read and write.
#[cfg(feature = "sqlite")]
pub(super) fn private_options() -> std::fs::OpenOptions {
    #[cfg_attr(
        not(unix),
        expect(unused_mut, reason = "only Unix has such permissions")
    )]
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(feature = "sqlite")]
fn try_lock(path: &Path) -> std::io::Result<File> {
    let file = private_options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.try_lock()?;
    Ok(file)
}
