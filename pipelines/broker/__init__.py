"""Broker: Apache Kafka from packages, its topics and offsets."""
