//! A schema as a graph of nodes: names resolved, aliases whole, defaults already encoded.
//!
//! apache-avro parses; what it keeps as a tree with references by name is here a table with ids, so
//! that nothing that walks it has to look a name up.

use std::collections::HashMap;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::schema::{
    Alias, DecimalSchema, EnumSchema, FixedSchema, InnerDecimalSchema, Name, RecordSchema,
    UuidSchema,
};
use serde_json::Value;

use super::defaults;
use super::text::DEFAULT_KEPT;

/// How many nodes a schema may have, those of the schemas it uses included.
pub const SCHEMA_NODES_MAX: usize = 50_000;

/// A node's place in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

/// A schema and all it refers to.
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    root: NodeId,
}

/// A schema without its logical type, and that.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) logical: Option<Logical>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(NodeId),
    Map(NodeId),
    Union(Vec<NodeId>),
    Record(Record),
    Enum(Enum),
    Fixed(Fixed),
}

/// A logical type, as far as it says what a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logical {
    Decimal { precision: usize, scale: usize },
    BigDecimal,
    Uuid,
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
    Duration,
}

/// A full name and the full names it may also be known by.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) full: Arc<str>,
    pub(crate) aliases: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) name: Named,
    pub(crate) fields: Vec<Field>,
    /// Whether it only wraps one variant of a Rust enum.
    pub(crate) wrapper: bool,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: Arc<str>,
    pub(crate) aliases: Vec<String>,
    pub(crate) node: NodeId,
    pub(crate) default: Option<Value>,
    /// The default, encoded with the field's schema.
    pub(crate) default_bytes: Option<Arc<[u8]>>,
}

#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) name: Named,
    pub(crate) symbols: Vec<Arc<str>>,
    pub(crate) default: Option<Arc<str>>,
}

#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) name: Named,
    pub(crate) size: usize,
}

impl Named {
    fn new(name: &Name, aliases: Option<&Vec<Alias>>) -> Self {
        let aliases = aliases.into_iter().flatten();
        let aliases = aliases.map(|alias| alias.fullname(name.namespace())).collect();
        Self { full: name.fullname(None).into(), aliases }
    }

    /// Returns the name without its namespace.
    pub(crate) fn short(&self) -> &str {
        short(&self.full)
    }
}

/// Returns a full name without its namespace.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

impl Kind {
    /// Returns the name of the kind, as the specification has it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
        }
    }

    /// Returns the full name, if the kind has names.
    pub(crate) fn named(&self) -> Option<&Named> {
        match self {
            Self::Record(record) => Some(&record.name),
            Self::Enum(symbols) => Some(&symbols.name),
            Self::Fixed(fixed) => Some(&fixed.name),
            _ => None,
        }
    }
}

impl Logical {
    /// Returns its name, as the specification has it.
    pub(crate) fn word(self) -> String {
        match self {
            Self::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
            Self::BigDecimal => "big-decimal".to_owned(),
            Self::Uuid => "uuid".to_owned(),
            Self::Date => "date".to_owned(),
            Self::TimeMillis => "time-millis".to_owned(),
            Self::TimeMicros => "time-micros".to_owned(),
            Self::TimestampMillis => "timestamp-millis".to_owned(),
            Self::TimestampMicros => "timestamp-micros".to_owned(),
            Self::TimestampNanos => "timestamp-nanos".to_owned(),
            Self::LocalTimestampMillis => "local-timestamp-millis".to_owned(),
            Self::LocalTimestampMicros => "local-timestamp-micros".to_owned(),
            Self::LocalTimestampNanos => "local-timestamp-nanos".to_owned(),
            Self::Duration => "duration".to_owned(),
        }
    }
}

/// What stands where an id leads nowhere, which no graph has.
static NOWHERE: Node = Node { kind: Kind::Null, logical: None };

impl Graph {
    /// Makes the graph of a schema and of those it uses.
    pub(crate) fn new(schema: &Schema, used: &[Schema]) -> Result<Self, String> {
        let mut build = Build { nodes: Vec::new(), names: HashMap::new(), used: HashMap::new() };
        for other in used {
            if let Some(name) = other.name() {
                build.used.insert(name.clone(), other);
            }
        }
        let root = build.node(schema)?;
        let mut graph = Self { nodes: build.nodes, root };
        defaults::encode_all(&mut graph)?;
        Ok(graph)
    }

    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&NOWHERE)
    }

    pub(crate) fn kind(&self, id: NodeId) -> &Kind {
        &self.node(id).kind
    }

    pub(crate) fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns what to call a node in a sentence: `record flights.Departure`, `long (date)`.
    pub(crate) fn describe(&self, id: NodeId) -> String {
        let node = self.node(id);
        let word = node.kind.word();
        match (&node.kind, node.logical) {
            (Kind::Fixed(fixed), None) => {
                format!("fixed {} of {} bytes", fixed.name.full, fixed.size)
            }
            (Kind::Union(branches), _) => {
                let words: Vec<_> = branches.iter().map(|branch| self.describe(*branch)).collect();
                format!("union of {}", words.join(", "))
            }
            (Kind::Array(item), _) => format!("array of {}", self.kind(*item).word()),
            (Kind::Map(value), _) => format!("map of {}", self.kind(*value).word()),
            (kind, logical) => {
                let name = kind.named().map_or_else(String::new, |name| format!(" {}", name.full));
                let logical = logical.map_or_else(String::new, |l| format!(" ({})", l.word()));
                format!("{word}{name}{logical}")
            }
        }
    }
}

struct Build<'s> {
    nodes: Vec<Node>,
    names: HashMap<Name, NodeId>,
    /// Schemas that are used, by name, until they are.
    used: HashMap<Name, &'s Schema>,
}

impl Build<'_> {
    fn node(&mut self, schema: &Schema) -> Result<NodeId, String> {
        use Schema as S;
        let plain = |kind| (kind, None);
        let logical = |kind, logical| (kind, Some(logical));
        let (kind, logical) = match schema {
            S::Null => plain(Kind::Null),
            S::Boolean => plain(Kind::Boolean),
            S::Int => plain(Kind::Int),
            S::Long => plain(Kind::Long),
            S::Float => plain(Kind::Float),
            S::Double => plain(Kind::Double),
            S::Bytes => plain(Kind::Bytes),
            S::String => plain(Kind::String),
            S::Array(array) => plain(Kind::Array(self.node(&array.items)?)),
            S::Map(map) => plain(Kind::Map(self.node(&map.types)?)),
            S::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.node(branch));
                plain(Kind::Union(branches.collect::<Result<_, _>>()?))
            }
            S::Record(record) => return self.record(record),
            S::Enum(symbols) => return self.symbols(symbols),
            S::Fixed(fixed) => return self.fixed(fixed, None),
            S::Decimal(DecimalSchema { precision, scale, inner }) => {
                let decimal = Logical::Decimal { precision: *precision, scale: *scale };
                match inner {
                    InnerDecimalSchema::Bytes => logical(Kind::Bytes, decimal),
                    InnerDecimalSchema::Fixed(fixed) => return self.fixed(fixed, Some(decimal)),
                }
            }
            S::BigDecimal => logical(Kind::Bytes, Logical::BigDecimal),
            S::Uuid(UuidSchema::Bytes) => logical(Kind::Bytes, Logical::Uuid),
            S::Uuid(UuidSchema::String) => logical(Kind::String, Logical::Uuid),
            S::Uuid(UuidSchema::Fixed(fixed)) => return self.fixed(fixed, Some(Logical::Uuid)),
            S::Date => logical(Kind::Int, Logical::Date),
            S::TimeMillis => logical(Kind::Int, Logical::TimeMillis),
            S::TimeMicros => logical(Kind::Long, Logical::TimeMicros),
            S::TimestampMillis => logical(Kind::Long, Logical::TimestampMillis),
            S::TimestampMicros => logical(Kind::Long, Logical::TimestampMicros),
            S::TimestampNanos => logical(Kind::Long, Logical::TimestampNanos),
            S::LocalTimestampMillis => logical(Kind::Long, Logical::LocalTimestampMillis),
            S::LocalTimestampMicros => logical(Kind::Long, Logical::LocalTimestampMicros),
            S::LocalTimestampNanos => logical(Kind::Long, Logical::LocalTimestampNanos),
            S::Duration(fixed) => return self.fixed(fixed, Some(Logical::Duration)),
            S::Ref { name } => return self.reference(name),
        };
        self.add(Node { kind, logical })
    }

    fn add(&mut self, node: Node) -> Result<NodeId, String> {
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        if self.nodes.len() >= SCHEMA_NODES_MAX {
            return Err(format!("it has more than {SCHEMA_NODES_MAX} parts"));
        }
        self.nodes.push(node);
        Ok(NodeId(id))
    }

    fn reference(&mut self, name: &Name) -> Result<NodeId, String> {
        if let Some(&id) = self.names.get(name) {
            return Ok(id);
        }
        match self.used.remove(name) {
            Some(schema) => self.node(schema),
            None => self.nested_reference(name),
        }
    }

    /// Finds a name that is defined inside of a schema that is used.
    fn nested_reference(&mut self, name: &Name) -> Result<NodeId, String> {
        while let Some(other) = self.used.keys().next().cloned() {
            if let Some(schema) = self.used.remove(&other) {
                self.node(schema)?;
            }
            if let Some(&id) = self.names.get(name) {
                return Ok(id);
            }
        }
        Err(format!("it uses `{}`, which is defined nowhere", name.fullname(None)))
    }

    fn record(&mut self, record: &RecordSchema) -> Result<NodeId, String> {
        let name = Named::new(&record.name, record.aliases.as_ref());
        let wrapper = record.attributes.get("org.apache.avro.rust.union_of_records");
        let wrapper = wrapper == Some(&Value::Bool(true));
        // The name is known before the fields: they may refer to it.
        let empty = Record { name, fields: Vec::new(), wrapper };
        let id = self.add(Node { kind: Kind::Record(empty), logical: None })?;
        self.names.insert(record.name.clone(), id);
        let mut fields = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            fields.push(Field {
                name: field.name.as_str().into(),
                aliases: field.aliases.clone(),
                node: self.node(&field.schema)?,
                default: field.custom_attributes.get(DEFAULT_KEPT).cloned(),
                default_bytes: None,
            });
        }
        if let Some(Node { kind: Kind::Record(node), .. }) = self.nodes.get_mut(id.0 as usize) {
            node.fields = fields;
        }
        Ok(id)
    }

    fn symbols(&mut self, symbols: &EnumSchema) -> Result<NodeId, String> {
        let kind = Kind::Enum(Enum {
            name: Named::new(&symbols.name, symbols.aliases.as_ref()),
            symbols: symbols.symbols.iter().map(|symbol| symbol.as_str().into()).collect(),
            default: symbols.default.as_deref().map(Into::into),
        });
        let id = self.add(Node { kind, logical: None })?;
        self.names.insert(symbols.name.clone(), id);
        Ok(id)
    }

    fn fixed(&mut self, fixed: &FixedSchema, logical: Option<Logical>) -> Result<NodeId, String> {
        let name = Named::new(&fixed.name, fixed.aliases.as_ref());
        let kind = Kind::Fixed(Fixed { name, size: fixed.size });
        let id = self.add(Node { kind, logical })?;
        self.names.insert(fixed.name.clone(), id);
        Ok(id)
    }
}
