"""A whole city in one process on simulated time, network and disk: one seed, one run.

The services' own code runs, from bootstrap to SQLite, with the real NATS client and the real
FastStream; what is simulated is what surrounds them: the event loop's time, threads, the network,
the broker, the disk's failures, and the people who call. Nothing waits, so that minutes of a
city's life take a fraction of a second, and everything that happens follows from the seed.
"""
