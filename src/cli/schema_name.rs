//! The names and texts of the JSON Schemas.

use clap::ValueEnum;

/// A JSON document or line that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SchemaName {
    /// A proof: prove --format json or ndjson
    Proof,
    /// A request that failed, among proofs
    Failure,
    /// A line of prove --requests
    Request,
    /// The proof of a leaf of a batch root: prove --leaf
    Leaf,
    /// A line of verify --report
    Verdict,
    /// A line of claims
    Claim,
    /// A line of recheck --report
    Recheck,
    /// A line of a raw archive of logs
    Batch,
    /// survey --json
    Survey,
    /// import --json
    Import,
    /// rebuild --json
    Rebuild,
    /// index --json
    Index,
    /// history --json
    History,
    /// inspect --json
    Inspect,
    /// check --json
    Check,
    /// networks --json
    Networks,
    /// prove --summary, and prove --json on standard error
    ProveSummary,
    /// merge --json on standard error
    MergeSummary,
    /// verify --json on standard error
    VerifySummary,
    /// claims --summary, and claims --json on standard error
    ClaimsSummary,
    /// recheck --json on standard error
    RecheckSummary,
    /// An error of any command with --json, on standard error
    Error,
}

impl SchemaName {
    /// The text of the schema.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Proof => include_str!("schema/proof.json"),
            Self::Leaf => include_str!("schema/leaf.json"),
            Self::Failure => include_str!("schema/failure.json"),
            Self::Request => include_str!("schema/request.json"),
            Self::Verdict => include_str!("schema/verdict.json"),
            Self::Claim => include_str!("schema/claim.json"),
            Self::Recheck => include_str!("schema/recheck.json"),
            Self::Batch => include_str!("schema/batch.json"),
            Self::Survey => include_str!("schema/survey.json"),
            Self::Import => include_str!("schema/import.json"),
            Self::Rebuild => include_str!("schema/rebuild.json"),
            Self::Index => include_str!("schema/index.json"),
            Self::History => include_str!("schema/history.json"),
            Self::Inspect => include_str!("schema/inspect.json"),
            Self::Check => include_str!("schema/check.json"),
            Self::Networks => include_str!("schema/networks.json"),
            Self::ProveSummary => include_str!("schema/prove-summary.json"),
            Self::MergeSummary => include_str!("schema/merge-summary.json"),
            Self::VerifySummary => include_str!("schema/verify-summary.json"),
            Self::ClaimsSummary => include_str!("schema/claims-summary.json"),
            Self::RecheckSummary => include_str!("schema/recheck-summary.json"),
            Self::Error => include_str!("schema/error.json"),
        }
    }
}
