"""Live events, whatever they are about: an ordered log in Redis per topic, readers, and the sockets they feed."""
