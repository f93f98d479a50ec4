//! Patches: in the version that the caller speaks, tried again when others write meanwhile.
//!
//! Invariant: a patch that names no revision never fails because somebody else wrote; only server-side apply creates.

use super::{Api, Patch, Status, Write, same, wrong_name};
use crate::resource::Resource;
use crate::shape::patch::{self, Writer};
use crate::shape::{decode, version};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What a patch did.
#[derive(Clone, Debug, PartialEq)]
pub struct Patched {
    /// The object as it is stored now.
    pub object: Arc<Json>,
    /// Whether it was made.
    pub created: bool,
    /// What the patch has that no field is for.
    pub unknown: Vec<String>,
}

impl Api {
    /// Patches an object, in one of its versions.
    ///
    /// # Errors
    /// 400 and 422 for what cannot be applied, 404 without the object (server-side apply makes one), 409 when the patch
    /// names another revision or other managers own its fields.
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request line")]
    pub fn patch(
        &self,
        resource: &'static Resource,
        spoken: &str,
        namespace: &str,
        name: &str,
        kind: Patch,
        body: &Json,
        write: &Write,
    ) -> Result<Patched, Status> {
        let time = self.clock.stamp();
        let writer =
            Writer { manager: &write.manager, version: spoken, subresource: write.subresource, time: &time };
        let applies = matches!(kind, Patch::Apply { .. });
        let mut unknown = Vec::new();
        let mut next = |current: Option<&Json>| -> Result<Json, Status> {
            let shown = current.map(|current| version::to_version(resource, spoken, current.clone()));
            let mut patched = patch::apply(kind, resource, &writer, shown.as_ref(), body)?;
            unknown = decode::after_patch(resource, spoken, &mut patched)?;
            same_object(resource, namespace, name, current, &patched)?;
            Ok(version::from_version(resource, spoken, patched))
        };
        let changed = self.rewrite(resource, namespace, name, write, applies, |current| next(Some(current)));
        let (object, created) = match changed {
            Err(status) if status.code == 404 && applies && write.subresource.is_none() => {
                let mut made = next(None)?;
                made["metadata"]["name"] = name.into();
                match self.make(resource, namespace, made, write, true) {
                    // Somebody else made it meanwhile.
                    Err(status) if status.reason == "AlreadyExists" => {
                        let again = |current: &Json| next(Some(current));
                        (self.rewrite(resource, namespace, name, write, true, again)?, false)
                    }
                    made => (made?, true),
                }
            }
            changed => (changed?, false),
        };
        Ok(Patched { object, created, unknown })
    }

    /// Patches the `Scale` of an object.
    ///
    /// # Errors
    /// As [`Api::patch`].
    pub fn patch_scale(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        kind: Patch,
        body: &Json,
        write: &Write,
    ) -> Result<Json, Status> {
        let time = self.clock.stamp();
        let writer =
            Writer { manager: &write.manager, version: "v1", subresource: Some("scale"), time: &time };
        // A Scale has no lists, so a strategic patch of it is a merge patch.
        let kind = if kind == Patch::Json { Patch::Json } else { Patch::Merge };
        self.rescale(resource, namespace, name, write, |scale| {
            patch::apply(kind, resource, &writer, Some(scale), body)
        })
    }
}

/// A patch cannot make another object of it.
fn same_object(
    resource: &Resource,
    namespace: &str,
    name: &str,
    current: Option<&Json>,
    patched: &Json,
) -> Result<(), Status> {
    let given = |field: &str| patched["metadata"][field].as_str();
    same(name, given("name"), |given| wrong_name(given, name))?;
    same(namespace, given("namespace"), |given| {
        format!(
            "the namespace of the object ({given}) does not match the namespace on the request ({namespace})"
        )
    })?;
    let Some(current) = current else { return Ok(()) };
    match given("uid") {
        Some(uid) if current["metadata"]["uid"] != uid => {
            let message = format!("Invalid value: \"{uid}\": field is immutable");
            let cause = json!({"reason": "FieldValueInvalid", "message": message, "field": "metadata.uid"});
            Err(Status::invalid(resource, name, vec![cause]))
        }
        _ => Ok(()),
    }
}
