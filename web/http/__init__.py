"""HTTP: bodies of requests, large answers, connections and open files, all bounded."""
