"""Administration: the audit log and the state of queue and workers."""
