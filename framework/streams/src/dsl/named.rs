//! Names that a program gives to its operators, in place of generated ones (row ST12).

use std::sync::Arc;

use super::{KStream, StreamsBuilder};
use crate::serde::Data;
use crate::topology::Graph;

impl<K: Data, V: Data> KStream<K, V> {
    /// Names the next operator on the returned handle: in descriptions, and in the names of topics that
    /// follow from it, such as the repartition topic of a join.
    ///
    /// A generated name has a number that changes with every operator that is added before it; a name of
    /// one's own does not. The numbers of other operators stay what they are without it. A name is made of
    /// letters, digits, `.`, `_` and `-`, and no two operators have the same; `build` refuses others.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::prelude::*;
    ///
    /// # fn main() -> kappa::Result<()> {
    /// let builder = StreamsBuilder::new();
    /// let orders = builder.named("orders").stream(&Topic::<String, i64>::new("orders", Utf8, I64));
    /// let positive = orders.named("positive").filter(|_, amount| *amount > 0);
    /// positive.named("sink").to(&Topic::new("positive-orders", Utf8, I64));
    /// assert!(builder.build()?.describe().contains("Processor: positive (stores: [])"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        self.graph.lock().check_name("operator", name);
        Self { chosen_name: Some(name.into()), ..self.clone() }
    }
}

impl StreamsBuilder {
    /// Names the next source on the returned handle, as [`KStream::named`] names operators. A table is
    /// named so, and its source `<name>-source`.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        self.graph.lock().check_name("operator", name);
        Self { chosen_name: Some(name.into()), ..self.clone() }
    }
}

impl Graph {
    /// Returns an operator's name, chosen or generated; the JVM library burns the number either way.
    pub(super) fn operator_name(&mut self, chosen: Option<&Arc<str>>, prefix: &str) -> Arc<str> {
        let generated = self.new_name(prefix);
        chosen.cloned().unwrap_or(generated)
    }

    /// Returns the names of a table's source and of the table.
    pub(super) fn table_names(
        &mut self,
        chosen: Option<&Arc<str>>,
        [source, table]: [&str; 2],
    ) -> [Arc<str>; 2] {
        let of_source = chosen.map(|name| format!("{name}-source").into());
        [self.operator_name(of_source.as_ref(), source), self.operator_name(chosen, table)]
    }
}
