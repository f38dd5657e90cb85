//! Files that every Protobuf compiler brings along, and the registry's own: nobody registers them.

const FOLDERS: [&str; 5] =
    ["google/protobuf/", "google/type/", "google/api/", "google/rpc/", "confluent/"];

/// Packages of these files.
const PACKAGES: [&str; 5] =
    ["google.protobuf.", "google.type.", "google.api.", "google.rpc.", "confluent."];

/// What of these is an enum; everything else is a message.
const ENUMS: [&str; 11] = [
    "google.protobuf.NullValue",
    "google.protobuf.Syntax",
    "google.protobuf.Field.Kind",
    "google.protobuf.Field.Cardinality",
    "google.protobuf.FieldDescriptorProto.Type",
    "google.protobuf.FieldDescriptorProto.Label",
    "google.protobuf.Edition",
    "google.type.CalendarPeriod",
    "google.type.DayOfWeek",
    "google.type.Month",
    "google.rpc.Code",
];

pub(super) fn is_file(import: &str) -> bool {
    FOLDERS.iter().any(|folder| import.starts_with(folder))
}

pub(super) fn is_type(full_name: &str) -> bool {
    PACKAGES.iter().any(|package| full_name.starts_with(package))
}

pub(super) fn is_enum(full_name: &str) -> bool {
    ENUMS.contains(&full_name)
}
