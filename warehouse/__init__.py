"""Tables: interactions in, health out. Knows nothing of Kafka or Faust."""
