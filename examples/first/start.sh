#!/bin/sh
# Builds the little shop, starts it and prints its port. $1: whether it connects again to a stock that was away, yes or no.
set -eu
here=$(dirname "$0")
to=$here/../../target/first
mkdir -p "$to"
rustc --edition 2021 -o "$to/shop.$$" "$here/shop.rs"
mv "$to/shop.$$" "$to/shop"
exec "$to/shop" start "$to" "$1"
