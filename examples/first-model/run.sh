#!/usr/bin/env bash
# The whole pipeline with no data at all: a synthetic corpus to a registered, predicting model.
# ECG_HOME says where everything goes; a second run starts afresh.
set -euo pipefail
: "${ECG_HOME:?Set ECG_HOME to a folder for stores, runs and models, for example: export ECG_HOME=\$PWD/home}"
work="$ECG_HOME/first-model"
rm -rf "$work"
mkdir -p "$work"

ecg prepare synthetic --records 400 --out "$work/synthetic" --force
ecg plot "$work/synthetic:0" --out "$work/first-record.png" --force
ecg train --dataset "$work/synthetic" --recipe synthetic-quick --out "$work/run"
ecg evaluate "$work/run" --out "$work/report" --force
ecg export "$work/run" --format all --out "$work/bundle" --force
ecg register "$work/bundle" --name first-model
ecg models list
ecg plot "$work/synthetic:3" --out "$work/to-predict.png" --force
ecg predict first-model "$work/synthetic:3"
ecg info "$work/run"

echo
echo "Look at $work/first-record.png and $work/report/report.html"
