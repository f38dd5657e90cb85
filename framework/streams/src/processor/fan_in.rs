//! Several upstreams, one downstream: the shared operator sits in a slot of the context.
//!
//! It is taken out for a call and put back. A control event is passed on when it has come from the last
//! upstream, which keeps flushing upstream-first. The cast is checked once per record and cannot be
//! wrong: slot and edge are made by the same generic call.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use super::{Control, Edge, Process, TaskContext};
use crate::error::Result;
use crate::ids::NodeId;
use crate::record::Record;

/// The shared operators of a task.
#[derive(Default)]
pub struct FanInSlots {
    slots: Vec<Slot>,
    by_node: HashMap<NodeId, usize>,
}

impl fmt::Debug for FanInSlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_node.keys()).finish()
    }
}

/// A shared operator, its upstreams in this task, and how many have passed the current control event.
///
/// A task may have fewer upstreams than the topology: of a topic with fewer partitions than others, it
/// has none.
struct Slot {
    edge: Option<Box<dyn Any + Send>>,
    upstreams: usize,
    passed: usize,
}

/// One upstream's edge into a shared operator.
struct FanIn<K, V> {
    slot: usize,
    types: PhantomData<fn(K, V)>,
}

impl FanInSlots {
    /// Returns the slot of a node that was built already.
    pub(super) fn slot_of(&self, node: NodeId) -> Option<usize> {
        self.by_node.get(&node).copied()
    }

    /// Puts a node's operator into a slot of its own.
    pub(super) fn insert<K: 'static, V: 'static>(
        &mut self,
        node: NodeId,
        edge: Edge<K, V>,
    ) -> usize {
        self.slots.push(Slot { edge: Some(Box::new(edge)), upstreams: 0, passed: 0 });
        let slot = self.slots.len() - 1;
        self.by_node.insert(node, slot);
        slot
    }

    /// Makes one more upstream's edge into a slot.
    pub(super) fn edge<K: 'static, V: 'static>(&mut self, slot: usize) -> Edge<K, V> {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.upstreams += 1;
        }
        Box::new(FanIn { slot, types: PhantomData })
    }

    /// Notes that one upstream has passed a control event; returns whether it was the last.
    fn pass(&mut self, slot: usize) -> bool {
        let Some(slot) = self.slots.get_mut(slot) else { return false };
        slot.passed = (slot.passed + 1) % slot.upstreams;
        slot.passed == 0
    }
}

fn with_shared<K: 'static, V: 'static>(
    ctx: &mut TaskContext,
    slot: usize,
    call: impl FnOnce(&mut Edge<K, V>, &mut TaskContext) -> Result<()>,
) -> Result<()> {
    let taken = ctx.fan_in.slots.get_mut(slot).and_then(|slot| slot.edge.take());
    #[expect(clippy::expect_used, reason = "a tree never reaches an operator from itself")]
    let mut taken = taken.expect("a shared operator is in its slot unless it is being called");
    #[expect(clippy::expect_used, reason = "see the module")]
    let shared = taken.downcast_mut().expect("slot and edge have the same types");
    let result = call(shared, ctx);
    if let Some(place) = ctx.fan_in.slots.get_mut(slot) {
        place.edge = Some(taken);
    }
    result
}

impl<K: 'static, V: 'static> Process<K, V> for FanIn<K, V> {
    fn process(&mut self, ctx: &mut TaskContext, record: Record<K, V>) -> Result<()> {
        with_shared(ctx, self.slot, |edge: &mut Edge<K, V>, ctx| edge.process(ctx, record))
    }

    fn control(&mut self, ctx: &mut TaskContext, event: Control) -> Result<()> {
        if !ctx.fan_in.pass(self.slot) {
            return Ok(());
        }
        with_shared(ctx, self.slot, |edge: &mut Edge<K, V>, ctx| edge.control(ctx, event))
    }
}
