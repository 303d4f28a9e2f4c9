"""A fleet: what up to ten thousand environments with the recorder do to the quotas of one AWS account, simulated."""
