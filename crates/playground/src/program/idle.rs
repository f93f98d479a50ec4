//! Images that only wait: `pause`, and Istio's proxy, until the mesh is there.

use super::{Container, Figures, Program, no_such_command};
use std::future::Future;
use std::pin::Pin;

/// Waits for SIGTERM.
pub(super) struct Idle;

impl Program for Idle {
    fn images(&self) -> &'static [&'static str] {
        &["pause:*", "*/pause:*", "istio/proxyv2:*", "*/proxyv2:*"]
    }

    fn figures(&self) -> Figures {
        Figures { idle_millicores: 1, idle_mebibytes: 1, ..Figures::default() }
    }

    fn run(&self, container: Container) -> Pin<Box<dyn Future<Output = i32> + Send>> {
        Box::pin(async move {
            container.terminated.cancelled().await;
            0
        })
    }

    fn exec(
        &self,
        _container: Container,
        command: Vec<String>,
    ) -> Pin<Box<dyn Future<Output = (i32, String)> + Send>> {
        Box::pin(async move { no_such_command(&command) })
    }
}
