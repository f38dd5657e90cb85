//! Looking into the stores of a topology under test, and writing to them.

use super::driver::TopologyTestDriver;
use crate::error::{Error, Result};
use crate::record::Headers;
use crate::serde::Data;
use crate::state::{KeyValueStore, Stamped, WindowStore};
use crate::time::Timestamp;
use crate::windows::Windowed;

impl TopologyTestDriver {
    /// Returns the value of a key in a key-value store.
    ///
    /// # Errors
    ///
    /// Where there is no such store, or its rows cannot be decoded.
    ///
    /// # Panics
    ///
    /// Panics if the store has other types.
    pub fn key_value<K: Data, V: Data>(&self, store: &str, key: &K) -> Result<Option<V>> {
        self.exists(store)?;
        let mut driven = self.0.borrow_mut();
        let stores = driven.task.stores_mut();
        let access = stores.access(stores.reference::<KeyValueStore<K, V>>(store));
        let row = access.store.get(access.backend, key)?;
        Ok(row.map(|stamped| stamped.value.clone()))
    }

    /// Returns all rows of a key-value store with their timestamps, in order of the keys' bytes.
    ///
    /// # Errors
    ///
    /// As [`key_value`](Self::key_value).
    ///
    /// # Panics
    ///
    /// As [`key_value`](Self::key_value).
    pub fn key_value_rows<K: Data, V: Data>(&self, store: &str) -> Result<Vec<(K, Stamped<V>)>> {
        self.exists(store)?;
        let mut driven = self.0.borrow_mut();
        let stores = driven.task.stores_mut();
        let access = stores.access(stores.reference::<KeyValueStore<K, V>>(store));
        access.store.rows(access.backend)
    }

    /// Writes a row of a key-value store, as a processor with access to it would; the update is
    /// forwarded.
    ///
    /// # Errors
    ///
    /// As [`key_value`](Self::key_value); also what processing the update says.
    ///
    /// # Panics
    ///
    /// As [`key_value`](Self::key_value).
    pub fn put<K: Data, V: Data>(
        &self,
        store: &str,
        key: K,
        value: Option<V>,
        timestamp: Timestamp,
    ) -> Result<()> {
        self.exists(store)?;
        let mut driven = self.0.borrow_mut();
        let stores = driven.task.stores_mut();
        let access = stores.access(stores.reference::<KeyValueStore<K, V>>(store));
        let value = value.map(|value| Stamped { value, timestamp });
        access.store.upsert(access.backend, key, value, (timestamp, Headers::default()))?;
        driven.commit()?;
        driven.run()
    }

    /// Returns all rows of a window store with their timestamps, in order of segment, key and start.
    ///
    /// # Errors
    ///
    /// As [`key_value`](Self::key_value).
    ///
    /// # Panics
    ///
    /// As [`key_value`](Self::key_value).
    pub fn window_rows<K: Data, V: Data>(
        &self,
        store: &str,
    ) -> Result<Vec<(Windowed<K>, Stamped<V>)>> {
        self.exists(store)?;
        let mut driven = self.0.borrow_mut();
        let stores = driven.task.stores_mut();
        let access = stores.access(stores.reference::<WindowStore<K, V>>(store));
        access.store.rows(access.backend)
    }

    fn exists(&self, store: &str) -> Result<()> {
        match self.0.borrow().task.stores().by_name(store) {
            Some(_) => Ok(()),
            None => Err(Error::state(format!("the topology has no store {store}"))),
        }
    }
}
