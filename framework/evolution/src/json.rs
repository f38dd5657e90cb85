//! JSON Schemas, and what one version's reader does not take of what another version allows.
//!
//! A reader takes a value if its schema does. It is compared keyword by keyword: what the reader's
//! schema asks for must follow from what the writer's asks for, through `$ref`, `allOf`, `anyOf`,
//! `oneOf` and `not`, in draft 4 to 2020-12.
//!
//! - Objects to which any property may be added are open: a reader that gives such a property a type
//!   may meet another one, and does not take the old values for sure. Close them
//!   (`"additionalProperties": false`), or say what others are.
//! - A property that becomes required is taken if it has a default, as in Confluent's registry.
//! - That exactly one branch of a `oneOf` fits is not looked at: it is read as `anyOf`, as there.
//! - What several patterns of properties say together, of names that are like all, is not put together.
//! - `format` and other annotations do not count, nor does `additionalItems` without a list of items.
//! - What cannot be derived is a breach unless both say the same: `if`, `$dynamicRef`, patterns of
//!   strings, `unevaluatedProperties` beside other schemas, and references that are not given.

mod compare;
mod decimal;
mod document;
mod facts;
mod kinds;
mod node;
mod reading;

pub use self::compare::unreadable;
pub use self::document::JsonDocument;
