"""What attribution and training cost, beside plain loops and the machine's peak."""
