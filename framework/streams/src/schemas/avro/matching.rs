//! Which schemas of a writer a schema of a reader matches, by the rules of the specification.

use super::graph::{Graph, Kind, Logical, Named, NodeId, short};

/// How well a reader's schema matches a writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// By promotion: an int is read as a long.
    Promoted,
    /// By a name without its namespace, or by an alias.
    Renamed,
    /// The same kind and, where it has one, the same name.
    Same,
}

/// Returns how a reader's schema matches a writer's, neither being a union.
///
/// Only the outermost level counts: what is inside is resolved when it is come to.
///
/// # Errors
///
/// Where it does not match, with the reason.
pub(crate) fn fit(writer: (&Graph, NodeId), reader: (&Graph, NodeId)) -> Result<Fit, String> {
    let (writing, reading) = (writer.0.node(writer.1), reader.0.node(reader.1));
    let unfit = || {
        let (written, asked) = (writer.0.describe(writer.1), reader.0.describe(reader.1));
        format!("it was written as {written} and is read as {asked}")
    };
    let fit = match (&writing.kind, &reading.kind) {
        (Kind::Null, Kind::Null)
        | (Kind::Boolean, Kind::Boolean)
        | (Kind::Int, Kind::Int)
        | (Kind::Long, Kind::Long)
        | (Kind::Float, Kind::Float)
        | (Kind::Double, Kind::Double)
        | (Kind::Bytes, Kind::Bytes)
        | (Kind::String, Kind::String)
        | (Kind::Array(_), Kind::Array(_))
        | (Kind::Map(_), Kind::Map(_)) => Fit::Same,
        (Kind::Int, Kind::Long | Kind::Float | Kind::Double)
        | (Kind::Long, Kind::Float | Kind::Double)
        | (Kind::Float, Kind::Double)
        | (Kind::Bytes, Kind::String)
        | (Kind::String, Kind::Bytes) => Fit::Promoted,
        (Kind::Record(w), Kind::Record(r)) => named(&w.name, &r.name).ok_or_else(unfit)?,
        (Kind::Enum(w), Kind::Enum(r)) => named(&w.name, &r.name).ok_or_else(unfit)?,
        (Kind::Fixed(w), Kind::Fixed(r)) if w.size == r.size => {
            named(&w.name, &r.name).ok_or_else(unfit)?
        }
        _ => return Err(unfit()),
    };
    match (writing.logical, reading.logical) {
        // The digits are all there is in the bytes: another scale is another number.
        (Some(w @ Logical::Decimal { .. }), Some(r @ Logical::Decimal { .. })) if w != r => {
            Err(unfit())
        }
        _ => Ok(fit),
    }
}

fn named(writer: &Named, reader: &Named) -> Option<Fit> {
    if writer.full == reader.full {
        return Some(Fit::Same);
    }
    let alias = reader.aliases.iter().any(|alias| **alias == *writer.full);
    let renamed = alias
        || writer.short() == reader.short()
        || reader.aliases.iter().any(|alias| short(alias) == writer.short());
    renamed.then_some(Fit::Renamed)
}

/// Returns the place and the id of the branch of a reader's union that reads a writer's schema: the
/// first of the same kind and name, else the first that is renamed, else the first by promotion.
pub(crate) fn branch(
    writer: (&Graph, NodeId),
    reader: &Graph,
    branches: &[NodeId],
) -> Option<(usize, NodeId)> {
    let mut best: Option<(Fit, usize, NodeId)> = None;
    for (at, branch) in branches.iter().enumerate() {
        let Ok(fit) = fit(writer, (reader, *branch)) else { continue };
        if best.is_none_or(|(other, ..)| fit > other) {
            best = Some((fit, at, *branch));
        }
    }
    best.map(|(_, at, branch)| (at, branch))
}
