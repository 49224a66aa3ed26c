//! The columns, in the order of the file.

use std::sync::Arc;

use parquet::{
    errors::ParquetError,
    schema::{
        parser::parse_message_type,
        types::{SchemaDescPtr, SchemaDescriptor},
    },
};

use crate::proof::TargetKind;

/// A column. The discriminant is its position in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    ChainId,
    BatchNumber,
    Id,
    Root,
    Proof,
    TargetKind,
    TargetSlChainId,
    TargetNumber,
    TargetRoot,
    Log,
    Message,
    ErrorCode,
    ErrorMessage,
    Request,
    Sender,
    TxNumber,
    MessageHash,
    TxHash,
    CheckedBy,
    L1Timestamp,
    TargetTimestamp,
}

/// All columns, in the order of the file. Those from [`Column::Sender`] on are not in files of version 0.1.0.
pub(super) const COLUMNS: [Column; 21] = [
    Column::ChainId,
    Column::BatchNumber,
    Column::Id,
    Column::Root,
    Column::Proof,
    Column::TargetKind,
    Column::TargetSlChainId,
    Column::TargetNumber,
    Column::TargetRoot,
    Column::Log,
    Column::Message,
    Column::ErrorCode,
    Column::ErrorMessage,
    Column::Request,
    Column::Sender,
    Column::TxNumber,
    Column::MessageHash,
    Column::TxHash,
    Column::CheckedBy,
    Column::L1Timestamp,
    Column::TargetTimestamp,
];

/// The columns of a file whose settlement layer is of a release before v33.
pub(super) const UNTIMED: &[Column] = COLUMNS.split_at(Column::L1Timestamp as usize).0;

impl Column {
    /// Whether the column is read. A proof does not depend on the others.
    pub(super) fn is_read(self) -> bool {
        !matches!(self, Self::TxHash | Self::CheckedBy)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ChainId => "chain_id",
            Self::BatchNumber => "batch_number",
            Self::Id => "id",
            Self::Root => "root",
            Self::Proof => "proof",
            Self::TargetKind => "target_kind",
            Self::TargetSlChainId => "target_sl_chain_id",
            Self::TargetNumber => "target_number",
            Self::TargetRoot => "target_root",
            Self::Log => "log",
            Self::Message => "message",
            Self::ErrorCode => "error_code",
            Self::ErrorMessage => "error_message",
            Self::Request => "request",
            Self::Sender => "sender",
            Self::TxNumber => "tx_number",
            Self::MessageHash => "message_hash",
            Self::TxHash => "tx_hash",
            Self::CheckedBy => "checked_by",
            Self::L1Timestamp => "l1_timestamp",
            Self::TargetTimestamp => "target_timestamp",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(
            self,
            Self::ChainId
                | Self::BatchNumber
                | Self::Id
                | Self::TargetSlChainId
                | Self::TargetNumber
                | Self::TxNumber
                | Self::L1Timestamp
                | Self::TargetTimestamp
        )
    }

    fn declaration(self) -> String {
        let name = self.name();
        match self {
            Self::Proof => format!(
                "optional group {name} (LIST) {{ repeated group list {{ required binary \
                 element; }} }}"
            ),
            Self::Root | Self::TargetRoot | Self::MessageHash | Self::TxHash => {
                format!("optional fixed_len_byte_array(32) {name};")
            }
            Self::Sender => format!("optional fixed_len_byte_array(20) {name};"),
            Self::Log => format!("optional fixed_len_byte_array(88) {name};"),
            Self::Message => format!("optional binary {name};"),
            _ if self.is_number() => format!("optional int64 {name} (INTEGER(64,false));"),
            _ => format!("optional binary {name} (STRING);"),
        }
    }
}

/// The schema of a file with these columns.
pub(super) fn schema(columns: &[Column]) -> Result<SchemaDescPtr, ParquetError> {
    let columns: String = columns.iter().map(|column| column.declaration()).collect();
    let schema = parse_message_type(&format!("message proofs {{ {columns} }}"))?;
    Ok(Arc::new(SchemaDescriptor::new(Arc::new(schema))))
}

/// The name of a kind of root, as in JSON.
pub(super) fn kind_name(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Block => "block",
        TargetKind::SlBatch => "sl-batch",
        TargetKind::BatchRoot => "batch-root",
    }
}

pub(super) fn kind_of_name(name: &[u8]) -> Option<TargetKind> {
    [TargetKind::Block, TargetKind::SlBatch, TargetKind::BatchRoot]
        .into_iter()
        .find(|kind| kind_name(*kind).as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use parquet::basic::Type;

    use super::*;

    #[test]
    fn the_schema_has_the_columns_in_order() {
        let schema = schema(&COLUMNS).unwrap();
        let columns = schema.columns();
        assert_eq!(columns.len(), COLUMNS.len());
        for (column, found) in COLUMNS.iter().zip(columns) {
            assert_eq!(found.path().parts()[0], column.name());
            let levels = (found.max_def_level(), found.max_rep_level());
            assert_eq!(levels, if *column == Column::Proof { (2, 1) } else { (1, 0) });
            assert_eq!(found.physical_type() == Type::INT64, column.is_number());
        }
        assert!(COLUMNS.into_iter().enumerate().all(|(at, column)| column as usize == at));
    }

    #[test]
    fn target_kinds_have_the_same_names_as_in_json() {
        for kind in [TargetKind::Block, TargetKind::SlBatch, TargetKind::BatchRoot] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind_name(kind));
            assert_eq!(kind_of_name(kind_name(kind).as_bytes()), Some(kind));
        }
        assert_eq!(kind_of_name(b"l1"), None);
    }
}
