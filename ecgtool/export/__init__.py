"""From a run to a bundle: ONNX and TorchScript, compared with the trained model before anything is written."""
