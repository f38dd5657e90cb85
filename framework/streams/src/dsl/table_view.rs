//! How other operators come to a table's rows, and to the values before an update (rows SF6, SF7).

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::operators::{JoinedGetter, MappedGetter, StoreGetter, TableGetter, WindowGetter};
use crate::processor::TaskBuilder;
use crate::serde::Data;
use crate::topology::StoreDemand;
use crate::windows::Windowed;

/// A way to a table's rows.
pub(super) trait TableView<K, V>: Send + Sync {
    /// Asks for the rows to be kept, and returns the stores that hold them.
    fn require(&self) -> Vec<Arc<str>>;

    /// Asks that the table's changes carry the value before, even if rows must be kept for it, or
    /// only if that costs nothing more; returns whether they do.
    fn send_old_values(&self, force: bool) -> bool;

    /// Makes one task's way to the rows.
    fn getter(&self, task: &mut TaskBuilder) -> Box<dyn TableGetter<K, V>>;
}

/// Rows in a key-value store.
pub(super) struct StoreView {
    pub(super) store: Arc<str>,
    pub(super) demand: Arc<StoreDemand>,
}

impl<K: Data, V: Data> TableView<K, V> for StoreView {
    fn require(&self) -> Vec<Arc<str>> {
        self.demand.ask_rows();
        vec![self.store.clone()]
    }

    fn send_old_values(&self, force: bool) -> bool {
        send_old_values(&self.demand, force)
    }

    fn getter(&self, task: &mut TaskBuilder) -> Box<dyn TableGetter<K, V>> {
        Box::new(StoreGetter(task.store(&self.store)))
    }
}

/// Rows in a window store.
pub(super) struct WindowView {
    pub(super) store: Arc<str>,
    pub(super) demand: Arc<StoreDemand>,
}

impl<K: Data, V: Data> TableView<Windowed<K>, V> for WindowView {
    fn require(&self) -> Vec<Arc<str>> {
        vec![self.store.clone()]
    }

    fn send_old_values(&self, force: bool) -> bool {
        send_old_values(&self.demand, force)
    }

    fn getter(&self, task: &mut TaskBuilder) -> Box<dyn TableGetter<Windowed<K>, V>> {
        Box::new(WindowGetter(task.store(&self.store)))
    }
}

fn send_old_values(demand: &StoreDemand, force: bool) -> bool {
    let kept = force || demand.rows();
    if kept {
        demand.ask_old_values();
    }
    kept
}

/// Rows computed from those of another table.
pub(super) struct MappedView<K, V, F> {
    parent: Arc<dyn TableView<K, V>>,
    mapper: Arc<F>,
    /// Told to the operator: whether values before are computed as well.
    old_values: Arc<AtomicBool>,
    row: PhantomData<fn(K) -> V>,
}

impl<K, V, F> MappedView<K, V, F> {
    pub(super) fn new(
        parent: Arc<dyn TableView<K, V>>,
        mapper: Arc<F>,
        old_values: Arc<AtomicBool>,
    ) -> Self {
        Self { parent, mapper, old_values, row: PhantomData }
    }
}

impl<K, V, V2, F> TableView<K, V2> for MappedView<K, V, F>
where
    K: Data,
    V: Data,
    V2: Data,
    F: Fn(&K, V) -> Option<V2> + Send + Sync + 'static,
{
    fn require(&self) -> Vec<Arc<str>> {
        self.parent.require()
    }

    fn send_old_values(&self, force: bool) -> bool {
        if self.parent.send_old_values(force) {
            self.old_values.store(true, Ordering::Relaxed);
        }
        self.old_values.load(Ordering::Relaxed)
    }

    fn getter(&self, task: &mut TaskBuilder) -> Box<dyn TableGetter<K, V2>> {
        Box::new(MappedGetter::new(self.parent.getter(task), self.mapper.clone()))
    }
}

/// Rows of a join: kept, or computed from those of both sides.
pub(super) struct JoinedView<K, V1, V2, F> {
    pub(super) left: Arc<dyn TableView<K, V1>>,
    pub(super) right: Arc<dyn TableView<K, V2>>,
    pub(super) joiner: Arc<F>,
    /// Told to the operator: whether values before are computed as well.
    pub(super) old_values: Arc<AtomicBool>,
    pub(super) kept: Option<StoreView>,
}

impl<K, V1, V2, VO, F> TableView<K, VO> for JoinedView<K, V1, V2, F>
where
    K: Data,
    V1: Data,
    V2: Data,
    VO: Data,
    F: Fn(Option<&V1>, Option<&V2>) -> Option<VO> + Send + Sync + 'static,
{
    fn require(&self) -> Vec<Arc<str>> {
        if let Some(kept) = &self.kept {
            return TableView::<K, VO>::require(kept);
        }
        let mut stores = self.left.require();
        for store in self.right.require() {
            if !stores.contains(&store) {
                stores.push(store);
            }
        }
        stores
    }

    fn send_old_values(&self, _force: bool) -> bool {
        // Both sides keep their rows anyway, for each other.
        self.left.send_old_values(true);
        self.right.send_old_values(true);
        if let Some(kept) = &self.kept {
            kept.demand.ask_old_values();
        }
        self.old_values.store(true, Ordering::Relaxed);
        true
    }

    fn getter(&self, task: &mut TaskBuilder) -> Box<dyn TableGetter<K, VO>> {
        if let Some(kept) = &self.kept {
            return kept.getter(task);
        }
        let (left, right) = (self.left.getter(task), self.right.getter(task));
        Box::new(JoinedGetter { left, right, joiner: self.joiner.clone(), joined: None })
    }
}
