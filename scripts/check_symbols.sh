#!/usr/bin/env bash
# The library exports exactly the functions of the header.
set -euo pipefail
cd "$(dirname "$0")/.."

declared=$(scripts/list_symbols.sh)
exported=$(nm -D --defined-only build/libfpnas.so | awk '{ print $3 }' | LC_ALL=C sort)
# A prototype that list_symbols.sh overlooks would be missing on both sides; count another way.
prototypes=$(cc -E -P -Iinclude -include fpnas.h -x c /dev/null |
    { grep -oE '\bfpnas_[a-z0-9_]+ *\(' || true; } | tr -d ' (' | LC_ALL=C sort)
# The version script hides a function that the header forgot, so look at the sources.
implemented=$(grep -rhoE '@_cdecl\("[^"]+"\)' Sources/CABI | cut -d '"' -f 2 | LC_ALL=C sort)

difference() { # difference WHAT A B: lines of A that are not in B
    local lines
    lines=$(LC_ALL=C comm -23 <(echo "$2") <(echo "$3"))
    [[ -z $lines ]] && return 0
    sed "s/^/check_symbols: $1: /" <<<"$lines" >&2
    failed=1
}
failed=0
difference "declared without FPNAS_API" "$prototypes" "$declared"
difference "declared twice" "$(uniq -d <<<"$declared")" ""
difference "declared, not exported" "$declared" "$exported"
difference "implemented, not declared" "$implemented" "$declared"
difference "exported, not declared" "$exported" "$declared"
[[ -n $declared ]] || failed=1
((failed == 0)) || exit 1
echo "check_symbols: ok, $(grep -c . <<<"$exported") functions"
