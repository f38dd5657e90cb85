//! A task's stores behind typed references: the only downcast of the data plane.
//!
//! A [`StoreRef`] is made while the task is built, for a store whose type the same code declared, so a
//! wrong cast cannot be caused by a user.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Backend, Family, FamilyChanges, MemoryBackend, StateStore, StoreType};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Offset, StoreId};
use crate::metrics::{Metric, Value};

/// A typed reference to a store of the same task.
pub struct StoreRef<S> {
    index: usize,
    store: PhantomData<fn() -> S>,
}

impl<S> Clone for StoreRef<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for StoreRef<S> {}

impl<S> fmt::Debug for StoreRef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreRef({})", self.index)
    }
}

/// A store with the rows below it.
#[derive(Debug)]
pub struct StoreAccess<'a, S> {
    /// The store.
    pub store: &'a mut S,
    /// The committed rows.
    pub backend: &'a dyn Backend,
}

impl fmt::Debug for dyn Backend + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

/// The committed rows of a task's stores, without the stores: what outlives them when a task moves from
/// one thread to another.
#[derive(Debug, Default)]
pub struct Rows {
    memory: MemoryBackend,
    disk: Option<Box<dyn Backend>>,
}

impl Rows {
    /// Returns no rows yet, over a task's disk backend if it has one.
    #[must_use]
    pub fn new(disk: Option<Box<dyn Backend>>) -> Self {
        Self { memory: MemoryBackend::default(), disk }
    }

    fn of(&self, on_disk: bool) -> &dyn Backend {
        self.disk.as_deref().filter(|_| on_disk).unwrap_or(&self.memory)
    }
}

/// All stores of a task, and the backends with their committed rows.
pub struct StoreSet {
    stores: Vec<Slot>,
    by_name: HashMap<Arc<str>, usize>,
    rows: Rows,
}

struct Slot {
    id: StoreId,
    on_disk: bool,
    logged: bool,
    store: Box<dyn StateStore>,
}

impl StoreSet {
    /// Makes a set without stores over the rows of those to come.
    #[must_use]
    pub fn new(rows: Rows) -> Self {
        Self { stores: Vec::new(), by_name: HashMap::new(), rows }
    }

    /// Gives up the stores, and with them what is not committed; the committed rows remain.
    #[must_use]
    pub fn into_rows(self) -> Rows {
        self.rows
    }

    /// Adds a store.
    pub fn add(
        &mut self,
        id: StoreId,
        store_type: StoreType,
        logged: bool,
        store: Box<dyn StateStore>,
    ) {
        let on_disk = store_type == StoreType::RocksDb && self.rows.disk.is_some();
        self.by_name.insert(store.name().clone(), self.stores.len());
        self.stores.push(Slot { id, on_disk, logged, store });
    }

    /// Returns a typed reference to a store.
    ///
    /// # Panics
    ///
    /// Panics if the task has no such store of that type: a bug of the operator that asks.
    #[must_use]
    pub fn reference<S: StateStore>(&self, name: &str) -> StoreRef<S> {
        let index = self.by_name.get(name).copied();
        let slot = index.and_then(|index| self.stores.get(index));
        let found = slot.is_some_and(|slot| (&*slot.store as &dyn Any).is::<S>());
        assert!(found, "store {name} is not connected to this operator as the type it asks for");
        StoreRef { index: index.unwrap_or(0), store: PhantomData }
    }

    /// Returns a store with the rows below it.
    #[expect(clippy::indexing_slicing, clippy::expect_used, reason = "checked by `reference`")]
    pub fn access<S: StateStore>(&mut self, reference: StoreRef<S>) -> StoreAccess<'_, S> {
        let slot = &mut self.stores[reference.index];
        let store = (&mut *slot.store as &mut dyn Any).downcast_mut();
        let store = store.expect("`reference` checked the store's type");
        let backend = self.rows.of(slot.on_disk);
        StoreAccess { store, backend }
    }

    /// Returns the bytes that wait for a commit, of all stores together.
    #[must_use]
    pub fn uncommitted_bytes(&self) -> usize {
        self.stores.iter().map(|slot| slot.store.uncommitted_bytes()).sum()
    }

    /// Notes how far a store's changelog is acknowledged; the next commit writes it with the rows.
    pub fn set_offset(&mut self, id: StoreId, offset: Offset) {
        if let Some(slot) = self.stores.iter_mut().find(|slot| slot.id == id) {
            slot.store.set_offset(offset);
        }
    }

    /// Writes everything that waits, all stores as one, with the changelog offsets it stands for.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; then nothing on disk was.
    pub fn commit(&mut self) -> Result<()> {
        let changes = |on_disk| -> Vec<FamilyChanges<'_>> {
            let of_backend = self.stores.iter().filter(|slot| slot.on_disk == on_disk);
            of_backend
                .map(|slot| slot.store.pending())
                .filter(|changes| !changes.is_empty())
                .collect()
        };
        if let Some(disk) = &mut self.rows.disk {
            let changes = changes(true);
            if !changes.is_empty() {
                disk.commit(&changes)?;
            }
        }
        self.rows.memory.commit(&changes(false))?;
        for slot in &mut self.stores {
            slot.store.committed();
        }
        Ok(())
    }

    /// Makes what was committed survive a kill.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.rows.disk.as_mut().map_or(Ok(()), |disk| disk.flush())
    }

    /// Returns the logged stores with the changelog offset each goes on from; none: from the start.
    ///
    /// # Errors
    ///
    /// Where the offsets cannot be read.
    pub fn logged(&self) -> Result<Vec<LoggedStore>> {
        let logged = self.stores.iter().filter(|slot| slot.logged);
        logged
            .map(|slot| {
                let family = slot.store.pending().family;
                let backend = self.rows.of(slot.on_disk);
                let offset = backend.offset(family)?;
                Ok(LoggedStore { id: slot.id, name: slot.store.name().clone(), offset })
            })
            .collect()
    }

    /// Returns a store without its types.
    ///
    /// # Errors
    ///
    /// Where the task has no such store.
    pub fn by_id(&mut self, id: StoreId) -> Result<&mut dyn StateStore> {
        let slot = self.stores.iter_mut().find(|slot| slot.id == id);
        let Some(slot) = slot else {
            return Err(Error::new(ErrorKind::State, format!("no store with number {}", id.0)));
        };
        Ok(&mut *slot.store)
    }

    /// Returns a store by its name, with the rows below it, for reading it from outside.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<(&dyn StateStore, &dyn Backend)> {
        let slot = self.by_name.get(name).and_then(|&index| self.stores.get(index))?;
        let backend = self.rows.of(slot.on_disk);
        Some((&*slot.store, backend))
    }

    /// Visits what the database tells of the stores that are kept in it, or of all together.
    pub fn disk_figures(&self, mut visit: impl FnMut(Option<&Arc<str>>, Metric, Value)) {
        let Some(disk) = &self.rows.disk else { return };
        let on_disk = self.stores.iter().filter(|slot| slot.on_disk);
        let names: HashMap<Family, &Arc<str>> =
            on_disk.map(|slot| (slot.store.pending().family, slot.store.name())).collect();
        disk.figures(&mut |family, metric, value| {
            match family.map(|family| names.get(&family)) {
                // A store of the task that is not kept there.
                Some(None) => {}
                Some(Some(name)) => visit(Some(name), metric, value),
                None => visit(None, metric, value),
            }
        });
    }

    /// Visits the stores, in the order of their rows' families.
    pub fn iter(&self) -> impl Iterator<Item = &dyn StateStore> {
        self.stores.iter().map(|slot| &*slot.store)
    }

    /// Returns whether there is no store at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stores.is_empty()
    }
}

/// A logged store, and where its restore goes on.
#[derive(Debug, Clone)]
pub struct LoggedStore {
    /// The store.
    pub id: StoreId,
    /// Its name.
    pub name: Arc<str>,
    /// The next changelog offset to read; none where the rows are lost or new.
    pub offset: Option<Offset>,
}

impl fmt::Debug for StoreSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.stores.iter().map(|slot| slot.store.name())).finish()
    }
}
