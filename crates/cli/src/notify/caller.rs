//! Tells notification plugins in Python, one after the other and each channel in its turn, as the Toolkit does.
//!
//! Invariant: a plugin that fails or hangs costs others at most [`MOST`]; no line about it holds its settings or what it was told.

use crate::shared_log::{SharedLog, lock};
use jiff::Timestamp;
use squall_drivers::python::{Bridge, Trouble};
use squall_experiment::{Value, json};
use squall_report::line::Line;
use squall_report::notify::{Name, Plugin};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The longest that one call may take.
const MOST: Duration = Duration::from_secs(10);

/// One event for one channel.
pub(super) struct Call {
    pub(super) label: String,
    pub(super) name: Name,
    pub(super) plugin: Plugin,
}

/// Who calls.
pub(super) struct Caller {
    pub(super) bridge: Arc<Bridge>,
    pub(super) log: SharedLog,
    /// Whether a plugin's failure is a WARNING, or only for the log file.
    pub(super) loud: bool,
}

impl Caller {
    /// Calls until nobody can add anything any more.
    pub(super) async fn serve(self, mut calls: mpsc::Receiver<Call>) {
        // That there is no Python is said once for each channel, on a pipe too: the Toolkit would have told it.
        let mut said = Vec::new();
        while let Some(Call { label, name, plugin }) = calls.recv().await {
            let (why, loud) = match timeout(MOST, self.call(plugin)).await {
                Ok(Ok(_)) => continue,
                Ok(Err(trouble @ Trouble::NoPython(_))) => (trouble.to_string(), !said.contains(&label)),
                Ok(Err(trouble)) => (trouble.to_string(), self.loud),
                Err(_) => ("it did not return in time".to_owned(), self.loud),
            };
            let text = format!("{label}: {} was not delivered: {why}", name.word());
            let line = if loud { Line::warning(text) } else { Line::debug(text) };
            lock(&self.log).line(&line, Timestamp::now());
            said.push(label);
        }
    }

    async fn call(&self, plugin: Plugin) -> Result<Value, Trouble> {
        let Plugin { module, func, channel, event } = plugin;
        let body = [
            ("module", module.into()),
            ("func", func.into()),
            ("channel", channel),
            // We wrote it.
            ("event", json::value(&event).unwrap_or_default()),
            // A plugin must not wait for an activity that is being played.
            ("beside", Value::Bool(true)),
        ];
        self.bridge
            .ask("notify", body.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
            .await
    }
}
