"""What filters are worth: masking, re-training, prediction of the degradation."""
