//! What holds for any value: substitution leaves alone what has no placeholder, and what is written reads back.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use squall_experiment::draft::MAX_DEPTH;
use squall_experiment::json::{self, Style};
use squall_experiment::load::{Format, load};
use squall_experiment::substitute::{Scope, substitute};
use squall_experiment::{Object, Value};

/// A value made of these scalars and keys: nested a few levels in every way, or in one way as deep as documents may be.
fn values<S>(scalars: S, keys: BoxedStrategy<String>) -> impl Strategy<Value = Value>
where
    S: Strategy<Value = Value> + Clone + 'static,
{
    let object = {
        let keys = keys.clone();
        move |of: BoxedStrategy<Value>| {
            btree_map(keys.clone(), of, 0..4).prop_map(|it| Object::from_iter(it).into())
        }
    };
    let wide = scalars.clone().prop_recursive(6, 40, 4, move |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::List), object(inner.boxed())]
    });
    let deep = (scalars, vec((any::<bool>(), keys), 0..MAX_DEPTH)).prop_map(|(scalar, levels)| {
        levels.into_iter().fold(scalar, |inner, (list, key)| match list {
            true => Value::List(vec![inner]),
            false => Value::Object(Object::from_iter([(key, inner)])),
        })
    });
    prop_oneof![4 => wide, 1 => deep]
}

/// Digits of an integer that does not fit 64 bits.
fn big() -> impl Strategy<Value = Value> {
    "-?[1-9][0-9]{19,60}".prop_map(Value::Big)
}

fn float() -> impl Strategy<Value = f64> {
    // Any bits, as they are; and what people write.
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (-1e6..1e6).prop_map(|it: f64| (it * 100.0).round() / 100.0)
    ]
}

/// What JSON can hold, `NaN` and infinities included.
fn json_scalars() -> impl Strategy<Value = Value> + Clone {
    let text = prop_oneof![any::<String>(), "[\\x00-\\x1f\"\\\\é\u{2028}\u{1f600}]{0,8}"];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        big(),
        float().prop_map(Value::Float),
        text.prop_map(Value::Text),
    ]
    .boxed()
}

/// Anything that a document or an environment can make.
fn scalars(text: BoxedStrategy<String>) -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        3 => text.prop_map(Value::Text),
        3 => json_scalars().prop_filter("texts are made otherwise", |it| it.as_text().is_none()),
        1 => vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
        1 => "20[0-9]{2}-0[1-9]-1[0-9]".prop_map(Value::Date),
    ]
    .boxed()
}

/// Equal, down to the order of keys and the sign of a zero, `NaN` being the same as `NaN`.
fn same(a: &Value, b: &Value) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

/// Any scope, with short names that texts are likely to hold.
fn scopes() -> impl Strategy<Value = Scope> {
    let names = || prop_oneof!["[a-c]", "[a-zA-Z_][a-z0-9_]{0,3}", any::<String>()];
    let object = || btree_map(names(), json_scalars(), 0..8).prop_map(Object::from_iter);
    (object(), btree_map(names(), object().prop_map(Value::Object), 0..3))
        .prop_map(|(configuration, secrets)| Scope { configuration, secrets: Object::from_iter(secrets) })
}

/// Text without a placeholder: each dollar is followed by what is neither a name nor another dollar.
fn without_placeholders() -> BoxedStrategy<String> {
    let piece = prop_oneof![
        "[^$]{0,6}",
        any::<String>().prop_map(|text| text.replace('$', "")),
        prop::sample::select(vec![
            "$5", "$ a", "$-a", "${} ", "${a-b}", "${a ", "${ a}", "$é", "${é}", "{a}", "$(a)", "$\n"
        ])
        .prop_map(str::to_owned),
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat()).boxed()
}

/// Text with placeholders, some of which mean nothing.
fn with_placeholders() -> BoxedStrategy<String> {
    let piece = prop_oneof!["[a-c ${}]{0,6}", "\\$\\{[a-c]\\}", "\\$[a-c]", Just("$$".to_owned())];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat()).boxed()
}

/// Text that YAML allows in quotes as it is: JSON escapes what is below a blank and no other control character.
fn printable() -> BoxedStrategy<String> {
    "[\\x00-\\x7e\u{a0}-\u{2027}\u{202a}-\u{d7ff}\u{e000}-\u{fefe}\u{ff00}-\u{fffd}\u{10000}-\u{10ffff}]{0,10}".boxed()
}

/// Scalars that JSON and YAML 1.1 write alike. Not among them: exponents without a dot or a sign (text in YAML 1.1), and
/// `NaN` and infinities (other words there).
fn yaml_scalars() -> impl Strategy<Value = Value> + Clone {
    let plain = |number: &f64| number.is_finite() && !json::float_repr(number.to_owned()).contains('e');
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        big(),
        (-1e15..1e15).prop_filter("an exponent", plain).prop_map(Value::Float),
        printable().prop_map(Value::Text),
    ]
    .boxed()
}

proptest! {
    #[test]
    fn without_placeholders_nothing_changes(
        value in values(scalars(without_placeholders()), any::<String>().boxed()),
        scope in scopes(),
    ) {
        let substituted = substitute(&value, &scope);
        prop_assert!(same(&substituted, &value), "{substituted:?}");
    }

    #[test]
    fn from_an_empty_scope_only_doubled_dollars_change(
        value in values(scalars(with_placeholders()), any::<String>().boxed()),
    ) {
        let once = substitute(&value, &Scope::default());
        let twice = substitute(&once, &Scope::default());
        if !json::to_string(&once, &Style::LINE).contains("$$") {
            prop_assert!(same(&twice, &once), "{once:?} becomes {twice:?}");
        }
        if !json::to_string(&value, &Style::LINE).contains("$$") {
            prop_assert!(same(&once, &value), "{once:?}");
        }
    }

    #[test]
    fn json_reads_back(value in values(json_scalars(), any::<String>().boxed())) {
        for style in [Style::JOURNAL, Style::LINE] {
            let text = json::to_string(&value, &style);
            let read = load(text.as_bytes(), Format::Json).map(|draft| draft.document);
            prop_assert!(read.as_ref().is_ok_and(|read| same(read, &value)), "{text}: {read:?}");
            prop_assert!(json::value(&text).is_ok_and(|read| same(&read, &value)), "{text}");
        }
    }

    #[test]
    fn the_form_of_the_log_reads_back(value in values(scalars(any::<String>().boxed()), keys_like_tags())) {
        prop_assume!(value.depth() <= squall_experiment::draft::MAX_LOGGED);
        let text = serde_json::to_string(&value).unwrap_or_default();
        let read = serde_json::from_str::<Value>(&text);
        prop_assert!(read.as_ref().is_ok_and(|read| same(read, &value)), "{text}: {read:?}");
    }

    #[test]
    fn json_is_yaml_too(value in values(yaml_scalars(), printable())) {
        for indent in [None, Some(2)] {
            let text = json::to_string(&value, &Style { indent, ascii: false });
            let read = load(text.as_bytes(), Format::Yaml).map(|draft| draft.document);
            prop_assert!(read.as_ref().is_ok_and(|read| same(read, &value)), "{text}: {read:?}");
        }
    }
}

/// Keys, many of which mean something in the log.
fn keys_like_tags() -> BoxedStrategy<String> {
    let tags = vec!["$int", "$float", "$bytes", "$date", "$object", "x"];
    prop_oneof![prop::sample::select(tags).prop_map(str::to_owned), any::<String>()].boxed()
}
