//! repeater: fetches a URL for its caller, without a timeout, and even when the caller has left.

use super::http::{Answer, fetch, parameter, plain, serve};
use super::{Container, Figures, Program, shell};
use hyper::StatusCode;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Where it listens.
const PORT: u16 = 8080;

/// repeater.
pub(super) struct Repeater;

impl Program for Repeater {
    fn images(&self) -> &'static [&'static str] {
        &["vfarcic/repeater:*"]
    }

    fn executables(&self) -> &'static [&'static str] {
        &["repeater"]
    }

    fn figures(&self) -> Figures {
        Figures { idle_millicores: 2, millicores_per_request: 5, idle_mebibytes: 6, mebibytes_per_request: 1 }
    }

    fn run(&self, container: Container) -> Pin<Box<dyn Future<Output = i32> + Send>> {
        Box::pin(async move {
            (container.log)("Running the server");
            // What is fetched goes on without its caller, but not without the program, which owns the fetches.
            let fetches: Arc<Mutex<JoinSet<()>>> = Arc::default();
            let of = container.clone();
            serve(&container, PORT, move |request| {
                let addr = parameter(request.uri(), "addr").filter(|addr| !addr.is_empty());
                repeat(of.clone(), fetches.clone(), addr)
            })
            .await
        })
    }

    fn exec(
        &self,
        _container: Container,
        command: Vec<String>,
    ) -> Pin<Box<dyn Future<Output = (i32, String)> + Send>> {
        Box::pin(async move { shell::run(&command).await })
    }
}

async fn repeat(container: Container, fetches: Arc<Mutex<JoinSet<()>>>, addr: Option<String>) -> Answer {
    let Some(addr) = addr else { return plain(StatusCode::OK, "`addr` was not specified\n") };
    let (tell, told) = oneshot::channel();
    {
        let mut fetches = fetches.lock().unwrap_or_else(PoisonError::into_inner);
        while fetches.try_join_next().is_some() {}
        fetches.spawn(async move {
            let fetched = fetch(&container, &addr).await;
            if let Err(error) = &fetched {
                (container.log)(&error.to_string());
            }
            // Its caller may have left.
            let _ = tell.send(fetched);
        });
    }
    match told.await {
        Ok(Ok((status, body))) => {
            let mut answer = plain(status, "");
            *answer.body_mut() = http_body_util::Full::new(body);
            answer
        }
        _ => plain(StatusCode::INTERNAL_SERVER_ERROR, "Something's terribly wrong\n"),
    }
}
