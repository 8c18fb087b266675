#!/usr/bin/env bash
# Text logs of a hobby amplifier to a model that tells atrial fibrillation from sinus rhythm.
# ECG_HOME says where everything goes; a second run starts afresh.
set -euo pipefail
: "${ECG_HOME:?Set ECG_HOME to a folder for stores, runs and models, for example: export ECG_HOME=\$PWD/home}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="$ECG_HOME/own-recordings"
rm -rf "$work"
mkdir -p "$work"

# What the device printed. With logs of your own, begin at the next line.
python="$(sed -n '1s/^#!//p' "$(command -v ecg)")" # the one that ecg itself runs with
"$python" "$here/make_logs.py" "$work/logs" 40

# Text to millivolts: the converter has 10 bits over 3.3 V behind a gain of 1,100.
ecg convert-serial "$work"/logs/*.txt --out "$work/recordings" --vref 3.3 --bits 10 --gain 1100 --lead II
ecg info "$work/recordings/log000.npy"

# The list of labels goes beside the recordings.
cp "$work/logs/labels.csv" "$work/recordings/"
ecg prepare folder "$work/recordings" --window-s 10 --positive afib --out "$work/store"

ecg train --dataset "$work/store" --recipe starter-cnn --epochs 8 --out "$work/run"
ecg evaluate "$work/run" --by-patient --out "$work/report" --force
ecg export "$work/run" --out "$work/bundle" --force
ecg predict "$work/bundle" "$work/recordings/log001.npy"

echo
echo "Look at $work/recordings/log001_preview.png and $work/report/report.html"
