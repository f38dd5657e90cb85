//! Protobuf files, and what one version's reader cannot read of another version's messages.
//!
//! A reader meets fields by their numbers. It can read:
//!
//! - fields that it does not know, and lacks fields that were not written;
//! - a field under another name, a message in another place of its file, any change of an enum;
//! - a number of another type within `int32 uint32 int64 uint64 bool` and enums, `sint32 sint64`,
//!   `fixed32 sfixed32`, `fixed64 sfixed64`, and `bytes` for `string` and back;
//! - one for many strings, bytes or messages, and back;
//! - a field that moves into a oneof of its own or out of one.
//!
//! Everything else is a breach: also where Confluent's registry sees none, that of numbers which become
//! many in proto3 (they are packed then), and of what becomes required in proto2.
//!
//! Not looked at are services, options, reserved numbers and defaults: no byte depends on them.

mod compare;
mod file;
mod known;
mod types;

pub use self::compare::unreadable;
pub use self::file::ProtobufFile;
