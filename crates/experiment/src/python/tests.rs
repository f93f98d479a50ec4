//! Tables of what Python 3.11 prints, raises and decides.

use super::*;
use crate::Object;
use proptest::prelude::*;

fn object(pairs: &[(&str, Value)]) -> Value {
    Value::Object(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Object>())
}

fn big(digits: &str) -> Value {
    Value::Big(digits.to_owned())
}

fn date(text: &str) -> Value {
    Value::Date(text.to_owned())
}

#[test]
fn repr() {
    fn check(value: impl Into<Value>, wanted: &str) {
        assert_eq!(repr_of(&value.into()), wanted);
    }
    check(Value::Null, "None");
    check(true, "True");
    check(-3, "-3");
    check(big("12345678901234567890"), "12345678901234567890");
    for (number, wanted) in [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"),
        (8.6e-5, "8.6e-05"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (5e-324, "5e-324"),
        (123_456.789, "123456.789"),
        (f64::NAN, "nan"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        check(number, wanted);
    }
    check("a", "'a'");
    check("it's", "\"it's\"");
    check("it's \"so\"", "'it\\'s \"so\"'");
    check("a\\b\n\t\r\x00\x7f", "'a\\\\b\\n\\t\\r\\x00\\x7f'");
    check(
        "é ✓ \u{a0}\u{85}\u{200b}\u{2028}\u{e000}\u{10ffff}",
        "'é ✓ \\xa0\\x85\\u200b\\u2028\\ue000\\U0010ffff'",
    );
    check(Value::Bytes(b"raw'\"\xff\n\\".to_vec()), "b'raw\\'\"\\xff\\n\\\\'");
    check(Value::Bytes(b"it's".to_vec()), "b\"it's\"");
    check(vec![1.into(), "a".into(), Value::Null, vec![].into()], "[1, 'a', None, []]");
    check(object(&[("k", 1.0.into()), ("it's", object(&[]))]), "{'k': 1.0, \"it's\": {}}");
    for (text, wanted) in [
        ("2020-02-29", "datetime.date(2020, 2, 29)"),
        ("2020-02-29T12:30:15", "datetime.datetime(2020, 2, 29, 12, 30, 15)"),
        ("2020-02-29T12:30:00", "datetime.datetime(2020, 2, 29, 12, 30)"),
        ("2020-02-29T12:30:00.5", "datetime.datetime(2020, 2, 29, 12, 30, 0, 500000)"),
        (
            "2020-02-29T12:30:15+00:00",
            "datetime.datetime(2020, 2, 29, 12, 30, 15, tzinfo=datetime.timezone.utc)",
        ),
        (
            "2020-02-29T12:30:15.000001+02:00",
            "datetime.datetime(2020, 2, 29, 12, 30, 15, 1, \
             tzinfo=datetime.timezone(datetime.timedelta(seconds=7200)))",
        ),
        (
            "2020-02-29T12:30:15-05:30",
            "datetime.datetime(2020, 2, 29, 12, 30, 15, \
             tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=66600)))",
        ),
    ] {
        check(date(text), wanted);
    }
}

#[test]
fn str() {
    assert_eq!(str_of(&"it's".into()), "it's");
    assert_eq!(str_of(&vec!["x".into(), date("2020-02-29")].into()), "['x', datetime.date(2020, 2, 29)]");
    assert_eq!(str_of(&date("2020-02-29")), "2020-02-29");
    assert_eq!(str_of(&date("2020-02-29T12:30:15+00:00")), "2020-02-29 12:30:15+00:00");
    assert_eq!(str_of(&Value::Bytes(b"raw".to_vec())), "b'raw'");
    assert_eq!(str_of(&Value::Null), "None");
}

#[test]
fn equality() {
    fn check(a: impl Into<Value>, b: impl Into<Value>, wanted: bool) {
        let (a, b) = (a.into(), b.into());
        assert_eq!(equals(&a, &b), wanted, "{a:?} == {b:?}");
        assert_eq!(equals(&b, &a), wanted, "{b:?} == {a:?}");
    }
    check(1, 1.0, true);
    check(1, true, true);
    check(1.0, true, true);
    check(0, false, true);
    check(2, true, false);
    check("1", 1, false);
    check("true", true, false);
    check(Value::Null, 0, false);
    check(Value::Null, Value::Null, true);
    check(f64::NAN, f64::NAN, false);
    check(9_007_199_254_740_993, 9_007_199_254_740_992.0, false);
    check(9_007_199_254_740_992, 9_007_199_254_740_992.0, true);
    check(big("100000000000000000000"), 1e20, true);
    check(big("100000000000000000001"), 1e20, false);
    check(i64::MIN, -9_223_372_036_854_775_808.0, true);
    check(i64::MAX, 9_223_372_036_854_775_808.0, false);
    check(vec![1.into(), true.into()], vec![true.into(), 1.0.into()], true);
    check(vec![1.into()], vec![1.into(), 2.into()], false);
    check(
        object(&[("a", 1.into()), ("b", 2.into())]),
        object(&[("b", 2.0.into()), ("a", true.into())]),
        true,
    );
    check(object(&[("a", 1.into())]), object(&[("b", 1.into())]), false);
    check("2020-02-29", date("2020-02-29"), false);
    check(date("2020-02-29T12:00:00+00:00"), date("2020-02-29T14:00:00+02:00"), true);
    check(date("2020-02-29T12:00:00"), date("2020-02-29T12:00:00+00:00"), false);
    check("a", Value::Bytes(b"a".to_vec()), false);
}

#[test]
fn order() {
    fn check(a: impl Into<Value>, operator: Order, b: impl Into<Value>, wanted: Result<bool, &str>) {
        let (a, b) = (a.into(), b.into());
        let got = compare(&a, operator, &b).map_err(|error| error.to_string());
        assert_eq!(got, wanted.map_err(str::to_owned), "{a:?} {operator:?} {b:?}");
    }
    use Order::{Above, AtLeast, AtMost, Below};
    check(1, AtMost, 1.0, Ok(true));
    check(1, Below, true, Ok(false));
    check(1, AtLeast, 1.5, Ok(false));
    check(-1, Above, -1.5, Ok(true));
    check(-1, Below, -0.5, Ok(true));
    check(f64::NAN, AtMost, 1, Ok(false));
    check(1, AtMost, f64::NAN, Ok(false));
    check(big("-99999999999999999999"), Below, 0, Ok(true));
    check(big("99999999999999999999"), Below, big("100000000000000000000"), Ok(true));
    check(big("99999999999999999999"), Below, f64::INFINITY, Ok(true));
    check(big("99999999999999999999"), Above, 1.5, Ok(true));
    check(1e20, Above, big("99999999999999999999"), Ok(true));
    check("a", AtMost, "hello", Ok(true));
    check("Z", Above, "a", Ok(false));
    check(vec![1.into(), 2.into()], Below, vec![1.into(), 3.into()], Ok(true));
    check(vec![1.into()], AtMost, vec![1.into(), "x".into()], Ok(true));
    check(
        vec![1.into(), "x".into()],
        AtMost,
        vec![1.0.into(), 2.into()],
        Err("TypeError: '<=' not supported between instances of 'str' and 'int'"),
    );
    check("3", AtMost, 5, Err("TypeError: '<=' not supported between instances of 'str' and 'int'"));
    check(
        1,
        AtMost,
        Value::Null,
        Err("TypeError: '<=' not supported between instances of 'int' and 'NoneType'"),
    );
    check(
        object(&[]),
        Above,
        object(&[]),
        Err("TypeError: '>' not supported between instances of 'dict' and 'dict'"),
    );
    check(date("2020-02-28"), Below, date("2020-02-29"), Ok(true));
    check(date("2020-02-29T12:00:00+00:00"), Below, date("2020-02-29T13:00:00+02:00"), Ok(false));
    check(
        date("2020-02-29T12:00:00"),
        Below,
        date("2020-02-29"),
        Err("TypeError: can't compare datetime.datetime to datetime.date"),
    );
    check(
        1,
        Below,
        date("2020-02-29"),
        Err("TypeError: '<' not supported between instances of 'int' and 'datetime.date'"),
    );
}

#[test]
fn integers() {
    fn check(value: impl Into<Value>, wanted: Result<Value, &str>) {
        let value = value.into();
        let got = int_of(&value).map_err(|error| error.to_string());
        assert_eq!(got, wanted.map_err(str::to_owned), "{value:?}");
    }
    check(" 4_2\n", Ok(42.into()));
    check("+7", Ok(7.into()));
    check("-0", Ok(0.into()));
    check("007", Ok(7.into()));
    check("٣", Ok(3.into()));
    check("-100000000000000000000", Ok(big("-100000000000000000000")));
    check(2.9, Ok(2.into()));
    check(-2.9, Ok((-2).into()));
    check(1e20, Ok(big("100000000000000000000")));
    check(true, Ok(1.into()));
    check(Value::Bytes(b" 5".to_vec()), Ok(5.into()));
    for text in ["one", "", "1.0", "1__0", "_1", "1_", "0x1f", "--1", "+ 1", "it's"] {
        let wanted = format!("ValueError: invalid literal for int() with base 10: {}", quoted(text));
        check(text, Err(&wanted));
    }
    check(
        Value::Null,
        Err(
            "TypeError: int() argument must be a string, a bytes-like object or a real number, not 'NoneType'",
        ),
    );
    check(f64::INFINITY, Err("OverflowError: cannot convert float infinity to integer"));
}

#[test]
fn floats() {
    fn check(value: impl Into<Value>, wanted: Result<f64, &str>) {
        let value = value.into();
        let got = float_of(&value).map_err(|error| error.to_string());
        assert_eq!(got, wanted.map_err(str::to_owned), "{value:?}");
    }
    for (text, wanted) in [
        ("1e2", 100.0),
        (" 1_0.5\t", 10.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1E-3", -0.001),
        ("1_0e1_0", 1e11),
        ("inf", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("1e999", f64::INFINITY),
        ("٣.٥", 3.5),
    ] {
        check(text, Ok(wanted));
    }
    assert!(float_of(&"+nan".into()).is_ok_and(f64::is_nan));
    check(2, Ok(2.0));
    check(false, Ok(0.0));
    for text in ["often", "", ".", "1e", "1__0", "1_.5", "_1", "0x1", "+-1", "infinit", "1 2", "--inf"] {
        let wanted = format!("ValueError: could not convert string to float: {}", quoted(text));
        check(text, Err(&wanted));
    }
    check(Value::Null, Err("TypeError: float() argument must be a string or a real number, not 'NoneType'"));
    check(big(&"9".repeat(400)), Err("OverflowError: int too large to convert to float"));
}

#[test]
fn decimals() {
    fn check(a: impl Into<Value>, b: impl Into<Value>, wanted: std::cmp::Ordering) {
        let (a, b) = (a.into(), b.into());
        let (Ok(x), Ok(y)) = (Decimal::of(&a), Decimal::of(&b)) else {
            panic!("{a:?} or {b:?} is no decimal");
        };
        assert_eq!(x.cmp(&y), wanted, "{a:?} ? {b:?}");
        assert_eq!(y.cmp(&x), wanted.reverse(), "{b:?} ? {a:?}");
    }
    use std::cmp::Ordering::{Equal, Greater, Less};
    check("0.3", 0.3, Equal);
    check(" 4\n", 4, Equal);
    check("1e2", 100, Equal);
    check("1_0.50", 10.5, Equal);
    check("-0", 0, Equal);
    check("-5", -4, Less);
    check("5.0001", 5, Greater);
    check("100", "99", Greater);
    check("0.01", "0.1", Less);
    check("0.09", "0.1", Less);
    check("-0.09", "-0.1", Greater);
    check("1e99999999999999999999", "1e300", Greater);
    check("1e-99999999999999999999", 0, Greater);
    check("1e-99999999999999999999", 5e-324, Less);
    check("Infinity", 1e308, Greater);
    check("-inf", "-1e99999999999999999999", Less);
    check(true, 1, Equal);
    check(false, 0.0, Equal);
    check(big("100000000000000000000"), "1e20", Equal);
    check("12345678901234567890.5", big("12345678901234567890"), Greater);
    for text in ["three", "", ".", "1e", "e5", "1 2", "0x1", "++1", "1.2.3"] {
        assert_eq!(Decimal::of(&text.into()), Err(NoDecimal::NotNumeric), "{text}");
    }
    for (value, wanted) in [
        (Value::Null, "TypeError: conversion from NoneType to Decimal is not supported"),
        (object(&[]), "TypeError: conversion from dict to Decimal is not supported"),
        (vec![].into(), "ValueError: argument must be a sequence of length 3"),
        (f64::NAN.into(), "decimal.InvalidOperation: [<class 'decimal.InvalidOperation'>]"),
        ("nan".into(), "decimal.InvalidOperation: [<class 'decimal.InvalidOperation'>]"),
    ] {
        match Decimal::of(&value) {
            Err(NoDecimal::Raises(error)) => assert_eq!(error.to_string(), wanted),
            other => panic!("{value:?} gave {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn shown_floats_read_back(number: f64) {
        let shown = repr_of(&number.into());
        let back = float_of(&shown.as_str().into());
        prop_assert!(back.is_ok_and(|back| back == number || number.is_nan()), "{shown}");
    }

    #[test]
    fn decimals_order_as_numbers(a in -1000_i64..1000, b in -1000_i64..1000, shift in 0_i32..4) {
        let text = |number: i64| format!("{number}e-{shift}");
        let (x, y) = (Decimal::of(&text(a).into()), Decimal::of(&text(b).into()));
        prop_assert_eq!(x.and_then(|x| y.map(|y| x.cmp(&y))), Ok(a.cmp(&b)));
    }

    #[test]
    fn any_text_is_taken(text in "\\PC*|[-+_.0-9eEinfa \t]*") {
        let value = Value::from(text);
        let _ = (int_of(&value), float_of(&value), Decimal::of(&value), repr_of(&value));
        let _ = repr_of(&Value::Date(str_of(&value)));
    }
}
