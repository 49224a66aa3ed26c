//! The `networks` command: the public deployments.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    error::{CliError, Outcome},
    report,
};
use crate::contracts::{Deployment, Network};

pub(super) fn run() -> Result<Outcome, CliError> {
    let networks = Network::ALL.map(|network| {
        // Cannot fail: the record has no maps with keys other than strings.
        let mut value = serde_json::to_value(network.deployment()).unwrap_or_default();
        value["name"] = Value::from(network.name());
        value
    });
    report::result(&json!({ "networks": networks }), || {
        Network::ALL.iter().map(|network| text(*network)).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Outcome::Done)
}

fn text(network: Network) -> String {
    let Deployment {
        l1_chain_id,
        era_chain_id,
        sl_chain_id,
        bridgehub,
        l1_nullifier,
        relayed_sl_da_validator,
        sl_diamond,
    } = network.deployment();
    let mut text = format!("{}\n", network.name());
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<26}{value}");
    };
    line("L1", format!("chain {l1_chain_id}"));
    line("ZKsync Era", format!("chain {era_chain_id}"));
    line("settlement layer", format!("chain {sl_chain_id}"));
    line("Bridgehub on L1", bridgehub.to_string());
    line("L1Nullifier on L1", l1_nullifier.to_string());
    line("RelayedSLDAValidator", format!("{relayed_sl_da_validator} on the settlement layer"));
    if let Some(diamond) = sl_diamond {
        line("diamond on L1", format!("{diamond} of the settlement layer"));
    }
    text
}
