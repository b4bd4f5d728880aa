"""Jobs: their table, queue, storage, limits, and the processes that run and maintain them."""
