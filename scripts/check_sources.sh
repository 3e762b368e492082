#!/usr/bin/env bash
# Rules of the sources that the compiler does not know.
set -euo pipefail
cd "$(dirname "$0")/.."

most_lines=500
most_columns=120
failed=0
fail() {
    echo "check_sources: $*" >&2
    failed=1
}

mapfile -t swift_files < <(find Sources Tests -name '*.swift' | LC_ALL=C sort)
mapfile -t library_files < <(printf '%s\n' "${swift_files[@]}" | grep '^Sources/' |
    grep -v '^Sources/fpnas-tool/')

# forbid WHY PATTERN FILE...: no line matches outside of comments and string literals
forbid() {
    local why=$1 pattern=$2 found
    shift 2
    found=$(WHY=$why PATTERN=$pattern perl -ne '
        my $code = $_;
        $code =~ s/"(?:[^"\\]|\\.)*"/""/g;
        $code =~ s{//.*}{};
        print "$ARGV:$.: $ENV{WHY}\n" if $code =~ /$ENV{PATTERN}/;
        close ARGV if eof;
    ' "$@")
    [[ -z $found ]] || fail "$found"
}
forbid "'try!' traps" '\btry!' "${library_files[@]}"
forbid "'as!' traps" '\bas!' "${library_files[@]}"
forbid "a force unwrap traps" '[\w)\]]!(?![=\w])' "${library_files[@]}"
forbid "an implicitly unwrapped optional traps" '>!' "${library_files[@]}"
forbid "traps" '\b(fatalError|precondition|preconditionFailure)\(' "${library_files[@]}"
forbid "a library prints nothing" '(?<!\.)\b(print|debugPrint|dump)\(' "${library_files[@]}"
forbid "only FoundationEssentials is allowed" '^\s*([@\w]+\s+)*import\s+(Foundation|Dispatch)\b' \
    "${library_files[@]}"
forbid "unsafe optimisation" 'Ounchecked|ffast-math|Ofast' Package.swift

mapfile -t outside_formats < <(printf '%s\n' "${library_files[@]}" | grep -v '^Sources/Formats/')
forbid "only Formats may import FoundationEssentials" 'import\s+FoundationEssentials' \
    "${outside_formats[@]}"

for file in "${swift_files[@]}" $(find Sources Tests include \( -name '*.c' -o -name '*.h' \)); do
    lines=$(wc -l <"$file")
    # The header is one file for its users' sake.
    ((lines <= most_lines)) || [[ $file == include/fpnas.h ]] ||
        fail "$file has $lines lines, at most $most_lines allowed"
    long=$(MOST=$most_columns perl -CSD -ne \
        'chomp; print "$." and exit if length > $ENV{MOST}' "$file")
    [[ -z $long ]] || fail "$file:$long: more than $most_columns columns"
done

# Rules only: where lines break is the formatter's business (`make format`).
if swift format --version >/dev/null 2>&1; then
    swift format lint --strict --recursive \
        Package.swift Sources Tests || failed=1
else
    echo "check_sources: no swift format here, its rules are not checked" >&2
fi

((failed == 0)) || exit 1
echo "check_sources: ok, ${#swift_files[@]} Swift files"
