#!/usr/bin/env bash
# From a recording to its waves: on the screen, on paper, as a table and as annotations.
# Give recordings of your own, in any format: bash run.sh FILE...; without any, synthetic ones are drawn.
set -euo pipefail
: "${ECG_HOME:?Set ECG_HOME to a folder for what is made, for example: export ECG_HOME=\$PWD/home}"
work="$ECG_HOME/waves"
rm -rf "$work"
mkdir -p "$work"

if [ $# -eq 0 ]; then
    ecg prepare synthetic --records 20 --out "$work/synthetic" --force
    set -- "$work/synthetic:0" "$work/synthetic:1" "$work/synthetic:2"
fi
ecg segment "$@"
ecg segment "$@" --out "$work/waves.csv"
ecg segment "$@" --out "$work/annotations"
ecg plot "$1" --waves --out "$work/waves.png"

echo
echo "Look at $work/waves.png and $work/waves.csv"
