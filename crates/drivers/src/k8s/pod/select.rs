//! Which Pods an action is for: by label, by name, all, some, a share, at random or in order.
//!
//! The rules are the Toolkit's, in its order: wrong arguments fail before any request, a bad pattern after the list.

use super::list;
use crate::k8s::args::{Flag, Number, Text, compiled, raised};
use crate::k8s::cluster::Cluster;
use crate::k8s::object::name;
use serde_json::Value as Json;
use squall_engine::{Failure, Look, Stop};
use squall_experiment::Value;
use squall_experiment::event::Level;
use squall_experiment::python::{Exception, Order, compare, str_of};

/// What an experiment says about which Pods.
pub(super) struct Selection<'a> {
    pub(super) labels: Option<String>,
    pub(super) name_pattern: Option<String>,
    pub(super) all: &'a Flag,
    pub(super) rand: &'a Flag,
    pub(super) mode: &'a Text,
    pub(super) qty: &'a Number,
    pub(super) order: &'a Text,
}

/// The Pods that were found, and the indices of the chosen ones in the order in which they are to be dealt with.
pub(super) struct Chosen {
    pub(super) found: Vec<Json>,
    pub(super) chosen: Vec<usize>,
}

impl Selection<'_> {
    /// Chooses.
    pub(super) async fn choose(&self, cluster: &Cluster, cx: &Look, ns: &str) -> Result<Chosen, Stop> {
        let refused = |what: &str, value: &Value, why: &str| {
            Failure::experiment(format!("Cannot select pods. {what} '{}' {why}.", str_of(value)))
        };
        if compare(&self.qty.0, Order::Below, &Value::Int(0)).map_err(raised)? {
            return Err(refused("Quantity", &self.qty.0, "is negative").into());
        }
        let is_share = match self.mode.0.as_text() {
            Some("fixed") => false,
            Some("percentage") => true,
            _ => return Err(refused("Mode", &self.mode.0, "is invalid").into()),
        };
        let by_age = match self.order.0.as_text() {
            Some("alphabetic") => false,
            Some("oldest") => true,
            _ => return Err(refused("Order", &self.order.0, "is invalid").into()),
        };
        let found = list(cluster, cx, ns, self.labels.as_deref()).await?;
        let mut chosen: Vec<usize> = (0..found.len()).collect();
        if let Some(pattern) = &self.name_pattern {
            let pattern = compiled(pattern)?;
            let mut matching = Vec::new();
            for index in chosen {
                if pattern.search(name(&found[index])).map_err(raised)? {
                    matching.push(index);
                }
            }
            chosen = matching;
            cx.note(Level::Debug, format!("{} of them match the pattern", chosen.len()));
        }
        if by_age {
            // RFC 3339 in UTC sorts as text; a stable sort keeps the server's order among equals.
            chosen.sort_by_key(|index| {
                found[*index]["metadata"]["creationTimestamp"].as_str().unwrap_or("").to_owned()
            });
        }
        if !self.all.is_on() {
            let amount = amount(&self.qty.0, is_share, chosen.len(), self.rand.is_on())?;
            if self.rand.is_on() {
                chosen = cx.draw(amount, chosen.len()).into_iter().map(|index| chosen[index]).collect();
            } else {
                chosen.truncate(amount);
            }
        }
        Ok(Chosen { found, chosen })
    }
}

/// How many of `found`, as Python counts them.
fn amount(qty: &Value, is_share: bool, found: usize, rand: bool) -> Result<usize, Failure> {
    #[expect(clippy::cast_precision_loss, reason = "Python computes shares in floating point too")]
    let wanted = match qty {
        Value::Int(number) => *number as f64,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Float(number) => *number,
        _ => f64::INFINITY,
    };
    #[expect(clippy::cast_precision_loss, reason = "as above")]
    let found_share = found as f64;
    let wanted = if is_share { (wanted * found_share / 100.0).ceil() } else { wanted };
    if wanted >= found_share {
        return Ok(found);
    }
    if !is_share && matches!(qty, Value::Float(_)) {
        return Err(raised(Exception::type_error(if rand {
            "'float' object cannot be interpreted as an integer"
        } else {
            "slice indices must be integers or None or have an __index__ method"
        })));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= wanted < found")]
    let wanted = wanted as usize;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn shares_are_rounded_up_and_capped() {
        for (qty, found, expected) in
            [(34, 3, 2), (33, 3, 1), (0, 3, 0), (250, 3, 3), (50, 0, 0), (1, 1000, 10), (100, 3, 3)]
        {
            assert_eq!(amount(&Value::Int(qty), true, found, false).unwrap(), expected, "{qty} % of {found}");
        }
        assert_eq!(amount(&Value::Int(99), false, 3, true).unwrap(), 3);
        assert_eq!(amount(&Value::Bool(true), false, 3, true).unwrap(), 1);
        assert_eq!(amount(&Value::Float(0.5), true, 1000, true).unwrap(), 5);
        assert!(amount(&Value::Float(1.5), false, 3, true).unwrap_err().what.contains("interpreted"));
    }
}
