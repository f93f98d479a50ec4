//! The response times of go-demo-8 in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Upper bounds in seconds: Prometheus' default ones.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Histogram `http_server_resp_time` by code, method and path.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    series: BTreeMap<(u16, String, String), Series>,
}

#[derive(Debug, Default)]
struct Series {
    buckets: [u64; BOUNDS.len()],
    sum: f64,
    count: u64,
}

impl Histogram {
    /// Notes an answer.
    pub(super) fn observe(&mut self, code: u16, method: &str, path: &str, took: Duration) {
        let series = self.series.entry((code, method.to_owned(), path.to_owned())).or_default();
        let took = took.as_secs_f64();
        for (bucket, bound) in series.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(took <= bound);
        }
        series.sum += took;
        series.count += 1;
    }

    /// As Prometheus scrapes it.
    pub(super) fn text(&self, service: &str) -> String {
        let mut text = "# HELP http_server_resp_time Request response time\n\
                        # TYPE http_server_resp_time histogram\n"
            .to_owned();
        for ((code, method, path), series) in &self.series {
            let labels = format!(
                "code=\"{code}\",method=\"{method}\",path=\"{}\",service=\"{}\"",
                escape(path),
                escape(service)
            );
            let name = "http_server_resp_time";
            // Writing to a string does not fail.
            for (bound, bucket) in BOUNDS.iter().zip(series.buckets) {
                let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {bucket}");
            }
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", series.count);
            let _ = writeln!(text, "{name}_sum{{{labels}}} {}", series.sum);
            let _ = writeln!(text, "{name}_count{{{labels}}} {}", series.count);
        }
        text
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
