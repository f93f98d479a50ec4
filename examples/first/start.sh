#!/bin/sh
# Builds the little shop, starts it and prints its port. $1: whether it connects again to a stock that was away, yes or no.
set -eu
here=$(dirname "$0")
to=$here/../../target/first
mkdir -p "$to"
# Built apart, so that two who start it at once do not meet.
work=$(mktemp -d "$to/build.XXXXXX")
rustc --edition 2021 --out-dir "$work" "$here/shop.rs"
mv "$work/shop" "$to/shop"
rmdir "$work"
exec "$to/shop" start "$to" "$1"
