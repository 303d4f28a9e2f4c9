"""What the tool asks of AWS, through the aws command."""
