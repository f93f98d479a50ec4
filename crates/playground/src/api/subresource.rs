//! What hangs below an object: scale, eviction, binding.
//!
//! Invariant: an eviction that a disruption budget does not allow changes nothing; one that it allows is counted in the
//! budget before the Pod is deleted, so two evictions cannot use one allowance.

use super::{Api, Delete, Status, Write, fits};
use crate::resource::{Resource, find};
use serde_json::{Value as Json, json};
use std::sync::Arc;

impl Api {
    /// The `Scale` of an object.
    ///
    /// # Errors
    /// 404.
    pub fn scale(&self, resource: &'static Resource, namespace: &str, name: &str) -> Result<Json, Status> {
        self.get(resource, namespace, name).map(|object| scale_of(&object))
    }

    /// Writes the `Scale` of an object. `change` turns the current `Scale` into the next.
    ///
    /// # Errors
    /// 400, 404, 409, 422, and what `change` says.
    pub fn rescale(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        write: &Write,
        mut change: impl FnMut(&Json) -> Result<Json, Status>,
    ) -> Result<Json, Status> {
        let write = Write { subresource: Some("scale"), ..write.clone() };
        let stored = self.revise(resource, namespace, name, &write, |current| {
            let scale = change(&scale_of(current))?;
            let replicas = match &scale["spec"]["replicas"] {
                Json::Null => 0,
                other => other.as_i64().ok_or_else(|| {
                    Status::bad_request(
                        "Scale in version \"v1\" cannot be handled as a Scale: spec.replicas is not a number",
                    )
                })?,
            };
            if replicas < 0 {
                let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
                let cause =
                    json!({"reason": "FieldValueInvalid", "message": message, "field": "spec.replicas"});
                return Err(Status::invalid_kind("autoscaling", "Scale", name, vec![cause]));
            }
            let mut next = current.clone();
            next["spec"]["replicas"] = replicas.into();
            if let Some(version) = scale["metadata"].get("resourceVersion") {
                next["metadata"]["resourceVersion"] = version.clone();
            }
            Ok(next)
        })?;
        Ok(scale_of(&stored))
    }

    /// Evicts a Pod: deletes it, if its disruption budget allows that.
    ///
    /// # Errors
    /// 404; 429 when the budget does not allow it; 500 when there is more than one budget.
    pub fn evict(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        delete: &Delete,
    ) -> Result<(), Status> {
        let pod = self.get(resource, namespace, name)?;
        let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed" | "Pending"));
        let going = !pod["metadata"]["deletionTimestamp"].is_null();
        if !over && !going {
            self.use_budget(&pod, namespace, name, delete.dry_run)?;
        }
        self.delete(resource, namespace, name, delete).map(drop)
    }

    fn use_budget(&self, pod: &Json, namespace: &str, name: &str, dry_run: bool) -> Result<(), Status> {
        let Some(budgets) = find("policy", "poddisruptionbudgets") else { return Ok(()) };
        let all = self.list(budgets, Some(namespace)).0;
        let mut concerned =
            all.iter().filter(|budget| fits(&budget["spec"]["selector"], &pod["metadata"]["labels"]));
        let Some(budget) = concerned.next() else { return Ok(()) };
        if concerned.next().is_some() {
            let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(Status::plain(500, "InternalError", message));
        }
        let called = budget["metadata"]["name"].as_str().unwrap_or_default();
        let write = Write { dry_run, ..Write::status_by("kube-apiserver") };
        let stamp = self.clock.stamp();
        let used = self.revise(budgets, namespace, called, &write, |budget| {
            let seen = budget["status"]["observedGeneration"].as_u64().unwrap_or(0);
            if seen < budget["metadata"]["generation"].as_u64().unwrap_or(0) {
                let cause = format!("The disruption budget {called} is still being processed by the server.");
                return Err(violated().cause("DisruptionBudget", cause, "").retry_after(10));
            }
            let allowed = budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0);
            if allowed <= 0 {
                let count = |field: &str| budget["status"][field].as_i64().unwrap_or(0);
                let cause = format!(
                    "The disruption budget {called} needs {} healthy pods and has {} currently",
                    count("desiredHealthy"),
                    count("currentHealthy")
                );
                return Err(violated().cause("DisruptionBudget", cause, ""));
            }
            let mut next = budget.clone();
            next["status"]["disruptionsAllowed"] = (allowed - 1).into();
            if !next["status"]["disruptedPods"].is_object() {
                next["status"]["disruptedPods"] = json!({});
            }
            next["status"]["disruptedPods"][name] = stamp.clone().into();
            Ok(next)
        });
        match used {
            // The budget went meanwhile: nothing protects the Pod.
            Err(status) if status.code == 404 => Ok(()),
            used => used.map(drop),
        }
    }

    /// Binds a Pod to a node.
    ///
    /// # Errors
    /// 400 without a target; 404; 409 when it is bound.
    pub fn bind(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        binding: &Json,
        write: &Write,
    ) -> Result<Arc<Json>, Status> {
        let node = binding["target"]["name"].as_str().unwrap_or_default();
        if node.is_empty() {
            let cause =
                json!({"reason": "FieldValueRequired", "message": "Required value", "field": "target.name"});
            return Err(Status::invalid_kind("", "Binding", name, vec![cause]));
        }
        let write = Write { subresource: Some("binding"), ..write.clone() };
        let conflict = |why: String| {
            let message = format!("Operation cannot be fulfilled on pods/binding \"{name}\": {why}");
            Status {
                details: json!({"name": name, "kind": "pods/binding"}),
                ..Status::plain(409, "Conflict", message)
            }
        };
        let stamp = self.clock.stamp();
        self.revise(resource, namespace, name, &write, |pod| {
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                return Err(conflict(format!("pod {name} is being deleted, cannot be assigned to a host")));
            }
            match pod["spec"]["nodeName"].as_str().unwrap_or_default() {
                "" => {}
                bound => {
                    return Err(conflict(format!("pod {name} is already assigned to node \"{bound}\"")));
                }
            }
            let mut next = pod.clone();
            next["spec"]["nodeName"] = node.into();
            let mut conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.retain(|condition| condition["type"] != "PodScheduled");
            conditions.push(json!({
                "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": stamp,
            }));
            next["status"]["conditions"] = conditions.into();
            Ok(next)
        })
    }
}

fn violated() -> Status {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    Status { details: json!({}), ..Status::plain(429, "TooManyRequests", message) }
}

fn scale_of(object: &Json) -> Json {
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata[field] = value.clone();
        }
    }
    let mut status = json!({"replicas": object["status"]["replicas"].as_i64().unwrap_or(0)});
    let selector = selector_text(&object["spec"]["selector"]);
    if !selector.is_empty() {
        status["selector"] = selector.into();
    }
    // None at all are left out, as Go leaves out what is zero.
    let spec = match object["spec"]["replicas"].as_i64().unwrap_or(0) {
        0 => json!({}),
        replicas => json!({"replicas": replicas}),
    };
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status,
    })
}

/// A selector as a query parameter has it: `a=b,c in (d,e)`.
fn selector_text(selector: &Json) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        parts.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values = expression["values"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let values = values.collect::<Vec<_>>().join(",");
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.sort();
    parts.join(",")
}
