"""The worker process: it claims jobs, runs the network and stores results."""
