"""All that is asked of AWS, through the aws command."""
