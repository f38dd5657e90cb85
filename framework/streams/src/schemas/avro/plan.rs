//! How the bytes of one schema are read as another: resolved once per pair, then only followed.
//!
//! A plan is a table of steps. Each reads bytes of the writer and says what they are to the reader;
//! where the two do not fit, the step is an error, which only data that comes to it is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::graph::{Enum, Field, Graph, Kind, Node, NodeId, Record};
use super::matching;

/// How many steps a plan may have.
pub const PLAN_STEPS_MAX: usize = 200_000;

/// A step's place in its plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpId(u32);

/// The resolution of a writer's schema to a reader's.
#[derive(Debug)]
pub(super) struct Plan {
    ops: Vec<Op>,
}

/// What to read, and what it is.
#[derive(Debug)]
pub(super) enum Op {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    /// An int or long that is read as a float.
    LongAsFloat,
    /// An int or long that is read as a double.
    LongAsDouble,
    FloatAsDouble,
    Bytes,
    String,
    /// All that comes, without a length before it, as bytes.
    RestAsBytes,
    /// All that comes, without a length before it, as a string.
    RestAsString,
    Fixed(usize),
    Enum(Vec<Symbol>),
    Array(OpId),
    Map(OpId),
    /// The writer's union: its branches, by the index that is read.
    Union(Vec<OpId>),
    /// A branch of the reader's union: nothing is read.
    Branch(Branch),
    Record(RecordOp),
    /// The schemas do not fit here.
    Unfit(Arc<str>),
}

/// What a symbol of the writer is to the reader; an error if it has no such symbol.
#[derive(Debug)]
pub(super) enum Symbol {
    Known(Arc<str>),
    Unknown(Arc<str>),
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(crate) index: u32,
    pub(crate) null: bool,
    /// Whether the union is of null and one other.
    pub(crate) optional: bool,
    pub(crate) op: OpId,
}

#[derive(Debug)]
pub(super) struct RecordOp {
    pub(crate) steps: Vec<Step>,
    /// How many of the steps are fields of the reader.
    pub(crate) fields: usize,
    /// Whether the fields come in the reader's order.
    pub(crate) ordered: bool,
    pub(crate) wrapper: bool,
    /// The list of a Rust struct's fields that is known to be these, in this order.
    same_as: AtomicPtr<&'static str>,
}

/// A field of a record, in the order of the bytes; those that the writer lacks come last.
#[derive(Debug)]
pub(super) enum Step {
    Read { name: Arc<str>, op: OpId },
    Skip { name: Arc<str>, op: OpId },
    Default { name: Arc<str>, op: OpId, bytes: Arc<[u8]> },
}

impl RecordOp {
    /// Returns whether a Rust struct has these fields in this order, so that no name need be told.
    pub(crate) fn is_in_order(&self, fields: &'static [&'static str]) -> bool {
        if fields.len() != self.fields || fields.is_empty() {
            return false;
        }
        let list = fields.as_ptr().cast_mut();
        if self.same_as.load(Ordering::Relaxed) == list {
            return true;
        }
        let names = self.steps.iter().filter_map(|step| match step {
            Step::Read { name, .. } | Step::Default { name, .. } => Some(&**name),
            Step::Skip { .. } => None,
        });
        let same = names.eq(fields.iter().copied());
        if same {
            self.same_as.store(list, Ordering::Relaxed);
        }
        same
    }
}

/// Where an id leads that is of another plan, which none is.
static NOWHERE: Op = Op::Null;

impl Plan {
    /// Resolves a writer's schema to a reader's.
    ///
    /// # Errors
    ///
    /// Where the plan would be too large; schemas that do not fit are errors of the data.
    pub(crate) fn new(writer: &Graph, reader: &Graph) -> Result<Self, String> {
        let mut resolver =
            Resolver { writer, reader, ops: Vec::new(), known: HashMap::new(), open: Vec::new() };
        resolver.id(Task::Pair(writer.root(), reader.root()))?;
        while let Some((id, task)) = resolver.open.pop() {
            let op = match task {
                Task::Pair(w, r) => resolver.pair(w, r)?,
                Task::Writer(node) => resolver.own(writer, node, Task::Writer)?,
                Task::Reader(node) => resolver.own(reader, node, Task::Reader)?,
            };
            if let Some(place) = resolver.ops.get_mut(id.0 as usize) {
                *place = op;
            }
        }
        Ok(Self { ops: resolver.ops })
    }

    /// Returns the plan for values of a writer's schema that is bytes and nothing else, where their length is not
    /// written: all steps of such a plan are about the one value.
    #[cfg_attr(
        not(feature = "schema-registry"),
        expect(dead_code, reason = "values are framed so for a registry")
    )]
    pub(crate) fn without_length(mut self) -> Self {
        for op in &mut self.ops {
            match op {
                Op::Bytes => *op = Op::RestAsBytes,
                Op::String => *op = Op::RestAsString,
                _ => {}
            }
        }
        self
    }

    #[inline]
    pub(crate) fn root(&self) -> &Op {
        self.ops.first().unwrap_or(&NOWHERE)
    }

    #[inline]
    pub(crate) fn op(&self, id: OpId) -> &Op {
        self.ops.get(id.0 as usize).unwrap_or(&NOWHERE)
    }
}

/// What a step is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    Pair(NodeId, NodeId),
    /// The writer's data as it is, to be skipped.
    Writer(NodeId),
    /// A default of the reader.
    Reader(NodeId),
}

struct Resolver<'g> {
    writer: &'g Graph,
    reader: &'g Graph,
    ops: Vec<Op>,
    known: HashMap<Task, OpId>,
    /// Steps that have a place, and nothing there yet. A list, not a recursion: chains of records
    /// may be longer than the stack.
    open: Vec<(OpId, Task)>,
}

impl Resolver<'_> {
    fn id(&mut self, task: Task) -> Result<OpId, String> {
        if let Some(&id) = self.known.get(&task) {
            return Ok(id);
        }
        if self.ops.len() >= PLAN_STEPS_MAX {
            return Err(format!("more than {PLAN_STEPS_MAX} steps are needed to read it"));
        }
        let id = OpId(u32::try_from(self.ops.len()).unwrap_or(u32::MAX));
        self.ops.push(Op::Null);
        self.known.insert(task, id);
        self.open.push((id, task));
        Ok(id)
    }

    fn pair(&mut self, w: NodeId, r: NodeId) -> Result<Op, String> {
        let (writer, reader) = (self.writer, self.reader);
        if let Kind::Union(branches) = writer.kind(w) {
            let ids = branches.iter().map(|branch| self.id(Task::Pair(*branch, r)));
            return Ok(Op::Union(ids.collect::<Result<_, _>>()?));
        }
        if let Kind::Union(branches) = reader.kind(r) {
            return match matching::branch((writer, w), reader, branches) {
                Some((index, branch)) => {
                    let op = self.id(Task::Pair(w, branch))?;
                    Ok(branch_of(reader, branches, index, op))
                }
                None => {
                    let (written, asked) = (writer.describe(w), reader.describe(r));
                    Ok(unfit(format!("it was written as {written} and is read as {asked}")))
                }
            };
        }
        if let Err(why) = matching::fit((writer, w), (reader, r)) {
            return Ok(unfit(why));
        }
        Ok(match (writer.kind(w), reader.kind(r)) {
            (Kind::Int | Kind::Long, Kind::Float) => Op::LongAsFloat,
            (Kind::Int | Kind::Long, Kind::Double) => Op::LongAsDouble,
            (Kind::Float, Kind::Double) => Op::FloatAsDouble,
            (Kind::Array(w), Kind::Array(r)) => Op::Array(self.id(Task::Pair(*w, *r))?),
            (Kind::Map(w), Kind::Map(r)) => Op::Map(self.id(Task::Pair(*w, *r))?),
            (Kind::Record(w), Kind::Record(r)) => self.record(w, r)?,
            (Kind::Enum(w), Kind::Enum(r)) => symbols(w, r),
            // Promotions that read the same bytes are the reader's kind.
            _ => simple(reader.node(r)),
        })
    }

    /// The step of a schema that is read as itself.
    fn own(&mut self, graph: &Graph, id: NodeId, task: fn(NodeId) -> Task) -> Result<Op, String> {
        Ok(match graph.kind(id) {
            Kind::Array(item) => Op::Array(self.id(task(*item))?),
            Kind::Map(value) => Op::Map(self.id(task(*value))?),
            Kind::Enum(own) => symbols(own, own),
            Kind::Union(branches) => {
                let mut ops = Vec::with_capacity(branches.len());
                for (index, branch) in branches.iter().enumerate() {
                    let op = self.id(task(*branch))?;
                    let id = self.add(branch_of(graph, branches, index, op))?;
                    ops.push(id);
                }
                Op::Union(ops)
            }
            Kind::Record(record) => {
                let mut steps = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    let op = self.id(task(field.node))?;
                    steps.push(Step::Read { name: Arc::clone(&field.name), op });
                }
                record_op(steps, record, true)
            }
            _ => simple(graph.node(id)),
        })
    }

    fn add(&mut self, op: Op) -> Result<OpId, String> {
        if self.ops.len() >= PLAN_STEPS_MAX {
            return Err(format!("more than {PLAN_STEPS_MAX} steps are needed to read it"));
        }
        let id = OpId(u32::try_from(self.ops.len()).unwrap_or(u32::MAX));
        self.ops.push(op);
        Ok(id)
    }

    fn record(&mut self, writer: &Record, reader: &Record) -> Result<Op, String> {
        let read = pair_fields(writer, reader);
        let mut steps = Vec::with_capacity(writer.fields.len());
        let mut order = Vec::with_capacity(reader.fields.len());
        for (field, target) in writer.fields.iter().zip(&read) {
            let Some((at, target)) = target else {
                let op = self.id(Task::Writer(field.node))?;
                steps.push(Step::Skip { name: Arc::clone(&field.name), op });
                continue;
            };
            let op = self.id(Task::Pair(field.node, target.node))?;
            order.push(*at);
            steps.push(Step::Read { name: Arc::clone(&target.name), op });
        }
        for (at, field) in reader.fields.iter().enumerate() {
            if order.contains(&at) {
                continue;
            }
            let Some(bytes) = &field.default_bytes else {
                let (name, written) = (&field.name, &writer.name.full);
                let why = format!("{written} was written without `{name}`, which has no default");
                return Ok(unfit(why));
            };
            let op = self.id(Task::Reader(field.node))?;
            let (name, bytes) = (Arc::clone(&field.name), Arc::clone(bytes));
            steps.push(Step::Default { name, op, bytes });
            order.push(at);
        }
        Ok(record_op(steps, reader, order.is_sorted()))
    }
}

fn record_op(steps: Vec<Step>, reader: &Record, ordered: bool) -> Op {
    let same_as = AtomicPtr::default();
    let (fields, wrapper) = (reader.fields.len(), reader.wrapper);
    Op::Record(RecordOp { steps, fields, ordered, wrapper, same_as })
}

fn branch_of(reader: &Graph, branches: &[NodeId], index: usize, op: OpId) -> Op {
    let is_null = |id: &NodeId| matches!(reader.kind(*id), Kind::Null);
    let null = branches.get(index).is_some_and(is_null);
    let optional = branches.len() == 2 && branches.iter().any(is_null);
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    Op::Branch(Branch { index, null, optional, op })
}

/// Returns, for each of a writer's fields, the reader's that it is read as: by name first, and by an
/// alias if none has the name.
pub(crate) fn pair_fields<'r>(
    writer: &Record,
    reader: &'r Record,
) -> Vec<Option<(usize, &'r Field)>> {
    let mut pairs = vec![None; writer.fields.len()];
    let place = |name: &str| writer.fields.iter().position(|field| *field.name == *name);
    for (at, field) in reader.fields.iter().enumerate() {
        let by_alias = || field.aliases.iter().find_map(|alias| place(alias));
        let from = place(&field.name).or_else(by_alias);
        let pair = from.and_then(|from| pairs.get_mut(from));
        if let Some(pair @ None) = pair {
            *pair = Some((at, field));
        }
    }
    pairs
}

fn symbols(writer: &Enum, reader: &Enum) -> Op {
    let known = |symbol: &Arc<str>| reader.symbols.iter().any(|other| other == symbol);
    let symbols = writer.symbols.iter().map(|symbol| match &reader.default {
        _ if known(symbol) => Symbol::Known(Arc::clone(symbol)),
        Some(default) => Symbol::Known(Arc::clone(default)),
        None => {
            let name = &reader.name.full;
            let why = format!("`{symbol}` is no symbol of {name}, which has no default");
            Symbol::Unknown(why.into())
        }
    });
    Op::Enum(symbols.collect())
}

/// The step of a schema without parts.
fn simple(node: &Node) -> Op {
    match &node.kind {
        Kind::Boolean => Op::Boolean,
        Kind::Int => Op::Int,
        Kind::Long => Op::Long,
        Kind::Float => Op::Float,
        Kind::Double => Op::Double,
        Kind::Bytes => Op::Bytes,
        Kind::String => Op::String,
        Kind::Fixed(fixed) => Op::Fixed(fixed.size),
        _ => Op::Null,
    }
}

fn unfit(why: String) -> Op {
    Op::Unfit(why.into())
}
