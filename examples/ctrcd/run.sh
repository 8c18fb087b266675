#!/usr/bin/env bash
# A clinic's MUSE XML and its manifest to a model of cardiac dysfunction under cancer therapy, judged by patient.
# ECG_HOME says where everything goes; a second run starts afresh.
set -euo pipefail
: "${ECG_HOME:?Set ECG_HOME to a folder for stores, runs and models, for example: export ECG_HOME=\$PWD/home}"
work="$ECG_HOME/ctrcd"
rm -rf "$work"
mkdir -p "$work"

# A fictional clinic. With recordings and a manifest of your own, begin at the next line.
ecg prepare synthetic --preset ctrcd-xml --records "${RECORDS:-240}" --out "$work/clinic"
ecg info "$(ls "$work"/clinic/xml/*.xml | head -1)"

# Recordings that lack a lead are kept, with a channel that says so.
ecg prepare manifest "$work/clinic/manifest.csv" --leads 8 --fs 500 --length 5000 --missing mask --out "$work/store"

# The weights are for control, CTRCD: the result of prepare says the order.
ecg train --dataset "$work/store" --recipe ctrcd-baseline --loss ce --class-weights 1.0,2.2 --aug noise,scale,shift \
    --val-metric auprc --early-stop 12 --epochs "${EPOCHS:-8}" --out "$work/run"
ecg evaluate "$work/run" --by-patient --out "$work/report" --force

ecg export "$work/run" --out "$work/bundle" --force
ecg register "$work/bundle" --name ctrcd
ecg predict ctrcd "$(ls "$work"/clinic/xml/*.xml | tail -1)" --meta baseline_lvef=61 --meta therapy=anthracycline

echo
echo "Look at $work/report/report.html"
