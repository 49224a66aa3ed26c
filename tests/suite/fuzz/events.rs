use slproof::{
    contracts::system::MESSAGE_ROOT,
    forest::{RebuildOptions, Timeline, rebuild_from_events},
    ingest::events::read_events_input,
};

/// Trees that are rebuilt from events have every root that the events name.
pub(super) fn run(data: &[u8]) {
    let Some(input) = super::input("events", data) else { return };
    let events = match read_events_input(input, MESSAGE_ROOT) {
        Ok(events) => events,
        Err(error) => return super::explain(&error),
    };
    let options =
        RebuildOptions { most_in_memory: super::importing::MOST_HASHES, ..Default::default() };
    match rebuild_from_events(&events, None, &options) {
        Ok(found) => {
            // Only a root that is missing is not explained.
            let history = &found.history;
            assert!(history.unexplained().all(|root| history.roots[root].is_zero()));
            Timeline::new(&found.forest, history.clone()).unwrap();
        }
        Err(error) => super::explain(&error),
    }
}
