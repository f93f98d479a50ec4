//! Messages for people, and those of the Toolkit's plugin.

use super::*;

#[test]
fn a_person_reads_that_a_run_deviated_once() {
    let expected = expect![[r#"
        POST https://hooks.slack.com/services/T/B/X
        Content-Type: application/json; charset=utf-8
        {
         "text": "*Deviated*: A small experiment (0.2 s)",
         "attachments": [
          {
           "footer": "chaos run r7f3 on here",
           "color": "danger",
           "fallback": "*Deviated*: A small experiment (0.2 s)",
           "fields": [
            {
             "title": "Steady state: It &lt;serves&gt;",
             "value": "before: met, after: not met"
            },
            {
             "title": "What deviated",
             "value": "`web answers` gave status 503, not 200 (after the method)"
            },
            {
             "title": "Failed activities",
             "value": "`kill`: no such process"
            },
            {
             "title": "Failed rollbacks",
             "value": "`undo`: gone"
            },
            {
             "title": "Still changed",
             "value": "scale Deployment shop/web back to 3\n`chaos recover r7f3` puts it back"
            }
           ],
           "ts": 1795165982
          }
         ]
        }
    "#]];
    expected.assert_eq(&told(webhook(), &deviated()));
}

#[test]
fn a_person_reads_why_a_run_came_to_no_end() {
    let story = Story::of(hypothesis())
        .strategies("continuous", "default")
        .hypothesis(Phase::During)
        .activity(Place::Hypothesis(Phase::During), probe(), gave(json!(["a & b"])))
        .judged(false, "200")
        .unmet(Phase::During, "web answers", false)
        .tell(Event::MethodStarted { activities: 1 })
        .tell(Event::Armed {
            undo: UndoId(1),
            by: None,
            kind: "k".to_owned(),
            key: "k".to_owned(),
            describe: "delete the proxy".to_owned(),
            with: json!({}),
        })
        .tell(Event::StopRequested { signal: "SIGINT".to_owned(), degree: 1 })
        .tell(Event::NotRestored { undo: UndoId(1), message: "no".to_owned(), hint: None })
        .ended(Status::Interrupted, false);
    let to = json!({"type": "slack", "token": "xoxb-1", "channel": "#chaos", "base_url": "https://slack-gov.com/api/"});
    expect![[r##"
        POST https://slack-gov.com/api/chat.postMessage
        Authorization: Bearer xoxb-1
        Content-Type: application/json; charset=utf-8
        {
         "text": "*Interrupted*: A small experiment (0.1 s)",
         "attachments": [
          {
           "footer": "chaos run r7f3 on here",
           "color": "warning",
           "fallback": "*Interrupted*: A small experiment (0.1 s)",
           "fields": [
            {
             "title": "Steady state: It &lt;serves&gt;",
             "value": "during: 0 of 1 times met"
            },
            {
             "title": "What deviated",
             "value": "`web answers` gave ['a &amp; b'], not 200 (during the method)"
            },
            {
             "title": "Interrupted by",
             "value": "SIGINT"
            },
            {
             "title": "Still changed",
             "value": "delete the proxy\n`chaos recover r7f3` puts it back"
            }
           ],
           "ts": 1795165982
          }
         ],
         "channel": "#chaos"
        }
    "##]]
    .assert_eq(&told(to, &story));
    let failed = Story::of(hypothesis())
        .strategies("default", "default")
        .hypothesis(Phase::Before)
        .activity(Place::Hypothesis(Phase::Before), probe(), failed("activity took too long to complete"))
        .judged(false, "200")
        .unmet(Phase::Before, "web answers", true)
        .ended(Status::Failed, false);
    expect![[r#"
        POST https://hooks.slack.com/services/T/B/X
        Content-Type: application/json; charset=utf-8
        {
         "text": "*Failed*: A small experiment (0.1 s)",
         "attachments": [
          {
           "footer": "chaos run r7f3 on here",
           "color": "danger",
           "fallback": "*Failed*: A small experiment (0.1 s)",
           "fields": [
            {
             "title": "Steady state: It &lt;serves&gt;",
             "value": "before: not met"
            },
            {
             "title": "What deviated",
             "value": "`web answers` failed: activity took too long to complete (before the method)"
            }
           ],
           "ts": 1795165982
          }
         ]
        }
    "#]]
    .assert_eq(&told(webhook(), &failed));
}

#[test]
fn a_person_reads_what_begins_and_what_is_not_valid() {
    let experiment =
        json!({"title": "Lose a <!channel>", "steady-state-hypothesis": {"title": "Up & running"}});
    expect![[r##"
        POST https://hooks.slack.com/services/T/B/X
        Content-Type: application/json; charset=utf-8
        {
         "text": "*Started*: Lose a &lt;!channel&gt;",
         "attachments": [
          {
           "color": "#439FE0",
           "fallback": "*Started*: Lose a &lt;!channel&gt;",
           "fields": [
            {
             "title": "Hypothesis",
             "value": "Up &amp; running"
            }
           ],
           "ts": 1795165982
          }
         ]
        }
    "##]]
    .assert_eq(&told_of(webhook(), Name::RunStarted, experiment.clone(), None));
    let error = "An exception was raised: InvalidActivity('activity must have a type')";
    expect![[r#"
        POST https://hooks.slack.com/services/T/B/X
        Content-Type: application/json; charset=utf-8
        {
         "text": "*Not valid*: Lose a &lt;!channel&gt;",
         "attachments": [
          {
           "color": "danger",
           "fallback": "*Not valid*: Lose a &lt;!channel&gt;",
           "fields": [
            {
             "title": "Why",
             "value": "activity must have a type"
            }
           ],
           "ts": 1795165982
          }
         ]
        }
    "#]]
    .assert_eq(&told_of(webhook(), Name::ValidateFailed, experiment, Some(error)));
    let error = "An exception was raised: DiscoveryFailed('Package x not found')";
    expect![[r#"
        POST https://hooks.slack.com/services/T/B/X
        Content-Type: application/json; charset=utf-8
        {
         "text": "*Nothing discovered*: x",
         "attachments": [
          {
           "color": "danger",
           "fallback": "*Nothing discovered*: x",
           "fields": [
            {
             "title": "Why",
             "value": "Package x not found"
            }
           ],
           "ts": 1795165982
          }
         ]
        }
    "#]]
    .assert_eq(&told_of(webhook(), Name::DiscoveryFailed, json!("x"), Some(error)));
}

#[test]
fn the_plugins_messages() {
    expect![[r##"
        POST https://slack.com/api/chat.postMessage
        Authorization: Bearer xoxb-1
        Content-Type: application/json; charset=utf-8
        {
         "text": "New Chaos Experiment Event",
         "attachments": [
          {
           "fields": [
            {
             "title": "Source",
             "value": "run",
             "short": true
            },
            {
             "title": "Event",
             "value": "run-completed",
             "short": true
            },
            {
             "title": "Experiment",
             "value": "A small experiment",
             "short": false
            }
           ],
           "color": "#439FE0"
          },
          {
           "text": "Steady State",
           "fields": [
            {
             "title": "Hypothesis",
             "value": "It &lt;serves&gt;",
             "short": false
            },
            {
             "title": "Before",
             "value": "ok",
             "short": false
            },
            {
             "title": "After",
             "value": "not met",
             "short": false
            },
            {
             "title": "Tolerance Output",
             "value": "```{'status': 503, 'headers': {}, 'body': '&lt;b&gt;'}```",
             "short": false
            }
           ],
           "color": "danger"
          },
          {
           "text": "Failed Activities",
           "fields": [
            {
             "title": "kill",
             "value": "```chaoslib.exceptions.ActivityFailed: no such process```",
             "short": false
            }
           ],
           "color": "danger"
          },
          {
           "text": "Failed Rollbacks",
           "fields": [
            {
             "title": "undo",
             "value": "```chaoslib.exceptions.ActivityFailed: gone```",
             "short": false
            }
           ],
           "color": "danger",
           "ts": 1795165982.14,
           "footer_icon": "https://avatars1.githubusercontent.com/u/32068152?s=16&v=4",
           "footer": "Chaos Toolkit"
          }
         ],
         "channel": "#chaos"
        }
        POST https://slack.com/api/chat.postMessage
        Authorization: Bearer xoxb-1
        Content-Type: application/json; charset=utf-8
        {
         "text": "New Chaos Experiment Event",
         "attachments": [
          {
           "fields": [
            {
             "title": "Source",
             "value": "run",
             "short": true
            },
            {
             "title": "Event",
             "value": "run-deviated",
             "short": true
            },
            {
             "title": "Experiment",
             "value": "A small experiment",
             "short": false
            }
           ],
           "color": "#439FE0"
          },
          {
           "text": "Steady State",
           "fields": [
            {
             "title": "Hypothesis",
             "value": "It &lt;serves&gt;",
             "short": false
            },
            {
             "title": "Before",
             "value": "ok",
             "short": false
            },
            {
             "title": "After",
             "value": "not met",
             "short": false
            },
            {
             "title": "Tolerance Output",
             "value": "```{'status': 503, 'headers': {}, 'body': '&lt;b&gt;'}```",
             "short": false
            }
           ],
           "color": "danger"
          },
          {
           "text": "Failed Activities",
           "fields": [
            {
             "title": "kill",
             "value": "```chaoslib.exceptions.ActivityFailed: no such process```",
             "short": false
            }
           ],
           "color": "danger"
          },
          {
           "text": "Failed Rollbacks",
           "fields": [
            {
             "title": "undo",
             "value": "```chaoslib.exceptions.ActivityFailed: gone```",
             "short": false
            }
           ],
           "color": "danger",
           "ts": 1795165982.14,
           "footer_icon": "https://avatars1.githubusercontent.com/u/32068152?s=16&v=4",
           "footer": "Chaos Toolkit"
          }
         ],
         "channel": "#chaos"
        }
    "##]]
    .assert_eq(&told(plugin(), &deviated()));
    expect![[r##"
        POST https://slack.com/api/chat.postMessage
        Authorization: Bearer xoxb-1
        Content-Type: application/json; charset=utf-8
        {
         "text": "New Chaos Experiment Event",
         "attachments": [
          {
           "fields": [
            {
             "title": "Source",
             "value": "run",
             "short": true
            },
            {
             "title": "Event",
             "value": "run-started",
             "short": true
            },
            {
             "title": "Experiment",
             "value": "t",
             "short": false
            }
           ],
           "color": "#439FE0"
          },
          {
           "text": "Steady State",
           "fields": [
            {
             "title": "Hypothesis",
             "value": "N/A",
             "short": false
            }
           ],
           "color": "#439FE0",
           "ts": 1795165982.14,
           "footer_icon": "https://avatars1.githubusercontent.com/u/32068152?s=16&v=4",
           "footer": "Chaos Toolkit"
          }
         ],
         "channel": "#chaos"
        }
    "##]]
    .assert_eq(&told_of(plugin(), Name::RunStarted, json!({"title": "t"}), None));
    expect![[r##"
        POST https://slack.com/api/chat.postMessage
        Authorization: Bearer xoxb-1
        Content-Type: application/json; charset=utf-8
        {
         "text": "New Chaos Experiment Event",
         "attachments": [
          {
           "fields": [
            {
             "title": "Source",
             "value": "discovery",
             "short": true
            },
            {
             "title": "Event",
             "value": "discovery-started",
             "short": true
            }
           ],
           "color": "#439FE0",
           "ts": 1795165982.14,
           "footer_icon": "https://avatars1.githubusercontent.com/u/32068152?s=16&v=4",
           "footer": "Chaos Toolkit"
          }
         ],
         "channel": "#chaos"
        }
    "##]]
    .assert_eq(&told_of(plugin(), Name::DiscoveryStarted, json!("acme"), None));
}
