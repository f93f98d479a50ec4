//! How many Pods each ReplicaSet of a Deployment is to have: while it rolls, and when it is scaled.

use super::sets::{Sets, annotations, resize};
use super::{DESIRED, MAX, bounds, replicas, rolls, spec_replicas};
use crate::api::Status;
use crate::controllers::Context;
use crate::controllers::object::{annotation, int};
use serde_json::Value as Json;
use std::sync::Arc;

fn total<'a>(sets: impl Iterator<Item = &'a Arc<Json>>) -> i64 {
    sets.map(|set| spec_replicas(set)).sum()
}

fn available(set: &Json) -> i64 {
    int(set, "/status/availableReplicas").unwrap_or(0)
}

/// How many Pods the new ReplicaSet may have now.
pub(super) fn of_new(deployment: &Json, sets: &Sets) -> i64 {
    let has = sets.new.as_deref().map_or(0, spec_replicas);
    let wanted = replicas(deployment);
    if !rolls(deployment) {
        return wanted;
    }
    let room = wanted + bounds(deployment).0 - total(sets.iter());
    if room <= 0 { has } else { has + room.min(wanted - has) }
}

/// One step of a rolling update: the new ReplicaSet grows, or else old ones shrink.
pub(super) fn roll(cx: &Context, deployment: &Json, sets: &mut Sets) -> Result<(), Status> {
    let Some(new) = sets.new.clone() else { return Ok(()) };
    let (wanted, has) = (replicas(deployment), spec_replicas(&new));
    let target = if has > wanted { wanted } else { of_new(deployment, sets) };
    if target != has {
        sets.new = Some(resize(cx, deployment, &new, target)?);
        return Ok(());
    }
    shrink(cx, deployment, sets, &new)
}

fn shrink(cx: &Context, deployment: &Json, sets: &mut Sets, new: &Json) -> Result<(), Status> {
    if total(sets.old.iter()) == 0 {
        return Ok(());
    }
    let least = replicas(deployment) - bounds(deployment).1;
    let coming = spec_replicas(new) - available(new);
    let most = total(sets.iter()) - least - coming;
    if most <= 0 {
        return Ok(());
    }
    // Pods that do nothing for anybody go first.
    let mut gone = 0;
    for old in &mut sets.old {
        let (has, useful) = (spec_replicas(old), available(old));
        let lost = (most - gone).min(has - useful);
        if lost > 0 {
            *old = resize(cx, deployment, old, has - lost)?;
            gone += lost;
        }
    }
    let mut spare = sets.iter().map(|set| available(set)).sum::<i64>() - least;
    for old in &mut sets.old {
        let has = spec_replicas(old);
        let lost = spare.min(has);
        if lost > 0 {
            *old = resize(cx, deployment, old, has - lost)?;
            spare -= lost;
        }
    }
    Ok(())
}

/// Gives a Deployment that was scaled its new size: the one active ReplicaSet, or all of them in proportion.
pub(super) fn scale(cx: &Context, deployment: &Json, sets: &mut Sets) -> Result<(), Status> {
    let wanted = replicas(deployment);
    let is_active = |set: &Arc<Json>| spec_replicas(set) > 0;
    let active = sets.iter().filter(|set| is_active(set)).count();
    if active <= 1 {
        let old_is = sets.old.iter().position(is_active);
        if let (Some(at), true) = (old_is, active == 1) {
            sets.old[at] = resize(cx, deployment, &sets.old[at], wanted)?;
        } else if let Some(new) = sets.new.clone() {
            sets.new = Some(resize(cx, deployment, &new, wanted)?);
        } else if let Some(last) = sets.old.last_mut() {
            *last = resize(cx, deployment, last, wanted)?;
        }
        return Ok(());
    }
    let saturated = sets.new.as_deref().is_some_and(|new| {
        spec_replicas(new) == wanted
            && available(new) == wanted
            && annotation(new, DESIRED).parse() == Ok(wanted)
    });
    if saturated {
        for old in &mut sets.old {
            if spec_replicas(old) > 0 {
                *old = resize(cx, deployment, old, 0)?;
            }
        }
        return Ok(());
    }
    if !rolls(deployment) {
        return Ok(());
    }
    let allowed = if wanted > 0 { wanted + bounds(deployment).0 } else { 0 };
    let missing = allowed - total(sets.iter());
    let mut all: Vec<(bool, usize, Arc<Json>)> =
        sets.old.iter().cloned().enumerate().map(|(at, set)| (false, at, set)).collect();
    all.extend(sets.new.clone().map(|new| (true, 0, new)));
    all.retain(|(_, _, set)| is_active(set));
    // The largest first; of equals, growing favours the newest and shrinking the oldest.
    all.sort_by_key(|(new, at, set)| {
        let age = if *new { usize::MAX } else { *at };
        let age = i64::try_from(age).unwrap_or(i64::MAX);
        (-spec_replicas(set), if missing > 0 { -age } else { age })
    });
    let mut given = 0;
    let mut sizes: Vec<i64> = Vec::new();
    for (_, _, set) in &all {
        let share = proportion(deployment, set, missing, given);
        given += share;
        sizes.push(spec_replicas(set) + share);
    }
    if let Some(first) = sizes.first_mut() {
        *first = (*first + missing - given).max(0);
    }
    for ((new, at, set), size) in all.iter().zip(sizes) {
        let resized = resize(cx, deployment, set, size)?;
        if *new {
            sets.new = Some(resized);
        } else {
            sets.old[*at] = resized;
        }
    }
    Ok(())
}

/// A ReplicaSet's share of what is to be added or taken away.
fn proportion(deployment: &Json, set: &Json, missing: i64, given: i64) -> i64 {
    let has = spec_replicas(set);
    if has == 0 || missing == 0 || missing == given {
        return 0;
    }
    let wanted = replicas(deployment);
    let fraction = if wanted == 0 {
        -has
    } else {
        let most = annotations(set).and_then(|all| all.get(MAX)?.as_str()?.parse().ok());
        let most: i64 = most.filter(|most| *most > 0).unwrap_or(wanted);
        let ideal = has.saturating_mul(wanted + bounds(deployment).0);
        // Rounded to the nearest.
        (ideal.saturating_mul(2) + most) / (2 * most) - has
    };
    if missing > 0 { fraction.min(missing - given) } else { fraction.max(missing - given) }
}
