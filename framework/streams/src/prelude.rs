//! The names an application imports.

pub use crate::dsl::{
    GlobalKTable, Grouped, KGroupedStream, KGroupedTable, KStream, KTable, Materialized, Produced,
    Repartitioned, Split, Stored, StreamsBuilder, Topic, Topics, WindowedKStream,
};
pub use crate::kafka::Placement;
#[cfg(feature = "json")]
pub use crate::serde::Json;
pub use crate::serde::{Bytes, DefaultSerde, I32, I64, Nullable, SerdeRef, Utf8};
pub use crate::time::Timestamp;
pub use crate::topology::Topology;
pub use crate::windows::{TimeWindows, Window, Windowed};
