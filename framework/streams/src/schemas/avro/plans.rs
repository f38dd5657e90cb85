//! The plans that a codec has made, found without a lock.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::AvroSchema;
use super::plan::Plan;

/// How many writers' schemas a codec remembers for good, and how many more in turns.
pub const PLANS_MAX: usize = 64;

/// Slots are filled once and in order, so that finding is only reading; when all are full, later
/// schemas take turns in a list behind a lock.
#[derive(Debug)]
pub(super) struct Plans {
    slots: [OnceLock<(AvroSchema, Arc<Plan>)>; PLANS_MAX],
    more: Mutex<Vec<(AvroSchema, Arc<Plan>)>>,
}

impl Default for Plans {
    fn default() -> Self {
        Self { slots: [const { OnceLock::new() }; PLANS_MAX], more: Mutex::default() }
    }
}

impl Plans {
    /// Returns the plan for a schema that was resolved before.
    #[inline]
    pub(crate) fn find(&self, writer: &AvroSchema) -> Option<&Plan> {
        let filled = self.slots.iter().map_while(OnceLock::get);
        filled.into_iter().find(|(schema, _)| schema.is(writer)).map(|(_, plan)| &**plan)
    }

    /// Resolves a schema, unless one of the same text was.
    pub(crate) fn resolve(
        &self,
        writer: &AvroSchema,
        reader: &AvroSchema,
    ) -> Result<Arc<Plan>, String> {
        let mut more = self.more.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.slots.iter().map_while(OnceLock::get).chain(more.iter());
        if let Some((_, plan)) = kept.into_iter().find(|(schema, _)| schema.says_the_same(writer)) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(Plan::new(writer.graph(), reader.graph())?);
        let mut entry = (writer.clone(), Arc::clone(&plan));
        for slot in &self.slots {
            match slot.set(entry) {
                Ok(()) => return Ok(plan),
                Err(back) => entry = back,
            }
        }
        if more.len() >= PLANS_MAX {
            more.remove(0);
        }
        more.push(entry);
        Ok(plan)
    }
}
