//! Opening the state directory, and databases in it.

use crate::config::Settings;
use crate::error::Result;
use crate::task::Storage;
use crate::topology::TopicNames;

/// Opens and locks the state directory of an application, or of a version of it.
pub(crate) fn open(settings: &Settings, names: &TopicNames) -> Result<Storage> {
    let directory =
        crate::state::StateDirectory::open(&settings.state_dir, names.application_id())?;
    Ok(with_disk(settings, directory))
}

#[cfg(feature = "rocksdb")]
fn with_disk(settings: &Settings, directory: crate::state::StateDirectory) -> Storage {
    use std::sync::Arc;

    use crate::metrics::Level;
    use crate::state::MeteredBackend;
    use crate::state::rocksdb::{RocksDbBackend, RocksDbMemory, Statistics};
    use crate::time::SystemClock;

    let memory =
        RocksDbMemory::new(settings.rocksdb_block_cache_bytes, settings.rocksdb_write_buffer_bytes);
    let is_metered = settings.metrics_level >= Level::Debug;
    let statistics = if is_metered { Statistics::On } else { Statistics::Off };
    let open: crate::task::OpenBackend = Arc::new(move |path, families| {
        let count = families.len();
        let backend = Box::new(RocksDbBackend::open(path, families, &memory, statistics)?);
        if is_metered {
            let clock = Arc::new(SystemClock::start());
            return Ok(Box::new(MeteredBackend::new(backend, count, clock)));
        }
        Ok(backend)
    });
    Storage { disk: Some((directory, open)), default_store: settings.default_store }
}

#[cfg(not(feature = "rocksdb"))]
fn with_disk(settings: &Settings, directory: crate::state::StateDirectory) -> Storage {
    if settings.default_store == crate::config::StoreType::RocksDb {
        tracing::warn!(
            "built without the feature `rocksdb`: stores are in memory and restored at every start"
        );
    }
    drop(directory);
    Storage::in_memory()
}
