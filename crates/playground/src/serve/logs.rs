//! `kubectl logs`: the lines of a container, from where and as long as it is asked.

use super::answer::Body;
use super::request::Query;
use super::route::Target;
use crate::api::log::LogReader;
use crate::api::{Api, Status};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use std::convert::Infallible;
use std::sync::Arc;

struct Reading {
    reader: LogReader,
    follow: bool,
    timestamps: bool,
    since: Option<Timestamp>,
    left: Option<u64>,
}

/// The log of a container of a Pod.
///
/// # Errors
/// 400 when the container is not named, unknown, or has not written yet; 404 without the Pod.
pub(super) fn read(api: &Api, target: &Target, query: &Query) -> Result<Body, Status> {
    let (namespace, name) =
        (target.namespace.as_deref().unwrap_or_default(), target.name.as_deref().unwrap_or_default());
    let pod = api.get(target.resource, namespace, name)?;
    let asked = query.get("tailLines");
    if asked.parse::<i64>().is_ok_and(|lines| lines < 0) {
        let message = format!("Invalid value: {asked}: must be greater than or equal to 0");
        let cause = json!({"reason": "FieldValueInvalid", "message": message, "field": "tailLines"});
        return Err(Status::invalid_kind("", "PodLogOptions", name, vec![cause]));
    }
    let container = choose(&pod, name, query.get("container"))?;
    let previous = query.flag("previous");
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
        // Nothing was written, and nobody is there who could say so.
        return Ok(Full::default().boxed_unsync());
    }
    let Some(log) = api.logs().of(uid, &container, previous) else {
        return Err(Status::bad_request(absent(&pod, name, &container, previous)));
    };
    let since = match (query.number("sinceSeconds")?, query.get("sinceTime")) {
        (Some(seconds), _) => {
            let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            Some(api.clock().now().saturating_sub(span).unwrap_or(Timestamp::MIN))
        }
        (None, "") => None,
        (None, time) => Some(
            time.parse().map_err(|_| Status::bad_request(format!("sinceTime \"{time}\" is not a time")))?,
        ),
    };
    let mut reader = log.read();
    if let Some(tail) = query.number("tailLines")? {
        let written = log.lines().iter().filter(|(at, _)| since.is_none_or(|since| *at >= since)).count();
        let skip = written.saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX));
        for _ in 0..skip {
            while let Some((at, _)) = reader.next_now() {
                if since.is_none_or(|since| at >= since) {
                    break;
                }
            }
        }
    }
    let mut reading = Reading {
        reader,
        follow: query.flag("follow") && !previous,
        timestamps: query.flag("timestamps"),
        since,
        left: query.number("limitBytes")?,
    };
    if !reading.follow {
        let mut text = Vec::new();
        while let Some((at, line)) = reading.reader.next_now() {
            reading.line(at, &line, &mut text);
        }
        return Ok(Full::new(Bytes::from(text)).boxed_unsync());
    }
    let stream = futures_util::stream::unfold(reading, |mut reading| async move {
        let mut text = Vec::new();
        while text.is_empty() && reading.left != Some(0) {
            let (at, line) = reading.reader.next().await?;
            reading.line(at, &line, &mut text);
        }
        (!text.is_empty()).then(|| (Ok::<_, Infallible>(Frame::data(Bytes::from(text))), reading))
    });
    Ok(StreamBody::new(stream).boxed_unsync())
}

impl Reading {
    fn line(&mut self, at: Timestamp, line: &Arc<str>, text: &mut Vec<u8>) {
        if self.since.is_some_and(|since| at < since) {
            return;
        }
        let mut whole = Vec::new();
        if self.timestamps {
            // Nine digits, always, as container runtimes write them.
            whole.extend_from_slice(at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ ").to_string().as_bytes());
        }
        whole.extend_from_slice(line.as_bytes());
        whole.push(b'\n');
        if let Some(left) = &mut self.left {
            whole.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= whole.len() as u64;
        }
        text.append(&mut whole);
    }
}

/// The container that is meant; a Pod of one needs no name.
fn choose(pod: &Json, name: &str, asked: &str) -> Result<String, Status> {
    let names = |list: &str| -> Vec<String> {
        let containers = pod["spec"][list].as_array().into_iter().flatten();
        containers.filter_map(|container| container["name"].as_str().map(str::to_owned)).collect()
    };
    let containers = names("containers");
    match (asked, containers.as_slice()) {
        ("", [only]) => Ok(only.clone()),
        ("", all) => {
            let all = all.join(" ");
            Err(Status::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{all}]"
            )))
        }
        (asked, all) if all.iter().chain(&names("initContainers")).any(|known| known == asked) => {
            Ok(asked.to_owned())
        }
        (asked, _) => Err(Status::bad_request(format!("container {asked} is not valid for pod {name}"))),
    }
}

fn absent(pod: &Json, name: &str, container: &str, previous: bool) -> String {
    if previous {
        return format!("previous terminated container \"{container}\" in pod \"{name}\" not found");
    }
    let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    let status = { statuses }.find(|status| status["name"] == container);
    let waiting = status.and_then(|status| status["state"]["waiting"]["reason"].as_str());
    match waiting {
        Some("ImagePullBackOff" | "ErrImagePull") => format!(
            "container \"{container}\" in pod \"{name}\" is waiting to start: trying and failing to pull image"
        ),
        Some(reason) => {
            format!("container \"{container}\" in pod \"{name}\" is waiting to start: {reason}")
        }
        None => format!("container \"{container}\" in pod \"{name}\" is not available"),
    }
}
