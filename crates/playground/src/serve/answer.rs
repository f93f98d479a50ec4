//! Answers: JSON bodies, errors, lists written without copying their objects, and the shape that a client accepts.

use super::route::Target;
use crate::api::{Clock, Status};
use crate::shape::table::{self, Include};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::convert::Infallible;
use std::sync::Arc;

/// About how much of a list is encoded at once.
const PIECE: usize = 64 << 10;

/// How many warnings an answer has at most: Python's http.client and hyper read no head of more than 100 lines.
const WARNINGS: usize = 64;

/// Characters of all warnings of an answer, and of each where that is too little: a Kubernetes API server's bounds.
const WARNINGS_CHARS: usize = 4096;
const WARNING_CHARS: usize = 256;

/// What is sent.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The shape in which a client wants objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// As they are.
    Plain,
    /// Rows and columns.
    Table(Rows),
    /// Only their metadata.
    Metadata,
    /// Aggregated discovery, in a version of `apidiscovery.k8s.io`.
    Discovery(&'static str),
}

/// How rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rows {
    /// The version of `meta.k8s.io`.
    version: &'static str,
    include: Include,
    /// Ages are as of now.
    now: Timestamp,
}

impl Rows {
    fn of(version: &'static str) -> Form {
        Form::Table(Rows { version, include: Include::Metadata, now: Timestamp::UNIX_EPOCH })
    }

    /// The same, as of another time.
    pub(super) fn at(self, now: Timestamp) -> Rows {
        Rows { now, ..self }
    }

    /// The table of some objects.
    fn table(&self, target: &Target, objects: &[Arc<Json>]) -> Json {
        let mut table = table::table(target.resource, objects, self.now, self.include);
        table["apiVersion"] = format!("meta.k8s.io/{}", self.version).into();
        table
    }

    /// The table of one object.
    pub(super) fn row(&self, target: &Target, object: &Json) -> Json {
        let mut table = self.table(target, &[Arc::new(object.clone())]);
        table["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
        table
    }
}

impl Form {
    /// Says what goes with each row (the parameter `includeObject`), and what time it is.
    pub(super) fn rows(self, include: &str, clock: Clock) -> Form {
        let Form::Table(rows) = self else { return self };
        let include = match include {
            "None" => Include::None,
            "Object" => Include::Object,
            _ => Include::Metadata,
        };
        Form::Table(Rows { include, now: clock.now(), ..rows })
    }
}

/// Reads `Accept`.
///
/// # Errors
/// 406 when nothing in it is JSON.
pub(super) fn accepted(headers: &HeaderMap) -> Result<Form, Status> {
    let mut accepts =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if accepts.peek().is_none() {
        return Ok(Form::Plain);
    }
    for range in accepts.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        if !matches!(parts.next(), Some("application/json" | "application/*" | "*/*" | "")) {
            continue;
        }
        let (mut kind, mut group, mut version) = ("", "", "");
        for part in parts {
            match part.split_once('=') {
                Some(("as", value)) => kind = value,
                Some(("g", value)) => group = value,
                Some(("v", value)) => version = value,
                _ => {}
            }
        }
        match (kind, group, version) {
            ("", ..) => return Ok(Form::Plain),
            ("Table", "meta.k8s.io", "v1") => return Ok(Rows::of("v1")),
            ("Table", "meta.k8s.io", "v1beta1") => return Ok(Rows::of("v1beta1")),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => {
                return Ok(Form::Metadata);
            }
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => return Ok(Form::Discovery("v2")),
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2beta1") => {
                return Ok(Form::Discovery("v2beta1"));
            }
            _ => {}
        }
    }
    let message = "only the following media types are accepted: application/json";
    Err(Status { details: json!({}), ..Status::plain(406, "NotAcceptable", message) })
}

/// Whether the OpenAPI document is wanted as protobuf.
pub(super) fn takes_protobuf(headers: &HeaderMap) -> bool {
    let mut accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts.any(|accepts| accepts.contains("proto-openapi.spec.v2"))
}

/// A document of an API that kubectl asks in protobuf first, and takes as JSON.
pub(super) fn json(code: StatusCode, body: &Json) -> Response<Body> {
    bytes(code, "application/json", body.to_string().into_bytes())
}

/// A body as it is.
pub(super) fn bytes(code: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Body> {
    whole(code, kind, Full::new(Bytes::from(body)).boxed_unsync())
}

/// A body that may come bit by bit.
pub(super) fn whole(code: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A refusal.
pub(super) fn refusal(status: &Status) -> Response<Body> {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(code, &status.to_json());
    if let Some(seconds) = status.details["retryAfterSeconds"].as_u64() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// With a header for each warning, as far as clients can read them; the last one says how many are left out.
pub(super) fn warn(mut response: Response<Body>, warnings: &[String]) -> Response<Body> {
    let told = readable(warnings);
    let left_out = warnings.len() - told.len();
    let more = (left_out > 0).then(|| format!("{left_out} more warnings are left out"));
    for warning in told.into_iter().chain(more) {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        // What cannot be in a header is not worth a refusal.
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes()) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// The first warnings, as many and as much of each as fit into a head; whole if all fit whole.
fn readable(warnings: &[String]) -> Vec<String> {
    let length = |warning: &String| warning.chars().count();
    if warnings.len() <= WARNINGS && warnings.iter().map(length).sum::<usize>() <= WARNINGS_CHARS {
        return warnings.to_vec();
    }
    let mut room = WARNINGS_CHARS;
    let short = warnings.iter().take(WARNINGS).map(|warning| warning.chars().take(WARNING_CHARS).collect());
    short
        .take_while(|warning: &String| {
            let fits = length(warning) <= room;
            room = room.saturating_sub(length(warning));
            fits
        })
        .collect()
}

/// What a deletion says when it does not return the object.
pub(super) fn success(target: &Target, object: &Json) -> Json {
    let mut details = json!({"name": object["metadata"]["name"]});
    if !target.resource.group.is_empty() {
        details["group"] = target.resource.group.into();
    }
    details["kind"] = target.resource.plural.into();
    details["uid"] = object["metadata"]["uid"].clone();
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// One object in the form that was asked for.
pub(super) fn object(code: StatusCode, target: &Target, form: Form, object: &Json) -> Response<Body> {
    match form {
        Form::Plain | Form::Discovery(_) => json(code, &target.served(object)),
        Form::Metadata => json(code, &metadata_only(object)),
        Form::Table(rows) => json(code, &rows.row(target, object)),
    }
}

/// Where a list stands.
pub(super) struct Page {
    pub(super) revision: u64,
    pub(super) next: Option<String>,
    pub(super) remaining: Option<usize>,
}

impl Page {
    fn metadata(&self) -> Json {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if let Some(next) = &self.next {
            metadata["continue"] = next.clone().into();
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = remaining.into();
        }
        metadata
    }
}

/// A list in the form that was asked for. A long one is written while it is read: nobody holds it whole but as the objects
/// that it shares with the store.
pub(super) fn list(target: &Target, form: Form, objects: Vec<Arc<Json>>, page: &Page) -> Response<Body> {
    let (start, end): (_, &'static [u8]) = match form {
        Form::Table(rows) => {
            let mut table = rows.table(target, &[]);
            table["metadata"] = page.metadata();
            let text = table.to_string();
            // Rows come last.
            (text.strip_suffix("]}").unwrap_or(&text).to_owned(), b"]}")
        }
        form => {
            let (kind, version) = match form {
                Form::Metadata => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
                _ => (target.resource.kind.to_owned(), target.resource.api_version(target.version)),
            };
            let metadata = page.metadata();
            let start = format!(
                "{{\"kind\":\"{kind}List\",\"apiVersion\":\"{version}\",\"metadata\":{metadata},\"items\":["
            );
            (start, b"]}\n")
        }
    };
    let mut items =
        Items { target: target.clone(), form, objects: objects.into_iter(), first: true, end: Some(end) };
    let mut text = start.into_bytes();
    items.write(&mut text);
    if items.end.is_none() {
        return bytes(StatusCode::OK, "application/json", text);
    }
    let rest = futures_util::stream::unfold((text, items), |(mut text, mut items)| async move {
        if text.is_empty() {
            items.write(&mut text);
        }
        let frame = Frame::data(Bytes::from(std::mem::take(&mut text)));
        (!frame.data_ref().is_none_or(Bytes::is_empty)).then(|| (Ok::<_, Infallible>(frame), (text, items)))
    });
    whole(StatusCode::OK, "application/json", StreamBody::new(rest).boxed_unsync())
}

/// The objects of a list that are still to be written.
struct Items {
    target: Target,
    form: Form,
    objects: std::vec::IntoIter<Arc<Json>>,
    first: bool,
    /// What follows the last one; `None` when it is written.
    end: Option<&'static [u8]>,
}

impl Items {
    /// Writes about [`PIECE`] bytes, or all that is left.
    fn write(&mut self, text: &mut Vec<u8>) {
        while text.len() < PIECE {
            let Some(object) = self.objects.next() else {
                text.extend_from_slice(self.end.take().unwrap_or_default());
                return;
            };
            if !std::mem::replace(&mut self.first, false) {
                text.push(b',');
            }
            match self.form {
                Form::Table(rows) => push(text, &rows.table(&self.target, &[object])["rows"][0]),
                Form::Metadata => push(text, &metadata_only(&self.target.served(&object))),
                _ => push_item(text, &self.target.served(&object)),
            }
        }
    }
}

/// Writes JSON to a buffer.
pub(super) fn push(body: &mut Vec<u8>, value: &Json) {
    serde_json::to_writer(body, value).expect("a buffer takes any JSON value");
}

/// Items of a list do not repeat their kind and version.
fn push_item(body: &mut Vec<u8>, object: &Json) {
    let fields = object.as_object().into_iter().flatten();
    let fields = fields.filter(|(field, _)| !matches!(field.as_str(), "kind" | "apiVersion"));
    body.push(b'{');
    for (n, (field, value)) in fields.enumerate() {
        if n > 0 {
            body.push(b',');
        }
        serde_json::to_writer(&mut *body, field).expect("a buffer takes any text");
        body.push(b':');
        push(body, value);
    }
    body.push(b'}');
}

/// An object without its contents.
pub(super) fn metadata_only(object: &Json) -> Json {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(warnings: &[String]) -> Vec<String> {
        let response = warn(bytes(StatusCode::OK, "application/json", Vec::new()), warnings);
        let all = response.headers().get_all(header::WARNING);
        all.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    #[test]
    fn warnings_fit_into_a_head_that_clients_read() {
        let few = [r#"unknown field "spec.größe""#.to_owned(), "x".repeat(1000)];
        assert_eq!(
            told(&few),
            [r#"299 - "unknown field \"spec.größe\"""#.to_owned(), format!("299 - \"{}\"", "x".repeat(1000))]
        );
        let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        let first = told(&many);
        assert_eq!((first.len(), first[64].as_str()), (65, r#"299 - "936 more warnings are left out""#));
        let large = vec!["é".repeat(1000); 40];
        let cut = told(&large);
        assert_eq!(cut[15], format!("299 - \"{}\"", "é".repeat(256)));
        assert_eq!((cut.len(), cut[16].as_str()), (17, r#"299 - "24 more warnings are left out""#));
    }
}
