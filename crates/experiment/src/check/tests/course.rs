//! What cannot work in the course of an experiment: rollbacks, pauses, background, references, names that nothing fills in.

use super::{check, complaints, shown};
use expect_test::{Expect, expect};

const COUNTED: &str =
    "{type: probe, name: counted, tolerance: 2, provider: {type: python, module: gate, func: count}}";

/// An action of the gate, with more keys.
fn gate(func: &str, arguments: &str, rest: &str) -> String {
    let provider = format!("{{type: python, module: gate, func: {func}, arguments: {{{arguments}}}}}");
    format!("{{type: action, name: {func}, provider: {provider}{rest}}}")
}

/// A process that does something.
fn process(kind: &str, rest: &str) -> String {
    format!("{{type: {kind}, name: p, provider: {{type: process, path: echo}}{rest}}}")
}

/// Checks a method and rollbacks.
fn rolled_back(method: &str, rollbacks: &str, expect: Expect) {
    check(&format!("method: [{method}]\nrollbacks: [{rollbacks}]"), expect);
}

#[test]
fn a_change_that_stays() {
    let shut = gate("shut", "name: main", "");
    rolled_back(
        &format!("{shut}, {shut}"),
        "",
        expect![[r#"
        3:10 hint[lasting-change] method[0]: nothing puts this change back after a run that completes (add a rollback, or run with `--undo always`)
    "#]],
    );
    rolled_back(&shut, &gate("shut", "name: main, ns: default", ""), expect![""]);
    rolled_back(&gate("scare", "", ""), "", expect![""]);
    check(&format!("method: [{shut}]\nruntime: {{undo: always}}"), expect![""]);
    check(
        &format!("method: [{shut}]"),
        expect![[r#"
        3:10 hint[lasting-change] method[0]: nothing puts this change back after a run that completes (add a rollback, or run with `--undo always`)
    "#]],
    );
}

#[test]
fn rollbacks_that_put_nothing_back() {
    let shut = gate("shut", "name: main, ns: zoo", "");
    rolled_back(
        &shut,
        &process("probe", ""),
        expect![[r#"
        4:1 hint[idle-rollback] rollbacks: every rollback is a probe, which only looks: nothing is put back (what changes something is of type `action`)
    "#]],
    );
    rolled_back(&shut, &format!("{}, {}", process("probe", ""), process("action", "")), expect![""]);
    rolled_back(&process("probe", ""), &process("probe", ""), expect![""]);
    rolled_back(
        &shut,
        &gate("shut", "name: mian, ns: zoo", ""),
        expect![[r#"
        4:109 hint[idle-rollback] rollbacks[0].provider.arguments.name: the method changes `main` in `zoo`, not `mian` in `zoo` (did you mean `main`?)
    "#]],
    );
    rolled_back(
        &shut,
        &gate("shut", "name: main", ""),
        expect![[r#"
        4:102 hint[idle-rollback] rollbacks[0].provider.arguments.ns: the method changes `main` in `zoo`, not `main` in `default`
    "#]],
    );
    // What may be anything is given the benefit of the doubt.
    rolled_back(
        &shut,
        &gate("shut", "name: '${x}', ns: zoo", ""),
        expect![[r#"
        4:109 hint[undeclared-variable] rollbacks[0].provider.arguments.name: nothing declares `x`, so `${x}` stays as it is
    "#]],
    );
    rolled_back(
        &format!("{shut}, {}", process("action", "")),
        &gate("shut", "name: mian, ns: zoo", ""),
        expect![""],
    );
}

/// Checks a method before a hypothesis; only the rule in question is shown.
fn hurried(method: &str, probes: &str, rest: &str) -> bool {
    let yaml = format!(
        "title: t\ndescription: d\nmethod: [{method}]\nrollbacks: [{}]\nsteady-state-hypothesis: {{title: h, probes: [{probes}]}}\n{rest}",
        process("action", "")
    );
    let found = complaints(&yaml);
    found.iter().any(|complaint| complaint.rule == "hurried-hypothesis")
}

#[test]
fn a_hypothesis_that_looks_too_early() {
    let http = |rest: &str| {
        format!("{{type: probe, name: h, tolerance: 200, provider: {{type: http, url: 'http://x'{rest}}}}}")
    };
    let scare = gate("scare", "", "");
    let cases = [
        (true, scare.clone(), COUNTED.to_owned(), ""),
        (true, format!("{scare}, {COUNTED}"), http(""), ""),
        (true, scare.clone(), COUNTED.to_owned(), "runtime: {hypothesis: {strategy: after-method-only}}"),
        (true, format!("{scare}, {{ref: scare}}"), COUNTED.to_owned(), ""),
        // Something pauses, waits, or may wait.
        (false, gate("scare", "", ", pauses: {after: 1}"), COUNTED.to_owned(), ""),
        (false, gate("scare", "", ", pauses: {after: '${x}'}"), COUNTED.to_owned(), ""),
        (false, gate("scare", "", ", background: true"), COUNTED.to_owned(), ""),
        (false, format!("{scare}, {}", process("action", "")), COUNTED.to_owned(), ""),
        (false, scare.clone(), http(", max_retries: 3"), ""),
        (false, scare.clone(), process("probe", ", tolerance: 0"), ""),
        (false, scare.clone(), format!("{}, {COUNTED}", process("probe", ", tolerance: 0")), ""),
        (false, scare.clone(), COUNTED.replace("tolerance", "pauses: {before: 1}, tolerance"), ""),
        (
            false,
            scare.clone(),
            COUNTED.to_owned(),
            "controls: [{name: c, provider: {type: python, module: os}}]",
        ),
        // Nothing looks afterwards.
        (false, scare.clone(), String::new(), ""),
        (false, scare.clone(), COUNTED.to_owned(), "runtime: {hypothesis: {strategy: before-method-only}}"),
        (false, scare.clone(), COUNTED.to_owned(), "runtime: {hypothesis: {strategy: continuously}}"),
        (false, gate("sign", "", ""), COUNTED.to_owned(), ""),
        (false, String::new(), COUNTED.to_owned(), ""),
    ];
    for (wanted, method, probes, rest) in cases {
        assert_eq!(hurried(&method, &probes, rest), wanted, "method [{method}], probes [{probes}], {rest}");
    }
    check(
        &format!("method: [{scare}]\nsteady-state-hypothesis: {{title: h, probes: [{COUNTED}]}}"),
        expect![[r#"
            3:10 hint[hurried-hypothesis] method[0]: the hypothesis is checked right after this, when its effect may not show yet (give it time: `pauses: {after: 2}`, or as long as the effect takes)
        "#]],
    );
}

#[test]
fn background_with_nothing_beside_it() {
    let echo = process("action", "");
    let behind = process("action", ", background: true");
    rolled_back(
        &behind,
        "",
        expect![[r#"
        3:73 hint[ignored-key] method[0].background: `background` decides nothing here: nothing comes after it, so nothing runs beside it
    "#]],
    );
    rolled_back(
        &format!("{echo}, {behind}"),
        &behind,
        expect![[r#"
        3:137 hint[ignored-key] method[1].background: `background` decides nothing here: nothing comes after it, so nothing runs beside it
        4:76 hint[ignored-key] rollbacks[0].background: `background` decides nothing here: nothing comes after it, so nothing runs beside it
    "#]],
    );
    rolled_back(&format!("{behind}, {behind}"), &format!("{behind}, {echo}"), expect![""]);
    let slow = process("action", ", background: true, pauses: {before: 1, after: 2}");
    rolled_back(
        &format!("{slow}, {echo}"),
        "",
        expect![[r#"
        3:111 hint[ignored-key] method[0].pauses.after: the next activity does not wait for this pause, for this one runs in the background (to begin the next one later, give that one `pauses: {before: …}`)
    "#]],
    );
    check(
        &format!(
            "method: []\nsteady-state-hypothesis: {{title: h, probes: [{}, {}]}}",
            process("probe", ", tolerance: 0, background: true"),
            process("probe", ", tolerance: 0, background: false")
        ),
        expect![[r#"
            4:122 hint[ignored-key] steady-state-hypothesis.probes[0].background: `background` decides nothing here: the probes of the hypothesis are run one after the other
        "#]],
    );
}

#[test]
fn keys_that_decide_nothing() {
    rolled_back(
        &process("probe", ", tolerance: 0"),
        &process("probe", ", tolerance: 0"),
        expect![[r#"
        3:72 hint[ignored-key] method[0].tolerance: `tolerance` decides nothing here: only a probe of the hypothesis is judged
        4:75 hint[ignored-key] rollbacks[0].tolerance: `tolerance` decides nothing here: only a probe of the hypothesis is judged
    "#]],
    );
    check(
        "method: []\nruntime: {hypothesis: {strategy: continuously}}",
        expect![[r#"
        4:24 hint[ignored-key] runtime.hypothesis.strategy: `continuously` has no effect: the experiment has no hypothesis with probes
    "#]],
    );
    check("method: []\nruntime: {hypothesis: {strategy: skip}}", expect![""]);
}

#[test]
fn failing_fast_where_nothing_looks() {
    for strategy in ["default", "after-method-only", "continuously", "during-method-only"] {
        let rest = format!(
            "method: []\nsteady-state-hypothesis: {{title: h, probes: [{COUNTED}]}}\nruntime: {{hypothesis: {{strategy: {strategy}, fail_fast: true, fail_fast_ratio: 0.5}}}}"
        );
        let found = complaints(&format!("title: t\ndescription: d\n{rest}"));
        let wanted = if strategy.contains("uous") || strategy.contains("during") { 0 } else { 2 };
        assert_eq!(found.len(), wanted, "{strategy}: {}", shown(&found));
    }
    check(
        &format!(
            "method: []\nsteady-state-hypothesis: {{title: h, probes: [{COUNTED}]}}\nruntime: {{hypothesis: {{fail_fast: true}}}}"
        ),
        expect![[r#"
            5:24 hint[ignored-key] runtime.hypothesis.fail_fast: `fail_fast` has no effect: nothing looks while the method runs (a `strategy` that does is `continuously`, or `during-method-only`)
        "#]],
    );
}

#[test]
fn references_to_one_of_several() {
    let (one, other) = (process("probe", ""), process("probe", ", pauses: {after: 1}"));
    check(
        &format!("method: [{one}, {other}, {{ref: p}}]"),
        expect![[r#"
        3:162 hint[ambiguous-ref] method[2].ref: 2 activities are named 'p': the last one is meant (those of the hypothesis count as later than those of the method)
    "#]],
    );
    check(&format!("method: [{one}, {one}, {{ref: p}}]"), expect![""]);
    check(&format!("method: [{one}, {other}]"), expect![""]);
}

#[test]
fn names_where_nothing_is_filled_in() {
    let expected = expect![[r#"
        9:66 error[process-path] method[0].provider.path: path '${x}' cannot be found, in activity 'a' (`${…}` is not filled in here: name the program itself, or let a shell do it (`path: sh`))
        2:14 hint[literal-variable] description: `${x}` stays as it is: nothing is filled in here
        3:8 hint[literal-variable] tags[0]: `${x}` stays as it is: nothing is filled in here
        4:29 hint[literal-variable] configuration.copy: `${x}` stays as it is: nothing is filled in here
        5:21 hint[literal-variable] secrets.s.word: `${x}` stays as it is: nothing is filled in here
        7:10 hint[literal-variable] steady-state-hypothesis.title: `${x}` stays as it is: nothing is filled in here
        8:32 hint[literal-variable] steady-state-hypothesis.probes[0].name: `${x}` stays as it is: nothing is filled in here
        8:54 hint[literal-variable] steady-state-hypothesis.probes[0].tolerance[0]: `${x}` stays as it is: nothing is filled in here
        8:117 hint[literal-variable] steady-state-hypothesis.probes[0].provider.method: `${x}` stays as it is: nothing is filled in here
    "#]];
    let yaml = "title: 't ${x}'
description: 'd ${x} costs ${dollars}'
tags: ['${x}']
configuration: {x: 1, copy: '${x}', asked: {type: probe, provider: {type: process, path: echo, arguments: ['${x}']}}}
secrets: {s: {word: 'a${x}b'}}
steady-state-hypothesis:
  title: '${x} is right'
  probes: [{type: probe, name: 'p ${x}', tolerance: ['${x}', 3], provider: {type: http, url: 'http://${x}', method: '${x}', secrets: [s]}}]
method: [{type: action, name: a, provider: {type: process, path: '${x}', arguments: ['${x}']}}]
rollbacks: [{type: action, name: '${nope}', provider: {type: process, path: echo}}]
";
    expected.assert_eq(&shown(&complaints(yaml)));
}
