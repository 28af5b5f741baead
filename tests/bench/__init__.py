"""`make bench`: what the engine and both Kafka clients do with the same bytes, beside `orjson.loads`, in one run."""
