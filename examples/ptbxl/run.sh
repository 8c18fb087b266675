#!/usr/bin/env bash
# PTB-XL on disk to a registered xLSTM.   usage: run.sh PTBXL_DIR RECORD [EPOCHS]
set -euo pipefail
ptbxl="${1:?usage: run.sh PTBXL_DIR RECORD [EPOCHS]}"
record="${2:?usage: run.sh PTBXL_DIR RECORD [EPOCHS]}"
epochs="${3:-5}"

ecg prepare ptbxl "$ptbxl" --task superdiagnostic
run=$(ecg train --dataset ptbxl --arch xlstm --epochs "$epochs" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["run"])')
ecg evaluate "$run"
bundle=$(ecg export "$run" --format all --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["bundle"])')
ecg register "$bundle" --name ptbxl-xlstm
ecg predict ptbxl-xlstm "$record" --age 56 --sex F
